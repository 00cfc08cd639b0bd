import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TftpTestSegment } from '../../../test/support/tftp-test-segment.ts';
import { ipv4, mac } from '../../base/address.ts';
import type { BootEvent } from '../../base/boot-event.ts';
import { ManualClock } from '../../base/clock.ts';
import type { Peer } from '../../base/segment.ts';
import { encodeTftp, TFTP_ERROR, type TftpOption } from '../../protocol/tftp.ts';
import { bufferFile } from '../files/buffer-file.ts';
import type { BootFile } from '../ports.ts';
import { startTftpServer, type TftpServer, type TftpServerOptions } from './tftp-server.ts';

const peer: Peer = { address: ipv4('10.77.0.9'), port: 2070, mac: mac('52:54:00:00:00:01') };
const content = Buffer.from(Array.from({ length: 1000 }, (_, i) => i & 255));

let segment: TftpTestSegment;
let clock: ManualClock;
let events: BootEvent[];
let server: TftpServer;
const files: Record<string, BootFile> = {};

async function start(change: Partial<TftpServerOptions> = {}) {
  server = await startTftpServer({
    segment,
    clock,
    httpPort: 5248,
    bootLog: (event) => events.push(event),
    files: { find: async (path) => files[path] ?? null },
    ...change,
  });
}

beforeEach(async () => {
  segment = new TftpTestSegment();
  clock = new ManualClock();
  events = [];
  Object.assign(files, { 'undionly.kpxe': bufferFile(content), 'boot-kernel': bufferFile(content) });
  await start();
});

afterEach(async () => {
  await server.dispose();
  expect(segment.openPorts).toEqual([]);
  expect(clock.pending).toBe(0);
});

const rrq = (filename: string, options: TftpOption[] = [], mode = 'octet', type: 'rrq' | 'wrq' = 'rrq') =>
  encodeTftp({ type, filename, mode, options });
const ask = (filename: string, options: TftpOption[] = [], from = peer) =>
  segment.deliver(69, rrq(filename, options), from);
const ack = (port: number, block: number, from = peer) =>
  segment.deliver(port, encodeTftp({ type: 'ack', block }), from);
const abort = (port: number) =>
  segment.deliver(port, encodeTftp({ type: 'error', code: 0, message: 'User aborted the transfer' }), peer);
const steps = () => events.map((event) => `${event.phase} ${event.step}`);

describe('a transfer', () => {
  test('in lock-step, from its own port', async () => {
    ask('undionly.kpxe');
    const first = await segment.sent();
    expect(first).toMatchObject({ to: peer, packet: { type: 'data', block: 1 } });
    expect(first.port).not.toBe(69);
    ack(first.port, 1);
    const second = await segment.sent();
    expect(second).toMatchObject({ port: first.port, packet: { type: 'data', block: 2 } });
    expect(Buffer.concat([first.payload, second.payload])).toEqual(content);
    expect(server.transfers()).toMatchObject([{ path: 'undionly.kpxe', sizeBytes: 1000, ackedBytes: 512 }]);
    clock.advance(100);
    ack(first.port, 2);
    expect(server.transfers()).toEqual([]);
    expect(server.counters).toMatchObject({ requests: 1, done: 1, sentBytes: 1000, repeatedBlocks: 0 });
    expect(events).toEqual([
      expect.objectContaining({ phase: 'loader', step: 'request', mac: peer.mac, ip: peer.address }),
      expect.objectContaining({
        phase: 'loader',
        step: 'done',
        detail: { file: 'undionly.kpxe', transport: 'tftp', bytes: 1000, ms: 100, rateMBps: 0.01 },
      }),
    ]);
  });

  test('with options: OACK, then windows', async () => {
    ask('\\boot-kernel', [
      ['tsize', '0'],
      ['blksize', '100'],
      ['windowsize', '4'],
    ]);
    const oack = await segment.sent();
    expect(oack.packet).toEqual({
      type: 'oack',
      options: [
        ['tsize', '1000'],
        ['blksize', '100'],
        ['windowsize', '4'],
      ],
    });
    ack(oack.port, 0);
    const blocks = [await segment.sent(), await segment.sent(), await segment.sent(), await segment.sent()];
    expect(blocks.map((sent) => sent.packet.type === 'data' && sent.packet.block)).toEqual([1, 2, 3, 4]);
    ack(oack.port, 4);
    expect((await segment.sent()).packet).toMatchObject({ block: 5 });
  });

  test('an empty file is one empty block', async () => {
    files['empty.cfg'] = bufferFile('');
    ask('empty.cfg');
    const sent = await segment.sent();
    expect(sent.packet).toMatchObject({ type: 'data', block: 1 });
    expect(sent.payload.length).toBe(0);
    ack(sent.port, 1);
    expect(server.counters.done).toBe(1);
  });

  test('netascii is converted', async () => {
    files['default.cfg'] = bufferFile('a\nb\n');
    segment.deliver(69, rrq('default.cfg', [['tsize', '0']], 'netascii'), peer);
    const oack = await segment.sent();
    expect(oack.packet).toEqual({ type: 'oack', options: [['tsize', '6']] });
    ack(oack.port, 0);
    expect((await segment.sent()).payload.toString()).toBe('a\r\nb\r\n');
  });

  test('silence is met with repeats, then the port is freed', async () => {
    ask('undionly.kpxe');
    await segment.sent();
    clock.advance(1000);
    expect((await segment.sent()).packet).toMatchObject({ type: 'data', block: 1 });
    clock.advance(60_000);
    expect(server.counters).toMatchObject({ timeouts: 1, repeatedBlocks: 6 });
    expect(segment.openPorts).toEqual([69]);
    expect(steps()).toEqual(['loader request', 'loader timeout']);
  });

  test('a file that breaks off ends it with an error', async () => {
    files['boot-kernel'] = {
      size: 5000,
      open: () => Readable.from([Buffer.alloc(100)], { objectMode: false }),
    };
    ask('boot-kernel');
    expect((await segment.sent()).packet).toMatchObject({ type: 'error', code: 0 });
    expect(server.counters.failed).toBe(1);
    expect(steps()).toEqual(['kernel request', 'kernel aborted']);
  });
});

