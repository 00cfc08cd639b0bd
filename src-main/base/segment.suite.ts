import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BROADCAST_IPV4, broadcastOf, contains, formatIpv4, type Ipv4 } from './address.ts';
import type { Disposable } from './disposable.ts';
import type { Datagram, Segment, SegmentConnection, UdpEndpoint } from './segment.ts';

/** A UDP socket of the machine on the other side. */
export interface PeerSocket extends Disposable {
  readonly port: number;
  send(data: Uint8Array, to: { readonly address: Ipv4; readonly port: number }): void;
  /** The next datagram in order of arrival, waiting for it when none is there. */
  receive(): Promise<{
    readonly data: Uint8Array;
    readonly from: { readonly address: Ipv4; readonly port: number };
  }>;
}

/** A machine on the same network as the segment, not made of the segment's own parts where that can be. */
export interface SegmentPeer {
  readonly address: Ipv4;
  /** Opens a UDP port, 0 meaning any; it must hear broadcasts. */
  udp(port: number): Promise<PeerSocket>;
  /** Connects; rejects when the port is closed. The stream must allow half-open connections. */
  connect(address: Ipv4, port: number): Promise<Duplex>;
}

export interface SegmentUnderTest extends Disposable {
  readonly segment: Segment;
  readonly peer: SegmentPeer;
  /** In the segment's network, with nobody there. */
  readonly unusedAddress: Ipv4;
}

export interface SegmentSuiteHarness {
  open(): Promise<SegmentUnderTest>;
  /** Ports from here on are free on both sides; 18000 when absent. */
  readonly firstPort?: number;
  /** Sent in one TCP connection each way; 8 MiB when absent. */
  readonly transferBytes?: number;
  /** How long `probe` must wait to be sure; 300 ms when absent. */
  readonly probeMs?: number;
}

