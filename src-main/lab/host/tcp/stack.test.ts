import { describe, expect, it } from 'vitest';
import { LEFT, RIGHT, TcpPair } from '../../../../test/support/tcp-pair.ts';
import { connected, patterned, sha, watch } from '../../../../test/support/tcp-watch.ts';
import { ACK, decodeTcp, FIN, RST, SYN } from '../../../protocol/tcp.ts';

describe('opening', () => {
  it('connects, tells both ends who the other is, and carries data both ways', async () => {
    const pair = new TcpPair();
    const { client, server } = await connected(pair);
    const [c, s] = [watch(client), watch(server)];
    expect(server.remoteAddress).toBe('10.0.0.1');
    expect(server.remotePort).toBe(client.localPort);
    expect([client.remoteAddress, client.remotePort, server.localPort]).toEqual(['10.0.0.2', 80, 80]);
    client.write('hello');
    server.write('welcome');
    expect(await pair.until(() => s.text() === 'hello' && c.text() === 'welcome', 100)).toBe(true);
    expect([pair.left.counters.opened, pair.right.counters.accepted]).toEqual([1, 1]);
  });

  it('sends what was written before the connection was there', async () => {
    const pair = new TcpPair();
    const client = pair.left.connect(RIGHT, 80);
    client.end('early');
    let got = '';
    pair.right.listen(80, (c) => c.on('data', (d) => (got += d)).on('end', () => c.end()));
    expect(await pair.until(() => client.destroyed, 1000)).toBe(true);
    expect(got).toBe('early');
  });

  it('reports a closed port at once', async () => {
    const pair = new TcpPair();
    const c = watch(pair.left.connect(RIGHT, 81));
    expect(await pair.until(() => c.error !== null, 10)).toBe(true);
    expect(c.error).toMatchObject({
      code: 'ECONNREFUSED',
      syscall: 'connect',
      address: '10.0.0.2',
      port: 81,
    });
    expect(pair.left.sizes.connections).toBe(0);
  });

  it('repeats its SYN, then gives up', async () => {
    const pair = new TcpPair(1, { loss: 1 });
    const times: number[] = [];
    pair.toRight.filter = () => times.push(pair.clock.now()) > 0;
    const c = watch(pair.left.connect(RIGHT, 80, { timeoutMs: 10_000 }));
    expect(await pair.until(() => c.error !== null, 20_000)).toBe(true);
    expect(c.error?.code).toBe('ETIMEDOUT');
    expect(times).toEqual([0, 1000, 3000, 7000]);
    expect(pair.clock.pending).toBe(0);
  });

  it('survives the loss of any one packet of the handshake', async () => {
    for (let lost = 0; lost < 3; lost++) {
      const pair = new TcpPair();
      let n = 0;
      pair.toRight.filter = pair.toLeft.filter = () => n++ !== lost;
      let got = '';
      pair.right.listen(80, (c) => c.on('data', (d) => (got += d)));
      pair.left.connect(RIGHT, 80).write('x');
      expect(await pair.until(() => got === 'x', 5000)).toBe(true);
    }
  });

  it('refuses a second listener, and one after dispose', () => {
    const pair = new TcpPair();
    const first = pair.left.listen(80, () => undefined);
    expect(() => pair.left.listen(80, () => undefined)).toThrow(/in use/);
    void first.dispose();
    void pair.left.listen(80, () => undefined).dispose();
    pair.left.dispose();
    expect(() => pair.left.listen(80, () => undefined)).toThrow(/closed/);
  });

  it('keeps a flood of SYNs small, and still serves', async () => {
    const pair = new TcpPair(1, {}, { right: { maxHalfOpen: 50 } });
    let got = '';
    pair.right.listen(80, (c) => c.on('data', (d) => (got += d)).on('error', () => undefined));
    pair.toLeft.filter = (packet) => decodeTcp(packet)?.destinationPort === 60000;
    for (let port = 1; port <= 1000; port++)
      pair.left.connect(RIGHT, 80, { localPort: port }).on('error', () => undefined);
    await pair.pass(10);
    expect(pair.right.sizes.halfOpen).toBe(50);
    pair.left.connect(RIGHT, 80, { localPort: 60000 }).write('me');
    expect(await pair.until(() => got === 'me', 5000)).toBe(true);
    pair.left.dispose();
    await pair.pass(120_000);
    expect(pair.right.sizes.halfOpen).toBe(0);
  });

  it('bounds connections', async () => {
    const pair = new TcpPair(1, {}, { left: { maxConnections: 3 }, right: { maxConnections: 2 } });
    let accepted = 0;
    pair.right.listen(80, () => accepted++);
    const seen = [1, 2, 3, 4].map(() => watch(pair.left.connect(RIGHT, 80, { timeoutMs: 2000 })));
    await pair.pass(5000);
    expect(accepted).toBe(2);
    expect(seen.map((s) => s.error?.code)).toEqual([undefined, undefined, 'ECONNRESET', 'ENOBUFS']);
  });
});

