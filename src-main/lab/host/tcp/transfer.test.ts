import { describe, expect, it } from 'vitest';
import { TcpPair } from '../../../../test/support/tcp-pair.ts';
import { connected, patterned, sha, watch } from '../../../../test/support/tcp-watch.ts';
import { decodeTcp, SYN } from '../../../protocol/tcp.ts';

describe('carrying data', () => {
  it('moves megabytes over a perfect wire without one retransmission', async () => {
    const pair = new TcpPair();
    const { client, server } = await connected(pair);
    const s = watch(server);
    const data = patterned(3 << 20);
    client.end(data);
    expect(await pair.until(() => s.events.includes('end'), 60_000)).toBe(true);
    expect(sha(s.data)).toBe(sha(data));
    expect(pair.left.counters).toMatchObject({ retransmits: 0, rtos: 0, tailProbes: 0, duplicateAcks: 0 });
  });

  it('stops for a reader that does not read, and goes on when it does', async () => {
    const pair = new TcpPair(
      1,
      {},
      { right: { receiveBufferBytes: 64 << 10 }, left: { sendBufferBytes: 64 << 10 } },
    );
    const { client, server } = await connected(pair);
    const data = patterned(1 << 20);
    client.end(data);
    await pair.pass(30_000);
    // The window is told in units of two bytes.
    expect(server.readableLength).toBeGreaterThanOrEqual((64 << 10) - 2);
    expect(server.readableLength).toBeLessThanOrEqual(64 << 10);
    const held = client.bytesWritten - server.readableLength;
    expect(held).toBeGreaterThan(56 << 10);
    expect(held).toBeLessThanOrEqual(64 << 10);
    expect(pair.left.counters.zeroWindowProbes).toBeGreaterThan(2);
    expect(pair.left.counters.rtos).toBe(0);
    const s = watch(server);
    expect(await pair.until(() => s.events.includes('end'), 60_000)).toBe(true);
    expect(sha(s.data)).toBe(sha(data));
  });

  it('learns of an opened window even when the update is lost', async () => {
    const pair = new TcpPair(1, {}, { right: { receiveBufferBytes: 16 << 10 } });
    const { client, server } = await connected(pair);
    client.end(patterned(100_000));
    await pair.pass(2000);
    pair.toLeft.filter = () => false;
    const s = watch(server);
    await pair.pass(100);
    pair.toLeft.filter = () => true;
    expect(await pair.until(() => s.events.includes('end'), 60_000)).toBe(true);
  });

  it('gives up on a peer that vanished while its window was shut', async () => {
    const pair = new TcpPair(1, {}, { left: { giveUpMs: 20_000 }, right: { receiveBufferBytes: 16 << 10 } });
    const { client } = await connected(pair);
    const c = watch(client);
    client.end(patterned(100_000));
    await pair.pass(60_000);
    expect(c.error).toBe(null);
    pair.toRight.filter = () => false;
    expect(await pair.until(() => c.error !== null, 60_000)).toBe(true);
    expect(c.error?.code).toBe('ETIMEDOUT');
  });

  it('calls back a write when it is buffered, and `finish` comes when all is acknowledged', async () => {
    const pair = new TcpPair(1, { delayMs: 10 });
    const { client } = await connected(pair);
    const c = watch(client);
    let written = 0;
    client.write('a', () => written++);
    client.end('b');
    await pair.pass(15);
    expect(written).toBe(1);
    expect(c.events).not.toContain('finish');
    await pair.pass(100);
    expect(c.events).toContain('finish');
  });

  it('acknowledges every second full segment, and a lone one within 40 ms', async () => {
    const pair = new TcpPair();
    const { client, server } = await connected(pair);
    server.resume();
    client.write(patterned(1460 * 2));
    await pair.pass(100);
    const before = pair.right.counters.segmentsOut;
    client.write(patterned(1460 * 10));
    await pair.pass(5);
    expect(pair.right.counters.segmentsOut - before).toBe(5);
    client.write('x');
    await pair.pass(30);
    expect(pair.right.counters.segmentsOut - before).toBe(5);
    await pair.pass(20);
    expect(pair.right.counters.segmentsOut - before).toBe(6);
    expect(pair.left.counters.tailProbes).toBe(0);
  });

  it('keeps a capped peer from being flooded', async () => {
    const pair = new TcpPair(
      1,
      { delayMs: 5 },
      { left: { linkProfile: () => ({ maxInFlightBytes: 11_680 }) } },
    );
    const { client, server } = await connected(pair);
    const s = watch(server);
    let onWay = 0;
    let most = 0;
    pair.toRight.filter = (packet) => {
      onWay += packet.length - 20;
      most = Math.max(most, onWay);
      return true;
    };
    pair.toLeft.filter = () => {
      onWay = 0;
      return true;
    };
    client.end(patterned(500_000));
    expect(await pair.until(() => s.events.includes('end'), 60_000)).toBe(true);
    expect(most).toBeLessThanOrEqual(11_680);
  });
});