/** The conformance suite of `Segment`: each implementation's test calls it once. */
export function describeSegment(name: string, harness: SegmentSuiteHarness): void {
  const firstPort = harness.firstPort ?? 18_000;
  const transferBytes = harness.transferBytes ?? 8 << 20;
  const probeMs = harness.probeMs ?? 300;
  let port = firstPort;
  let lab: SegmentUnderTest;
  let opened: Disposable[];

  const keep = <T extends Disposable>(item: T): T => {
    opened.push(item);
    return item;
  };
  const udp = async (at = 0) => keep(await lab.segment.udp(at));
  const peerUdp = async (at = 0) => keep(await lab.peer.udp(at));
  const tcp = async (onConnection: (connection: SegmentConnection) => void) => {
    const at = port++;
    const accept = (connection: SegmentConnection) => {
      // A peer that is taken away resets what is still open.
      connection.on('error', () => {});
      onConnection(connection);
    };
    keep(await lab.segment.tcp(at, accept));
    return at;
  };

  describe(`${name} as a Segment`, () => {
    beforeEach(async () => {
      opened = [];
      lab = await harness.open();
    });

    afterEach(async () => {
      for (const item of opened.reverse()) await item.dispose();
      await lab.dispose();
    });

    it('knows its network and its own address', () => {
      const { cidr, address } = lab.segment;
      expect(contains(cidr, address)).toBe(true);
      expect(address).not.toBe(lab.peer.address);
    });

    it('receives a datagram with its sender, and answers it', async () => {
      const server = await udp();
      const client = await peerUdp();
      const arrived = nextDatagram(server);
      client.send(text('read'), { address: lab.segment.address, port: server.port });
      const { data, from } = await arrived;
      expect(data).toBe('read');
      expect(from).toMatchObject({ address: lab.peer.address, port: client.port });
      server.send(text('data'), from);
      const answer = await client.receive();
      expect(Buffer.from(answer.data).toString()).toBe('data');
      expect(answer.from).toEqual({ address: lab.segment.address, port: server.port });
    });

    it('carries datagrams of every length up to a full frame, the empty one too', async () => {
      const server = await udp();
      const client = await peerUdp();
      server.onDatagram(({ data, from }) => server.send(data, from));
      for (const length of [0, 1, 17, 512, 1468, 1472]) {
        const data = Uint8Array.from({ length }, (_, i) => (i * 7) % 256);
        client.send(data, { address: lab.segment.address, port: server.port });
        expect(Buffer.from((await client.receive()).data).equals(data)).toBe(true);
      }
    });

    it('receives broadcasts, limited and directed', async () => {
      const server = await udp(port++);
      const client = await peerUdp();
      for (const address of [BROADCAST_IPV4, broadcastOf(lab.segment.cidr)]) {
        const arrived = nextDatagram(server);
        client.send(text('anybody?'), { address, port: server.port });
        expect(await arrived).toMatchObject({ data: 'anybody?', from: { address: lab.peer.address } });
      }
    });

    it('broadcasts', async () => {
      const client = await peerUdp(port++);
      const server = await udp(port++);
      server.send(text('to all'), { address: BROADCAST_IPV4, port: client.port });
      const { data, from } = await client.receive();
      expect(Buffer.from(data).toString()).toBe('to all');
      expect(from).toEqual({ address: lab.segment.address, port: server.port });
    });

    it('reaches a peer whose hardware address is given', async () => {
      const server = await udp();
      const client = await peerUdp();
      const arrived = nextDatagram(server);
      client.send(text('x'), { address: lab.segment.address, port: server.port });
      const { mac } = (await arrived).from;
      server.send(text('y'), {
        ...(mac === undefined ? {} : { mac }),
        address: lab.peer.address,
        port: client.port,
      });
      expect(Buffer.from((await client.receive()).data).toString()).toBe('y');
    });

    it('keeps two ports apart', async () => {
      const [first, second] = [await udp(), await udp()];
      const client = await peerUdp();
      const arrived = Promise.all([nextDatagram(first), nextDatagram(second)]);
      client.send(text('1'), { address: lab.segment.address, port: first.port });
      client.send(text('2'), { address: lab.segment.address, port: second.port });
      expect((await arrived).map(({ data }) => data)).toEqual(['1', '2']);
    });

    it('refuses a UDP port that is taken, and gives it again when it was closed', async () => {
      const at = port++;
      const first = await udp(at);
      await expect(lab.segment.udp(at)).rejects.toMatchObject({ code: 'PORT_IN_USE' });
      await first.dispose();
      await first.dispose();
      const second = await udp(at);
      const client = await peerUdp();
      const arrived = nextDatagram(second);
      client.send(text('again'), { address: lab.segment.address, port: at });
      expect((await arrived).data).toBe('again');
    });

    it('hands nothing to a closed port, and goes on', async () => {
      const closed = await udp(port++);
      let late = 0;
      closed.onDatagram(() => late++);
      await closed.dispose();
      const open = await udp();
      const client = await peerUdp();
      const arrived = nextDatagram(open);
      client.send(text('too late'), { address: lab.segment.address, port: closed.port });
      client.send(text('in time'), { address: lab.segment.address, port: open.port });
      expect((await arrived).data).toBe('in time');
      expect(late).toBe(0);
    });

    it('accepts a connection, says from where, and talks both ways', async () => {
      const addresses: unknown[] = [];
      const at = await tcp((connection) => {
        addresses.push(connection.remoteAddress);
        connection.pipe(connection);
      });
      const client = await lab.peer.connect(lab.segment.address, at);
      client.write('hello, ');
      client.end('world');
      expect((await readAll(client)).toString()).toBe('hello, world');
      expect(addresses).toEqual([formatIpv4(lab.peer.address)]);
    });

    it('lets each side end its half alone', async () => {
      const at = await tcp((connection) => {
        connection.end('I am done');
        void readAll(connection).then((all) => heard(all.toString()));
      });
      let heard: (text: string) => void = () => {};
      const answer = new Promise<string>((resolve) => {
        heard = resolve;
      });
      const client = await lab.peer.connect(lab.segment.address, at);
      expect((await readAll(client)).toString()).toBe('I am done');
      client.end('and so am I');
      expect(await answer).toBe('and so am I');
    });

    it('moves megabytes both ways unchanged', async () => {
      const up = pattern(transferBytes, 1);
      const down = pattern(transferBytes, 2);
      let received: (bytes: Buffer) => void = () => {};
      const atServer = new Promise<Buffer>((resolve) => {
        received = resolve;
      });
      const at = await tcp((connection) => {
        void readAll(connection).then((all) => received(all));
        connection.end(down);
      });
      const client = await lab.peer.connect(lab.segment.address, at);
      client.end(up);
      const atClient = await readAll(client);
      expect(digest(atClient)).toBe(digest(down));
      expect(digest(await atServer)).toBe(digest(up));
    });

    it('serves many connections at once', async () => {
      const at = await tcp((connection) => void connection.pipe(connection));
      const echoes = await Promise.all(
        Array.from({ length: 20 }, async (_, i) => {
          const client = await lab.peer.connect(lab.segment.address, at);
          client.end(`connection ${i}`);
          return (await readAll(client)).toString();
        }),
      );
      expect(echoes).toEqual(Array.from({ length: 20 }, (_, i) => `connection ${i}`));
    });

    it('refuses connections to a closed port, one that was open too', async () => {
      const at = port++;
      const listening = await lab.segment.tcp(at, (connection) => void connection.end());
      await expect(lab.segment.tcp(at, () => {})).rejects.toMatchObject({ code: 'PORT_IN_USE' });
      await listening.dispose();
      await expect(lab.peer.connect(lab.segment.address, at)).rejects.toThrow();
      keep(await lab.segment.tcp(at, (connection) => void connection.end()));
    });

    it('finds out whether an address is used', async () => {
      await expect(lab.segment.probe(lab.peer.address, probeMs)).resolves.toBe(true);
      await expect(lab.segment.probe(lab.unusedAddress, probeMs)).resolves.toBe(false);
    });
  });
}

/** The next datagram, copied: what the endpoint hands out lasts for the call only. */
function nextDatagram(endpoint: UdpEndpoint): Promise<{ data: string; from: Datagram['from'] }> {
  return new Promise((resolve) => {
    endpoint.onDatagram(({ data, from }) =>
      resolve({ data: Buffer.from(data).toString(), from: { ...from } }),
    );
  });
}

async function readAll(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function pattern(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i += 4) bytes.writeUInt32LE(Math.imul(i + seed, 0x9e3779b1) >>> 0, i);
  return bytes;
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const text = (value: string) => new TextEncoder().encode(value);