describe('closing', () => {
  it('half-closes either way', async () => {
    const pair = new TcpPair();
    const { client, server } = await connected(pair);
    const [c, s] = [watch(client), watch(server)];
    client.end('request');
    expect(await pair.until(() => s.events.includes('end'), 1000)).toBe(true);
    await pair.pass(120_000);
    server.end(patterned(200_000));
    expect(await pair.until(() => c.events.includes('close') && s.events.includes('close'), 2000)).toBe(true);
    expect(Buffer.concat(c.data).length).toBe(200_000);
    expect([c.error, s.error]).toEqual([null, null]);
  });

  it('keeps TIME_WAIT where the first FIN came from, shortly, and leaves nothing behind', async () => {
    const pair = new TcpPair();
    const { client, server } = await connected(pair);
    server.on('end', () => server.end()).resume();
    client.resume().end();
    await pair.pass(100);
    expect([pair.left.sizes.timeWait, pair.right.sizes.timeWait]).toEqual([1, 0]);
    await pair.pass(5000);
    expect(pair.left.sizes).toEqual({ connections: 0, halfOpen: 0, timeWait: 0, listeners: 0 });
    expect(pair.clock.pending).toBe(0);
  });

  it('acknowledges a FIN again in TIME_WAIT, when its ACK was lost', async () => {
    const pair = new TcpPair();
    const { client, server } = await connected(pair);
    const s = watch(server);
    server.on('end', () => server.end());
    let fins = 0;
    pair.toLeft.filter = (p) => {
      if ((decodeTcp(p)?.flags ?? 0) & FIN) fins++;
      return true;
    };
    pair.toRight.filter = () => fins !== 1;
    client.resume().end();
    expect(await pair.until(() => s.events.includes('close'), 5000)).toBe(true);
    expect(fins).toBe(2);
    expect(s.error).toBe(null);
  });

  it('lets a new connection take over a flow in TIME_WAIT', async () => {
    const pair = new TcpPair();
    let accepted = 0;
    pair.right.listen(80, (c) => {
      accepted++;
      c.end();
      c.resume();
    });
    const first = pair.left.connect(RIGHT, 80, { localPort: 5000 }).resume();
    first.on('end', () => first.end());
    expect(await pair.until(() => first.destroyed && pair.right.sizes.timeWait === 1, 100)).toBe(true);
    const second = pair.left.connect(RIGHT, 80, { localPort: 5000 }).on('error', () => undefined);
    await pair.pass(3000);
    expect(second.connecting).toBe(false);
    expect(accepted).toBe(2);
  });

  it('closes simultaneously', async () => {
    const pair = new TcpPair(1, { delayMs: 5 });
    const { client, server } = await connected(pair);
    const [c, s] = [watch(client), watch(server)];
    client.end('a');
    server.end('b');
    expect(await pair.until(() => c.events.includes('close') && s.events.includes('close'), 1000)).toBe(true);
    expect([c.text(), s.text(), c.error, s.error]).toEqual(['b', 'a', null, null]);
    expect([pair.left.sizes.timeWait, pair.right.sizes.timeWait]).toEqual([1, 1]);
  });

  it('sends everything that was written before destroySoon', async () => {
    const pair = new TcpPair(3, { delayMs: 5, loss: 0.05 });
    const { client, server } = await connected(pair);
    const s = watch(server);
    server.on('end', () => server.end());
    const data = patterned(300_000);
    client.write(data);
    client.destroySoon();
    expect(await pair.until(() => s.events.includes('end') && client.destroyed, 60_000)).toBe(true);
    expect(sha(s.data)).toBe(sha(data));
  });

  it('destroy of a quiet connection is a FIN for the peer, of a busy one a reset', async () => {
    const quiet = await (async () => {
      const pair = new TcpPair();
      const { client, server } = await connected(pair);
      const s = watch(server);
      client.destroy();
      await pair.pass(1000);
      return [s.events.includes('end'), s.error];
    })();
    expect(quiet).toEqual([true, null]);
    const pair = new TcpPair();
    const { client, server } = await connected(pair);
    const s = watch(server);
    client.write(patterned(1_000_000));
    await pair.pass(1);
    client.destroy();
    expect(await pair.until(() => s.error !== null, 1000)).toBe(true);
    expect(s.error?.code).toBe('ECONNRESET');
    expect([pair.left.sizes.connections, pair.right.sizes.connections]).toEqual([0, 0]);
  });

  it('destroy lets through what the send buffer has taken, and resets over unread data', async () => {
    const pair = new TcpPair(1, { delayMs: 5 });
    const { client, server } = await connected(pair);
    const [c, s] = [watch(client), watch(server)];
    server.pause();
    client.end(patterned(100_000));
    await pair.pass(200);
    server.resume();
    await pair.pass(1);
    server.write(patterned(100_000));
    server.destroy(new Error('handler failed'));
    expect(await pair.until(() => c.events.includes('end'), 5000)).toBe(true);
    expect([sha(c.data), c.error, s.error?.message]).toEqual([
      sha(patterned(100_000)),
      null,
      'handler failed',
    ]);

    const other = await connected(pair, 81);
    other.client.write('unread');
    const seen = watch(other.client);
    await pair.pass(100);
    other.server.destroy();
    expect(await pair.until(() => seen.error?.code === 'ECONNRESET', 1000)).toBe(true);
  });

  it('resets the peer that writes to a destroyed connection', async () => {
    const pair = new TcpPair();
    const { client, server } = await connected(pair);
    const s = watch(server);
    client.destroy();
    await pair.pass(10);
    server.write('anybody there?');
    expect(await pair.until(() => s.error !== null, 1000)).toBe(true);
    expect(s.error?.code).toBe('ECONNRESET');
  });

  it('does not wait for ever for the FIN of a peer whose application went away', async () => {
    const pair = new TcpPair();
    const { client, server } = await connected(pair);
    server.resume();
    client.destroy();
    await pair.pass(60_000);
    expect(pair.left.sizes.connections).toBe(0);
  });

  it('resetAndDestroy resets', async () => {
    const pair = new TcpPair();
    const { client, server } = await connected(pair);
    const s = watch(server);
    client.resetAndDestroy();
    expect(await pair.until(() => s.error?.code === 'ECONNRESET', 100)).toBe(true);
  });

  it('dispose resets everything and leaves no timer', async () => {
    const pair = new TcpPair();
    const { client, server } = await connected(pair);
    const [c, s] = [watch(client), watch(server)];
    client.write(patterned(100_000));
    server.write(patterned(100_000));
    pair.left.dispose();
    await pair.pass(10);
    expect(s.error?.code).toBe('ECONNRESET');
    expect(c.events).toContain('close');
    pair.right.dispose();
    await pair.pass(1);
    expect(pair.clock.pending).toBe(0);
  });
});

