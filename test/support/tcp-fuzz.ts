import { expect } from 'vitest';
import { type Random, seededRandom } from '../../src-main/base/random.ts';
import { foldChecksum, pseudoHeaderSum, sumWords } from '../../src-main/protocol/checksum.ts';
import { FIN, RST, SYN } from '../../src-main/protocol/tcp.ts';
import { LEFT, RIGHT, TcpPair } from './tcp-pair.ts';

const LIMIT = 20;
const PORTS = 40;
const OFFSETS = [0, 0, 0, 0, 0, 0, 0, 0, 1, -1, 100, 1460, 3000, -1460, 70_000, 0x7fffffff] as const;

/** A segment from LEFT to RIGHT whose numbers are near the `expected` ones, so that it gets past the first checks. */
function forge(random: Random, expected: Buffer | null, port: number): Buffer {
  const optionBytes = random.int(0, 3) === 0 ? random.int(0, 10) * 4 : 0;
  const dataBytes = random.int(0, 2) === 0 ? random.int(0, 1460) : 0;
  const packet = Buffer.alloc(20 + optionBytes + dataBytes);
  packet.set(random.bytes(20 + optionBytes));
  packet.writeUInt16BE(port, 0);
  packet.writeUInt16BE(80, 2);
  if (expected && random.int(0, 4) > 0) {
    packet.writeUInt32BE((expected.readUInt32BE(4) + random.pick(OFFSETS)) >>> 0, 4);
    packet.writeUInt32BE((expected.readUInt32BE(8) + random.pick(OFFSETS)) >>> 0, 8);
  }
  if (random.int(0, 20) > 0) packet[12] = ((20 + optionBytes) / 4) << 4;
  if (random.int(0, 9) > 0) packet[13] = random.pick([2, 16, 16, 16, 16, 16, 24, 24, 17, 18]);
  packet.writeUInt16BE(0, 16);
  const sum = sumWords(packet, 0, packet.length, pseudoHeaderSum(LEFT, RIGHT, 6, packet.length));
  packet.writeUInt16BE(foldChecksum(sum), 16);
  return packet;
}

/**
 * Throws `inputs` forged segments at a stack whose connections are in all states. Fails when anything throws,
 * when a table grows past its limit, or when something is left after dispose.
 */
export async function fuzzTcp(inputs: number, seed: number): Promise<void> {
  const limits = { maxConnections: LIMIT, maxHalfOpen: LIMIT, giveUpMs: 5000, receiveBufferBytes: 65_536 };
  const pair = new TcpPair(seed, {}, { right: limits });
  const random = seededRandom(seed + 1);
  let held = 0;
  pair.right.listen(80, (connection) => {
    held++;
    connection.on('error', () => undefined).on('close', () => held--);
    connection.resume();
    const fate = random.int(0, 3);
    if (fate === 0) connection.end('bye');
    if (fate === 1) connection.write(Buffer.alloc(20_000));
    if (fate === 2) connection.on('end', () => connection.end());
  });
  const expected = new Map<number, Buffer>();
  pair.toLeft.filter = (packet) => {
    // What the peer would say next: its ACK becomes our sequence number, and the other way round.
    const next = Buffer.from(packet.subarray(0, 20));
    next.writeUInt32BE(packet.readUInt32BE(8), 4);
    const flags = packet[13] ?? 0;
    const length = packet.length - ((packet[12] ?? 0) >> 4) * 4 + (flags & (SYN | FIN) ? 1 : 0);
    next.writeUInt32BE((packet.readUInt32BE(4) + length) >>> 0, 8);
    if ((flags & RST) === 0) expected.set(packet.readUInt16BE(2), next);
    return false;
  };
  for (let i = 0; i < inputs; i++) {
    const port = random.int(1, PORTS);
    pair.right.receive(forge(random, expected.get(port) ?? null, port), LEFT, RIGHT);
    if (i % 50 === 0) await pair.pass(random.int(0, 300));
    const { connections, halfOpen, timeWait } = pair.right.sizes;
    if (connections > LIMIT || halfOpen > LIMIT || timeWait > PORTS)
      throw new Error(`input ${i}: a table grew`);
  }
  // Otherwise the run would prove little.
  expect(pair.right.counters.accepted).toBeGreaterThan(inputs / 2000);
  expect(pair.right.counters.outOfOrder).toBeGreaterThan(inputs / 2000);
  pair.right.dispose();
  await pair.pass(1000);
  expect(held).toBe(0);
  expect(pair.clock.pending).toBe(0);
}
