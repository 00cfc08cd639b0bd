import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fuzzTcp } from '../../../../test/support/tcp-fuzz.ts';
import { RIGHT, TcpPair } from '../../../../test/support/tcp-pair.ts';
import { seededRandom } from '../../../base/random.ts';
import type { TcpConnection } from './index.ts';

const rate = (max: number) => fc.double({ min: 0, max, noNaN: true });
const wire = fc.record({
  delayMs: fc.double({ min: 0.01, max: 40, noNaN: true }),
  loss: fc.oneof(fc.constant(0), rate(0.2)),
  duplicate: fc.oneof(fc.constant(0), rate(0.2)),
  reorder: fc.oneof(fc.constant(0), rate(0.3)),
  reorderMs: fc.double({ min: 0, max: 50, noNaN: true }),
});
const profile = fc.record({
  maxInFlightBytes: fc.constantFrom(Number.POSITIVE_INFINITY, 11_680, 1460, 500),
  dupThreshold: fc.constantFrom(1, 3),
});
const buffer = fc.constantFrom(4096, 10_000, 65_536, 512 << 10);
const stack = fc.record({ receiveBufferBytes: buffer, sendBufferBytes: buffer, profile });

interface End {
  error: NodeJS.ErrnoException | null;
  got: Buffer[];
  ended: boolean;
  closed: boolean;
}

function watch(connection: TcpConnection, readPauses: number): End {
  const end: End = { error: null, got: [], ended: false, closed: false };
  let untilPause = readPauses;
  connection.on('data', (chunk: Buffer) => {
    end.got.push(chunk);
    if (readPauses > 0 && --untilPause <= 0) {
      untilPause = readPauses;
      connection.pause();
      setImmediate(() => connection.resume());
    }
  });
  connection.on('end', () => {
    end.ended = true;
  });
  connection.on('error', (error: NodeJS.ErrnoException) => {
    end.error = error;
  });
  connection.on('close', () => {
    end.closed = true;
  });
  return end;
}

function bytes(seed: number, length: number): Buffer {
  const random = seededRandom(seed);
  const all = Buffer.allocUnsafe(length);
  for (let i = 0; i + 4 <= length; i += 4) all.writeUInt32LE(random.u32(), i);
  return all;
}

const sha = (chunks: Buffer[]) => {
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
};

describe('any stream over any wire', () => {
  it('arrives exactly, in both directions at once, and everything ends', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer(),
        wire,
        stack,
        stack,
        fc.nat(120_000),
        fc.nat(120_000),
        fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 5 }),
        fc.nat(5),
        async (seed, on, left, right, up, down, writes, pauses) => {
          const pair = new TcpPair(seed, on, {
            left: { ...left, timeWaitMs: 60_000, linkProfile: () => left.profile },
            right: { ...right, timeWaitMs: 60_000, linkProfile: () => right.profile },
          });
          let server: TcpConnection | null = null;
          let serverEnd: End | null = null;
          const [upload, download] = [bytes(seed, up), bytes(seed + 1, down)];
          pair.right.listen(80, (connection) => {
            server = connection;
            serverEnd = watch(connection, 0);
            connection.end(download);
          });
          const client = pair.left.connect(RIGHT, 80, { timeoutMs: 500_000 });
          const clientEnd = watch(client, pauses);
          for (let at = 0, i = 0; at < up; i++) {
            const size = writes[i % writes.length] ?? 1;
            client.write(upload.subarray(at, at + size));
            at += size;
          }
          client.end();
          const done = await pair.until(() => clientEnd.closed && serverEnd?.closed === true, 3_600_000);
          expect({ done, client: clientEnd.error, server: (serverEnd as End | null)?.error }).toEqual({
            done: true,
            client: null,
            server: null,
          });
          expect(sha((serverEnd as unknown as End).got)).toBe(sha([upload]));
          expect(sha(clientEnd.got)).toBe(sha([download]));
          expect(server).not.toBe(null);
          await pair.pass(100_000);
          expect([pair.left.sizes.connections, pair.right.sizes.connections]).toEqual([0, 0]);
          expect(pair.clock.pending).toBe(0);
        },
      ),
      { numRuns: 150, interruptAfterTimeLimit: 20_000 },
    );
  }, 60_000);

  it('ends in an error at both ends when the cable is cut for good, wherever that is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), wire, fc.nat(400), fc.boolean(), async (seed, on, cutAt, halfCut) => {
        const options = { giveUpMs: 30_000, connectTimeoutMs: 20_000, finWaitMs: 10_000 };
        const pair = new TcpPair(seed, on, { left: options, right: options });
        let serverEnd: End | null = null;
        pair.right.listen(80, (connection) => {
          serverEnd = watch(connection, 0);
          connection.setKeepAlive(true, 10_000);
          connection.write(bytes(seed, 300_000));
        });
        const client = pair.left.connect(RIGHT, 80);
        client.setKeepAlive(true, 10_000);
        const clientEnd = watch(client, 0);
        client.write(bytes(seed, 300_000));
        let packets = 0;
        const passes = () => packets++ < cutAt;
        pair.toRight.filter = passes;
        if (!halfCut) pair.toLeft.filter = passes;
        const over = () => clientEnd.closed && (serverEnd === null || serverEnd.closed);
        expect(await pair.until(over, 3_600_000)).toBe(true);
        expect(clientEnd.error?.code).toMatch(/ETIMEDOUT|ECONNRESET/);
        await pair.pass(200_000);
        expect([pair.left.sizes.connections, pair.right.sizes.connections]).toEqual([0, 0]);
        expect(pair.right.sizes.halfOpen).toBe(0);
      }),
      { numRuns: 100, interruptAfterTimeLimit: 20_000 },
    );
  }, 60_000);
});

describe('hostile segments', () => {
  it('in every state: nothing throws, nothing grows, nothing is left', async () => {
    await fuzzTcp(4000, 7);
  }, 30_000);
});
