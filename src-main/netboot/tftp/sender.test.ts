import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { simulateTransfer } from '../../../test/support/tftp-simulation.ts';
import { seededRandom } from '../../base/random.ts';
import { type SenderOptions, TftpSender } from './sender.ts';

const sender = (options: Partial<SenderOptions> = {}) =>
  new TftpSender({
    sizeBytes: 5000,
    blockSize: 512,
    windowSize: 1,
    timeoutMs: null,
    withOack: false,
    ...options,
  });

/** Acknowledges and, like the transfer, reports what was sent. */
function ack(of: TftpSender, block: number, now: number) {
  const action = of.onAck(block, now);
  if (action.kind === 'send') of.sent(now);
  return action;
}

function begun(options: Partial<SenderOptions> = {}) {
  const started = sender(options);
  if (started.start(0).kind === 'send') started.sent(0);
  return started;
}

describe('lock-step', () => {
  test('each ACK brings the next block, the last one ends the transfer', () => {
    const s = begun();
    expect(s.lastBlock).toBe(10);
    for (let block = 1; block < 10; block++)
      expect(ack(s, block, block)).toEqual({ kind: 'send', first: block + 1, count: 1 });
    expect(ack(s, 10, 10)).toEqual({ kind: 'done' });
    expect(s.deadline).toBe(Number.POSITIVE_INFINITY);
  });

  test("a repeated ACK is not answered (no sorcerer's apprentice)", () => {
    const s = begun();
    ack(s, 1, 1);
    expect(ack(s, 1, 50)).toEqual({ kind: 'wait' });
    expect(ack(s, 1, 900)).toEqual({ kind: 'wait' });
  });

  test('ACKs from the past and from the future change nothing', () => {
    const s = begun();
    ack(s, 1, 1);
    ack(s, 2, 2);
    expect(ack(s, 1, 3)).toEqual({ kind: 'wait' });
    expect(ack(s, 9, 3)).toEqual({ kind: 'wait' });
    expect(s.acked).toBe(2);
  });

  test('a file of whole blocks ends with an empty one, an empty file is one', () => {
    expect(sender({ sizeBytes: 1024 }).lastBlock).toBe(3);
    expect(sender({ sizeBytes: 0 }).lastBlock).toBe(1);
  });

  test('block numbers roll over to 0', () => {
    const s = begun({ sizeBytes: 70_000 * 8, blockSize: 8 });
    for (let block = 1; block <= 70_000; block++) ack(s, block & 0xffff, block);
    expect(ack(s, 70_001 & 0xffff, 70_001)).toEqual({ kind: 'done' });
  });
});

describe('options', () => {
  test('the OACK is repeated until block 0 is acknowledged', () => {
    const s = sender({ withOack: true });
    expect(s.start(0)).toEqual({ kind: 'oack' });
    expect(s.onTimeout(999)).toEqual({ kind: 'wait' });
    expect(s.onTimeout(1000)).toEqual({ kind: 'oack' });
    expect(s.onAck(1, 1100)).toEqual({ kind: 'wait' });
    expect(s.onAck(0, 1200)).toEqual({ kind: 'send', first: 1, count: 1 });
  });

  test('the interval that the client demanded is kept', () => {
    const s = begun({ timeoutMs: 3000 });
    expect(s.deadline).toBe(3000);
    ack(s, 1, 5);
    expect(s.deadline).toBe(3005);
    expect(s.onTimeout(3005).kind).toBe('send');
    s.sent(3005);
    expect(s.deadline).toBe(6005);
  });
});

describe('windows', () => {
  test('an ACK of the whole window brings the next one', () => {
    const s = begun({ windowSize: 4 });
    expect(ack(s, 4, 1)).toEqual({ kind: 'send', first: 5, count: 4 });
    expect(ack(s, 8, 2)).toEqual({ kind: 'send', first: 9, count: 2 });
    expect(ack(s, 10, 3)).toEqual({ kind: 'done' });
    expect(s.repeated).toBe(0);
  });

  test('an ACK from its middle repeats from the gap', () => {
    const s = begun({ windowSize: 4 });
    expect(ack(s, 2, 1)).toEqual({ kind: 'send', first: 3, count: 4 });
    expect(s.repeated).toBe(2);
  });

  test('a repeated ACK repeats the window, once a round trip', () => {
    const s = begun({ windowSize: 4 });
    ack(s, 4, 20);
    expect(ack(s, 4, 30)).toEqual({ kind: 'send', first: 5, count: 4 });
    expect(ack(s, 4, 31)).toEqual({ kind: 'wait' });
    expect(ack(s, 4, 60)).toEqual({ kind: 'send', first: 5, count: 4 });
  });

  test('a client that acknowledges every block does not multiply them', () => {
    const s = begun({ windowSize: 4, sizeBytes: 512 * 1000 });
    let sent = 4;
    for (let block = 1; block <= 1000; block++) {
      const action = ack(s, block, block / 1000);
      if (action.kind === 'send') sent += action.count;
    }
    expect(sent).toBeLessThan(1100);
  });
});

describe('silence', () => {
  test('is waited for longer each time, then given up', () => {
    const s = begun();
    const waits: number[] = [];
    let now = 0;
    for (;;) {
      waits.push(s.deadline - now);
      now = s.deadline;
      const action = s.onTimeout(now);
      if (action.kind === 'failed') {
        expect(action.reason).toBe('timeout');
        break;
      }
      expect(action).toEqual({ kind: 'send', first: 1, count: 1 });
      s.sent(now);
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 8000, 8000, 8000]);
  });

  test('a quick client is asked again after 200 ms', () => {
    const s = begun();
    for (let block = 1; block < 9; block++) ack(s, block, block);
    expect(s.deadline).toBe(8 + 200);
  });

  test("a file that can not be read ends the transfer, not the client's patience", () => {
    const s = sender();
    s.start(0);
    expect(s.onTimeout(5000)).toEqual({ kind: 'wait' });
    expect(s.onTimeout(30_000)).toEqual({ kind: 'failed', reason: 'stalled' });
  });

  test('nothing is asked after the end', () => {
    const s = begun();
    s.stop();
    expect(s.onTimeout(1e9)).toEqual({ kind: 'wait' });
    expect(s.onAck(1, 1e9)).toEqual({ kind: 'wait' });
  });
});

test('whatever the network loses, doubles or reorders: whole file or an error, in bounded time', () => {
  const network = fc.record({
    seed: fc.integer(),
    loss: fc.constantFrom(0, 0.01, 0.1, 0.3, 0.6, 1),
    duplicate: fc.constantFrom(0, 0.1, 0.5),
    reorder: fc.constantFrom(0, 0.1, 0.5),
    windowSize: fc.constantFrom(1, 2, 4, 16, 64),
    blocks: fc.integer({ min: 0, max: 300 }),
    withOack: fc.boolean(),
  });
  fc.assert(
    fc.property(network, ({ seed, blocks, windowSize, withOack, ...faults }) => {
      const outcome = simulateTransfer(
        { sizeBytes: blocks * 8 + 3, blockSize: 8, windowSize, timeoutMs: null, withOack },
        { ...faults, random: seededRandom(seed) },
      );
      expect(['done', 'failed']).toContain(outcome.end);
      if (outcome.end === 'done') expect(outcome.received).toBe(blocks + 1);
      if (faults.loss === 0) expect(outcome.end).toBe('done');
      expect(outcome.elapsedMs).toBeLessThan((blocks + 2) * 60_000);
    }),
    { numRuns: 300 },
  );
});