describe('losing segments', () => {
  /** Drops the data segments with these numbers, counted from the first one of the connection. */
  function dropData(pair: TcpPair, ...numbers: number[]): void {
    let n = 0;
    pair.toRight.filter = (packet) => packet.length <= 60 || !numbers.includes(n++);
  }

  it('repairs a hole by fast retransmit, without a timeout', async () => {
    const pair = new TcpPair(1, { delayMs: 5 });
    const { client, server } = await connected(pair);
    const s = watch(server);
    dropData(pair, 5);
    client.end(patterned(100_000));
    const start = pair.clock.now();
    expect(await pair.until(() => s.events.includes('end'), 60_000)).toBe(true);
    expect(pair.left.counters).toMatchObject({ retransmits: 1, rtos: 0, fastRecoveries: 1 });
    expect(pair.clock.now() - start).toBeLessThan(100);
  });

  it('repairs several holes of one window in one round trip (SACK)', async () => {
    const pair = new TcpPair(1, { delayMs: 20 });
    const { client, server } = await connected(pair);
    const s = watch(server);
    dropData(pair, 15, 17, 19, 21, 23);
    client.end(patterned(100_000));
    expect(await pair.until(() => s.events.includes('end'), 60_000)).toBe(true);
    expect(pair.left.counters).toMatchObject({ retransmits: 5, rtos: 0, fastRecoveries: 1 });
  });

  it('repairs a lost retransmission without a timeout (RACK)', async () => {
    const pair = new TcpPair(1, { delayMs: 20 });
    const { client, server } = await connected(pair);
    const s = watch(server);
    let copies = 0;
    const iss = { value: -1 };
    pair.toRight.filter = (packet) => {
      const segment = decodeTcp(packet);
      if (!segment || packet.length < 1000) return true;
      if (iss.value < 0) iss.value = segment.sequence;
      return (segment.sequence - iss.value) >>> 0 !== 1460 * 20 || copies++ >= 2;
    };
    client.end(patterned(400_000));
    expect(await pair.until(() => s.events.includes('end'), 60_000)).toBe(true);
    expect(copies).toBe(3);
    expect(pair.left.counters.rtos).toBe(0);
  });

  it('repairs a lost retransmission when there is nothing else left to send', async () => {
    const pair = new TcpPair(1, { delayMs: 1 }, { left: { sendBufferBytes: 20 * 1460 } });
    const { client, server } = await connected(pair);
    const s = watch(server);
    // The eleventh segment, and its first retransmission: by then the send buffer is full.
    let copies = 0;
    let base = -1;
    pair.toRight.filter = (packet) => {
      const segment = decodeTcp(packet);
      if (!segment || packet.length < 1000) return true;
      if (base < 0) base = segment.sequence;
      return (segment.sequence - base) >>> 0 !== 1460 * 10 || copies++ >= 2;
    };
    client.end(patterned(400_000));
    const start = pair.clock.now();
    expect(await pair.until(() => s.events.includes('end'), 60_000)).toBe(true);
    expect(copies).toBe(3);
    expect(pair.left.counters).toMatchObject({ rtos: 0, tailProbes: 1 });
    expect(pair.clock.now() - start).toBeLessThan(150);
  });

  it('repairs a lost tail by a probe, sooner than the timeout', async () => {
    const pair = new TcpPair(1, { delayMs: 5 });
    const { client, server } = await connected(pair);
    const s = watch(server);
    dropData(pair, 3, 4);
    client.write(patterned(1460 * 5));
    const start = pair.clock.now();
    expect(await pair.until(() => Buffer.concat(s.data).length === 1460 * 5, 60_000)).toBe(true);
    expect(pair.clock.now() - start).toBeLessThan(150);
    expect(pair.left.counters).toMatchObject({ tailProbes: 1, rtos: 0 });
  });

  it('sees by the FIN alone that the tail before it is lost', async () => {
    const pair = new TcpPair(1, { delayMs: 5 });
    const { client, server } = await connected(pair);
    const s = watch(server);
    dropData(pair, 3, 4);
    client.end(patterned(1460 * 5));
    expect(await pair.until(() => s.events.includes('end'), 60_000)).toBe(true);
    expect(pair.left.counters).toMatchObject({ tailProbes: 0, rtos: 0, fastRecoveries: 1 });
  });

  it('goes on after a long cut of the cable', async () => {
    const pair = new TcpPair(1, { delayMs: 1 });
    const { client, server } = await connected(pair);
    const s = watch(server);
    const data = patterned(2 << 20);
    client.end(data);
    await pair.pass(5);
    pair.toRight.filter = pair.toLeft.filter = () => false;
    await pair.pass(60_000);
    pair.toRight.filter = pair.toLeft.filter = () => true;
    expect(await pair.until(() => s.events.includes('end'), 20_000)).toBe(true);
    expect(sha(s.data)).toBe(sha(data));
  });

  it('fails with ETIMEDOUT when the cable stays cut', async () => {
    const pair = new TcpPair(1, {}, { left: { giveUpMs: 30_000 } });
    const { client } = await connected(pair);
    const c = watch(client);
    pair.toRight.filter = () => false;
    client.write('x');
    expect(await pair.until(() => c.error !== null, 60_000)).toBe(true);
    expect(c.error?.code).toBe('ETIMEDOUT');
    expect(pair.left.sizes.connections).toBe(0);
  });

  it('works with a peer that knows no options: NewReno, small segments, unscaled window', async () => {
    for (const dupThreshold of [1, 3]) {
      const pair = new TcpPair(1, { delayMs: 5 }, { left: { linkProfile: () => ({ dupThreshold }) } });
      stripOptions(pair);
      const { client, server } = await connected(pair);
      const s = watch(server);
      dropData(pair, 20, 22, 40);
      const data = patterned(300_000);
      client.end(data);
      expect(await pair.until(() => s.events.includes('end'), 60_000)).toBe(true);
      expect(sha(s.data)).toBe(sha(data));
      expect(pair.left.counters.rtos).toBe(0);
      expect(pair.left.counters.fastRecoveries).toBeGreaterThan(0);
    }
  });

  it('takes reordering for what it is after the first mistake', async () => {
    const pair = new TcpPair(7, { delayMs: 20, reorder: 0.05, reorderMs: 4 });
    const { client, server } = await connected(pair);
    const s = watch(server);
    const data = patterned(5 << 20);
    client.end(data);
    expect(await pair.until(() => s.events.includes('end'), 120_000)).toBe(true);
    expect(sha(s.data)).toBe(sha(data));
    expect(pair.left.counters.rtos).toBe(0);
    expect(pair.left.counters.retransmits).toBeLessThan(50);
  });
});

/** Replaces the options of both SYNs by NOPs, as a very simple peer would send none. */
function stripOptions(pair: TcpPair): void {
  for (const wire of [pair.toRight, pair.toLeft]) {
    wire.filter = (packet) => {
      const segment = decodeTcp(packet);
      if (!segment || (segment.flags & SYN) === 0) return true;
      // The checksum stays right: what is taken out is added to the urgent pointer, which nobody reads.
      let sum = packet.readUInt16BE(18);
      for (let at = 20; at < segment.headerLength; at += 2) {
        sum += packet.readUInt16BE(at) + (0xffff - 0x0101);
        packet.writeUInt16BE(0x0101, at);
      }
      while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
      packet.writeUInt16BE(sum, 18);
      return true;
    };
  }
}