describe('what clients do', () => {
  test('EDK2 asks for the size and aborts: the port is free at once and nothing was read', async () => {
    files['boot-kernel'] = { size: 5000, open: () => expect.fail('opened') };
    ask('boot-kernel', [['tsize', '0']]);
    const oack = await segment.sent();
    abort(oack.port);
    expect(segment.openPorts).toEqual([69]);
    expect(steps()).toEqual(['kernel request', 'kernel probed']);
  });

  test('an abort in the middle is told as one', async () => {
    ask('undionly.kpxe');
    const sent = await segment.sent();
    ack(sent.port, 1);
    await segment.sent();
    abort(sent.port);
    expect(events.at(-1)).toMatchObject({ step: 'aborted', detail: { reason: 'User aborted the transfer' } });
  });

  test('a request sent twice is served once', async () => {
    ask('undionly.kpxe');
    ask('undionly.kpxe');
    await segment.sent();
    await segment.quiet();
    expect(server.counters).toMatchObject({ requests: 2, duplicates: 1 });
    expect(server.transfers().length).toBe(1);
  });

  test('another request from the same port replaces the transfer without a word', async () => {
    ask('undionly.kpxe');
    const first = await segment.sent();
    ask('boot-kernel');
    const second = await segment.sent();
    expect(second.packet.type).toBe('data');
    expect(second.port).not.toBe(first.port);
    expect(segment.openPorts.length).toBe(2);
  });

  test('the same request after a pause comes from a machine that was reset', async () => {
    ask('undionly.kpxe');
    const first = await segment.sent();
    ack(first.port, 1);
    await segment.sent();
    clock.advance(150);
    ask('undionly.kpxe');
    await segment.quiet();
    expect(server.counters.duplicates).toBe(1);
    clock.advance(1000);
    await segment.drain();
    ask('undionly.kpxe');
    const again = await segment.sent();
    expect(again.packet).toMatchObject({ type: 'data', block: 1 });
    expect(again.port).not.toBe(first.port);
  });

  test('a stranger gets error 5 and the transfer goes on (RFC 1350 §4)', async () => {
    ask('undionly.kpxe');
    const first = await segment.sent();
    const stranger = { ...peer, port: 6666 };
    segment.deliver(first.port, encodeTftp({ type: 'error', code: 0, message: 'die' }), stranger);
    segment.deliver(first.port, Uint8Array.of(7), stranger);
    expect(await segment.sent()).toMatchObject({
      to: stranger,
      packet: { code: TFTP_ERROR.unknownTransferId },
    });
    ack(first.port, 1);
    expect((await segment.sent()).packet).toMatchObject({ type: 'data', block: 2 });
    expect(server.counters.strangers).toBe(2);
  });
});

describe('refused', () => {
  test.each([
    ['writing', rrq('x', [], 'octet', 'wrq'), TFTP_ERROR.accessViolation],
    ['a path that leads out', rrq('../../etc/passwd'), TFTP_ERROR.accessViolation],
    ['mail', rrq('undionly.kpxe', [], 'mail'), TFTP_ERROR.illegalOperation],
    ['noise', Uint8Array.of(1, 2, 3), TFTP_ERROR.illegalOperation],
    ['a file that is not there', rrq('nothing.efi'), TFTP_ERROR.fileNotFound],
  ])('%s', async (_, bytes, code) => {
    segment.deliver(69, bytes, peer);
    expect(await segment.sent()).toMatchObject({ port: 69, to: peer, packet: { type: 'error', code } });
    expect(server.transfers()).toEqual([]);
  });

  test('stray ACKs and errors on port 69 are not answered', async () => {
    ack(69, 1);
    abort(69);
    await segment.quiet();
  });

  test('a missing file is a problem unless asking in vain is part of the way', async () => {
    ask('nothing.efi');
    await segment.sent();
    ask('revocations.efi');
    await segment.sent();
    expect(steps()).toEqual(['loader request', 'loader missing', 'loader request', 'loader absent']);
  });

  test('more transfers than the limits are dropped', async () => {
    await server.dispose();
    await start({ maxTransfers: 3, maxTransfersPerClient: 2 });
    for (let port = 1; port <= 3; port++) ask('undionly.kpxe', [], { ...peer, port });
    for (let host = 20; host < 23; host++)
      ask('undionly.kpxe', [], { address: ipv4(`10.77.0.${host}`), port: 1 });
    expect(server.transfers().length).toBe(3);
    expect(server.counters.overLimit).toBe(3);
    for (let i = 0; i < 3; i++) await segment.sent();
  });
});

test('stopping tells the clients and frees every port', async () => {
  ask('undionly.kpxe');
  await segment.sent();
  await server.dispose();
  expect((await segment.sent()).packet).toMatchObject({ type: 'error', message: 'The server is stopping' });
  await server.dispose();
});
