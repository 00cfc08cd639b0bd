import { once } from 'node:events';
import { Agent, type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LoopbackSegment } from '../../../test/support/loopback-segment.ts';
import type { BootEvent } from '../../base/boot-event.ts';
import { ManualClock } from '../../base/clock.ts';
import type { BootFile } from '../ports.ts';
import { type BootHttpServer, type BootHttpServerOptions, startBootHttpServer } from './boot-http-server.ts';
import { bufferFile } from './buffer-file.ts';
import { CONNECTION_LIMITS } from './connection-guard.ts';

const content = Buffer.from(Array.from({ length: 1000 }, (_, i) => i & 255));
let segment: LoopbackSegment;
let clock: ManualClock;
let events: BootEvent[];
let waiting: (() => void) | null;
let server: BootHttpServer;
let agent: Agent;
let files: Record<string, BootFile>;

async function start(change: Partial<BootHttpServerOptions> = {}) {
  server = await startBootHttpServer({
    segment,
    clock,
    bootLog: (event) => {
      events.push(event);
      waiting?.();
    },
    files: { find: async (path) => files[path] ?? null },
    routes: [
      {
        prefix: '/MAAS/metadata',
        handle: (incoming, response) => {
          text(incoming).then((body) => response.end(`${incoming.method} ${incoming.url} ${body}`));
        },
      },
    ],
    ...change,
  });
}

beforeEach(async () => {
  segment = new LoopbackSegment();
  clock = new ManualClock();
  events = [];
  waiting = null;
  agent = new Agent({ keepAlive: true, maxSockets: 1 });
  files = { 'images/boot-kernel': bufferFile(content), 'empty.cfg': bufferFile('') };
  await start();
});

afterEach(async () => {
  agent.destroy();
  await server.dispose();
  expect(segment.openPorts).toBe(0);
});

const target = () => ({ host: '127.0.0.1', port: segment.hostPort('tcp', 5248) });
async function ask(path: string, options: RequestOptions = {}, body?: string): Promise<IncomingMessage> {
  const asked: ClientRequest = request({ ...target(), path, agent, ...options });
  asked.end(body);
  const [response] = await once(asked, 'response');
  return response;
}
/** Waits until `step` was reported. */
async function reported(step: string): Promise<BootEvent> {
  for (;;) {
    const found = events.find((event) => event.step === step);
    if (found) return found;
    await new Promise<void>((resolve) => {
      waiting = resolve;
    });
  }
}

describe('files', () => {
  test('GET with length, date and type, and an event when it is done', async () => {
    const response = await ask('/images/boot-kernel');
    expect(response.statusCode).toBe(200);
    expect(response.headers).toMatchObject({
      'content-length': '1000',
      'content-type': 'application/octet-stream',
      'accept-ranges': 'bytes',
      date: expect.any(String),
    });
    expect(await buffer(response)).toEqual(content);
    expect(await reported('done')).toMatchObject({
      phase: 'kernel',
      detail: { file: 'images/boot-kernel', transport: 'http', bytes: 1000 },
    });
    expect(server.counters).toMatchObject({ requests: 1, done: 1, sentBytes: 1000 });
  });

  test('HEAD tells the length and no event', async () => {
    const response = await ask('/images/boot-kernel', { method: 'HEAD' });
    expect(response.headers['content-length']).toBe('1000');
    expect(await text(response)).toBe('');
    expect(events).toEqual([]);
  });

  test('an empty file', async () => {
    const response = await ask('/empty.cfg');
    expect(response.headers).toMatchObject({ 'content-length': '0', 'content-type': /text\/plain/ });
    expect(await text(response)).toBe('');
    expect((await reported('done')).phase).toBe('config');
  });

  test('a range, and the event that says it was only a part', async () => {
    const response = await ask('/images/boot-kernel', { headers: { range: 'bytes=10-19' } });
    expect(response.statusCode).toBe(206);
    expect(response.headers).toMatchObject({ 'content-range': 'bytes 10-19/1000', 'content-length': '10' });
    expect(await buffer(response)).toEqual(content.subarray(10, 20));
    expect((await reported('part')).detail).toMatchObject({ bytes: 10 });
  });

  test('a range behind the end is 416', async () => {
    const response = await ask('/images/boot-kernel', { headers: { range: 'bytes=1000-' } });
    expect(response.statusCode).toBe(416);
    expect(response.headers).toMatchObject({ 'content-range': 'bytes */1000', 'content-length': '0' });
    response.resume();
  });

  test('If-Range never matches, so the file comes whole', async () => {
    const response = await ask('/images/boot-kernel', { headers: { range: 'bytes=0-1', 'if-range': '"x"' } });
    expect(response.statusCode).toBe(200);
    response.resume();
    await once(response, 'end');
  });

  test('connections are kept', async () => {
    for (let i = 0; i < 3; i++) await buffer(await ask('/images/boot-kernel'));
    expect(server.counters).toMatchObject({ connections: 1, requests: 3 });
  });

  test('a client that hangs up is told of, and the file is closed', async () => {
    const endless = new Readable({
      read() {
        this.push(Buffer.alloc(64 << 10));
      },
    });
    files['images/squashfs'] = { size: 1e12, open: () => endless };
    const response = await ask('/images/squashfs');
    await once(response, 'readable');
    expect(server.downloads()).toMatchObject([{ path: 'images/squashfs', sizeBytes: 1e12 }]);
    response.destroy();
    expect((await reported('aborted')).detail).toMatchObject({ reason: 'the client hung up' });
    expect(endless.destroyed).toBe(true);
    expect(server.downloads()).toEqual([]);
  });

  test.each([
    ['is shorter than it said', () => Readable.from([Buffer.alloc(10)], { objectMode: false })],
    [
      'can not be read',
      () =>
        new Readable({
          read() {
            this.destroy(new Error('disk'));
          },
        }),
    ],
  ])('a file that %s breaks the connection off', async (_, open) => {
    files['images/squashfs'] = { size: 1000, open };
    await expect(ask('/images/squashfs').then(buffer)).rejects.toThrow();
    expect((await reported('aborted')).detail.reason).toMatch(/ended after 10 of 1000 bytes|disk/);
  });
});

