import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../../base/random.ts';
import { encodeTftp, type TftpPacket } from '../../../../protocol/tftp.ts';
import { TFTP_FLAVOURS, TftpReceiver, type TftpStep } from './tftp-receiver.ts';

const oack = (...options: [string, string][]) => encodeTftp({ type: 'oack', options });
const data = (block: number, length: number) =>
  encodeTftp({ type: 'data', block, payload: new Uint8Array(length).fill(block) });
const ack = (block: number) => ({ type: 'ack', block });

describe('lock-step', () => {
  test('negotiates, acknowledges each block, ends with a short one', () => {
    const receiver = new TftpReceiver('f', TFTP_FLAVOURS.ipxe.options);
    expect(receiver.request).toMatchObject({
      type: 'rrq',
      options: [
        ['blksize', '1432'],
        ['tsize', '0'],
      ],
    });
    expect(receiver.receive(oack(['blksize', '1428'], ['tsize', '1430']))).toEqual({ send: ack(0) });
    expect(receiver.receive(data(1, 1428)).send).toEqual(ack(1));
    expect(receiver.receive(data(1, 1428))).toEqual({ send: ack(1) });
    const last = receiver.receive(data(2, 2));
    expect([last.send, last.data?.length, last.end]).toEqual([ack(2), 2, { ok: true, bytes: 1430 }]);
    expect(receiver.receive(data(2, 2))).toEqual({});
  });

  test('takes a server without options at its word', () => {
    const receiver = new TftpReceiver('f', TFTP_FLAVOURS.grub.options);
    expect(receiver.receive(data(1, 512)).send).toEqual(ack(1));
    expect(receiver.receive(data(2, 0)).end).toEqual({ ok: true, bytes: 512 });
  });

  test('says again what was lost', () => {
    const receiver = new TftpReceiver('f', []);
    expect(receiver.timeout().send).toBe(receiver.request);
    receiver.receive(data(1, 512));
    expect(receiver.timeout().send).toEqual(ack(1));
  });
});

test('windows: one acknowledgement for four blocks, and one for a gap', () => {
  const receiver = new TftpReceiver('f', TFTP_FLAVOURS.shim.options);
  receiver.receive(oack(['blksize', '512'], ['windowsize', '4']));
  const sent = [1, 2, 3, 4, 5, 7, 8, 6, 7, 8].map((block) => receiver.receive(data(block, 512)).send);
  expect(sent).toEqual([
    ...[undefined, undefined, undefined, ack(4)],
    ...[undefined, ack(5), undefined, undefined, undefined, undefined],
  ]);
  expect(receiver.receive(data(9, 512)).send).toEqual(ack(9));
});

test('the size is asked for and the transfer aborted, as EDK2 does', () => {
  const receiver = new TftpReceiver('f', TFTP_FLAVOURS.edk2Size.options, true);
  const step = receiver.receive(oack(['tsize', '955656'], ['blksize', '1468']));
  expect(step.send).toEqual({ type: 'error', code: 8, message: 'User aborted the transfer' });
  expect(step.end).toEqual({ ok: true, bytes: 955656 });
});

test('errors end it; options that were not asked for are refused', () => {
  const missing = new TftpReceiver('f', []);
  const error = encodeTftp({ type: 'error', code: 1, message: 'File not found' });
  expect(missing.receive(error).end).toEqual({ ok: false, code: 1, message: 'File not found' });
  for (const option of [
    ['windowsize', '16'],
    ['blksize', '9000'],
    ['blksize', 'x'],
    ['what', '1'],
  ] as const) {
    const step = new TftpReceiver('f', TFTP_FLAVOURS.edk2.options).receive(oack([...option]));
    expect(step.end?.ok).toBe(false);
    expect(step.send?.type).toBe('error');
  }
});

test('never throws on any packets', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (packets) => {
      const receiver = new TftpReceiver('f', TFTP_FLAVOURS.edk2.options);
      for (const packet of packets) receiver.receive(packet);
      receiver.timeout();
    }),
  );
});

test('gets the whole file over a line that loses, doubles and swaps, past block 65,535', () => {
  const run = (blocks: number, window: number, seed: number, faultRate: number) => {
    const options: [string, string][] = [
      ['blksize', '8'],
      ['windowsize', String(window)],
    ];
    const receiver = new TftpReceiver('f', options);
    const random = seededRandom(seed);
    let [base, bytes] = [0, 0];
    let end: TftpStep['end'];
    let reply: TftpPacket | undefined;
    const fault = () => (random.float() < faultRate ? random.int(1, 3) : 0);
    const handle = (step: TftpStep, lost: boolean) => {
      bytes += step.data?.length ?? 0;
      end = step.end ?? end;
      if (step.send && !lost) reply = step.send;
    };
    const deliver = (block: number) => {
      const packet = data(block & 0xffff, block === blocks ? 3 : 8);
      for (let copies = [1, 0, 2, 1][fault()] ?? 1; copies > 0; copies--)
        handle(receiver.receive(packet), fault() === 1);
    };
    handle(receiver.receive(oack(...options)), false);
    for (let round = 0; round < 1000 + blocks && !end; round++) {
      // A sender without memory: moves to what was acknowledged, sends a window from there.
      if (reply?.type === 'ack') base += ((reply.block - base) << 16) >> 16;
      reply = undefined;
      const packets = Array.from({ length: window }, (_, i) => base + 1 + i).filter(
        (block) => block <= blocks,
      );
      if (fault() === 3) packets.reverse();
      packets.forEach(deliver);
      if (!reply && !end) handle(receiver.timeout(), false);
    }
    expect(end).toEqual({ ok: true, bytes: (blocks - 1) * 8 + 3 });
    expect(bytes).toBe((blocks - 1) * 8 + 3);
  };
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60 }),
      fc.constantFrom(1, 4, 16),
      fc.nat(),
      fc.double({ min: 0, max: 0.5, noNaN: true }),
      run,
    ),
    { numRuns: 100 },
  );
  run(66_000, 16, 1, 0);
});