describe('standing its ground', () => {
  it('ignores a blind reset and SYN inside the window, and asks back (RFC 5961)', async () => {
    const pair = new TcpPair();
    const { client, server } = await connected(pair);
    const s = watch(server);
    let last: Buffer | null = null;
    pair.toRight.filter = (p) => {
      last = p;
      return true;
    };
    client.write('a');
    await pair.pass(50);
    const genuine = last as unknown as Buffer;
    for (const flags of [RST, SYN, SYN | ACK]) {
      const forged = Buffer.from(genuine);
      forged.writeUInt32BE((genuine.readUInt32BE(4) + 100) >>> 0, 4);
      forged[13] = flags;
      seal(forged);
      pair.right.receive(forged, LEFT, RIGHT);
    }
    await pair.pass(50);
    expect(pair.right.counters.challengeAcks).toBe(3);
    client.write('b');
    expect(await pair.until(() => s.text() === 'ab', 1000)).toBe(true);
    expect(s.error).toBe(null);
  });

  it('counts damaged segments and broadcasts, and answers neither', async () => {
    const pair = new TcpPair();
    const packet = Buffer.alloc(20);
    packet[12] = 0x50;
    packet[13] = SYN;
    pair.right.receive(packet, LEFT, RIGHT);
    pair.right.receive(Buffer.alloc(3), LEFT, RIGHT);
    packet[12] = 0x40;
    seal(packet);
    pair.right.receive(packet, LEFT, RIGHT);
    expect(pair.right.counters).toMatchObject({ badChecksums: 2, malformed: 1, segmentsOut: 0 });
  });

  it('emits timeout when nothing moves, and keep-alive finds a dead peer', async () => {
    const pair = new TcpPair();
    const { client, server } = await connected(pair);
    const [c, s] = [watch(client), watch(server)];
    client.setTimeout(5000);
    await pair.pass(4000);
    client.write('x');
    await pair.pass(4000);
    expect(c.events).not.toContain('timeout');
    await pair.pass(2000);
    expect(c.events).toContain('timeout');
    server.setKeepAlive(true, 60_000);
    await pair.pass(300_000);
    expect(s.error).toBe(null);
    pair.toLeft.filter = () => false;
    expect(await pair.until(() => s.error !== null, 300_000)).toBe(true);
    expect(s.error?.code).toBe('ETIMEDOUT');
  });
});

/** Writes the right checksum into a segment from LEFT to RIGHT. */
function seal(packet: Buffer): void {
  packet.writeUInt16BE(0, 16);
  let sum = (LEFT >>> 16) + (LEFT & 0xffff) + (RIGHT >>> 16) + (RIGHT & 0xffff) + 6 + packet.length;
  for (let i = 0; i < packet.length; i += 2) sum += ((packet[i] ?? 0) << 8) | (packet[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  packet.writeUInt16BE(~sum & 0xffff, 16);
}