describe('refused', () => {
  test.each([
    ['/nothing', 404],
    ['/', 400],
    ['/../etc/passwd', 400],
    ['/images/%2e%2e/%2e%2e/etc/passwd', 400],
    ['/%zz', 400],
  ])('%s is %d, as text', async (path, status) => {
    const response = await ask(path);
    expect(response.statusCode).toBe(status);
    expect(response.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect((await text(response)).length).toBe(Number(response.headers['content-length']));
  });

  test('a missing file is an event', async () => {
    (await ask('/images/x/boot-initrd')).resume();
    expect(await reported('missing')).toMatchObject({ phase: 'initrd' });
  });

  test('other methods are 405', async () => {
    const response = await ask('/images/boot-kernel', { method: 'DELETE' });
    expect(response.statusCode).toBe(405);
    expect(response.headers.allow).toBe('GET, HEAD');
    response.resume();
  });

  test('a directory that fails is 500, and the server lives', async () => {
    await server.dispose();
    await start({ files: { find: () => Promise.reject(new Error('database is locked')) } });
    const response = await ask('/ipxe.cfg');
    expect(response.statusCode).toBe(500);
    expect(await text(response)).toBe('database is locked\n');
  });

  test.each([
    ['noise', '\x16\x03\x01\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['an endless header', `GET / HTTP/1.1\r\nx: ${'y'.repeat(20_000)}`, /^HTTP\/1\.1 431 /],
  ])('%s is answered and cut off', async (_, bytes, answer) => {
    const { port, host } = target();
    const socket = connect(port, host);
    socket.on('error', () => {});
    socket.write(bytes);
    expect(await text(socket).catch(() => 'HTTP/1.1 431 reset')).toMatch(answer);
    expect(server.counters.refused).toBe(1);
  });
});

test('routes get what is below their prefix, doubled slashes and all', async () => {
  const response = await ask('//MAAS/metadata//latest/', { method: 'POST' }, 'op=signal');
  expect(await text(response)).toBe('POST //MAAS/metadata//latest/ op=signal');
});

test('slow clients are cut off', async () => {
  const { port, host } = target();
  const socket = connect(port, host);
  // A reset is as good as a close.
  socket.on('error', () => {});
  const closed = new Promise((resolve) => socket.on('close', resolve));
  socket.write('GET / HTT');
  while (server.counters.connections === 0) await new Promise(setImmediate);
  clock.advance(CONNECTION_LIMITS.firstRequestMs);
  await closed;
  expect(server.counters.tooSlow).toBe(1);
});

describe('requests that are sent ahead', () => {
  const get = 'GET /endless HTTP/1.1\r\nhost: x\r\n\r\n';
  let open: Set<Readable>;

  beforeEach(() => {
    open = new Set();
    files.endless = {
      size: 10,
      open() {
        const stream = new Readable({ read() {} });
        open.add(stream);
        stream.once('close', () => open.delete(stream));
        return stream;
      },
    };
  });

  async function send(bytes: string) {
    const { port, host } = target();
    const socket = connect(port, host);
    socket.on('error', () => {});
    socket.write(bytes);
    return socket;
  }

  test('open their files one after the other, and leave nothing behind', async () => {
    const socket = await send(get.repeat(3));
    while (server.counters.requests < 3 || open.size === 0) await new Promise(setImmediate);
    expect(open.size).toBe(1);
    expect(server.downloads()).toHaveLength(1);
    socket.destroy();
    while (open.size > 0) await new Promise(setImmediate);
    expect(server.downloads()).toEqual([]);
  });

  test('are answered in order', async () => {
    const asked = ['images/boot-kernel', 'missing', 'empty.cfg'].map((path) => get.replace('endless', path));
    const socket = await send(asked.join('').replace(/\r\n$/, 'connection: close\r\n\r\n'));
    expect((await text(socket)).match(/HTTP\/1.1 \d+/g)).toEqual(
      [200, 404, 200].map((status) => `HTTP/1.1 ${status}`),
    );
  });

  test('are too many at some point', async () => {
    const socket = await send(get.repeat(100));
    await new Promise((resolve) => socket.once('close', resolve));
    expect(server.counters.refused).toBeGreaterThan(0);
    while (open.size > 0) await new Promise(setImmediate);
  });
});

test('too many connections are closed at once', async () => {
  await server.dispose();
  await start({ maxConnections: 1 });
  const { port, host } = target();
  const first = connect(port, host);
  await once(first, 'connect');
  const second = connect(port, host);
  second.on('error', () => {});
  second.resume();
  await new Promise((resolve) => second.on('close', resolve));
  expect(server.counters).toMatchObject({ connections: 1, overLimit: 1 });
  first.destroy();
});
