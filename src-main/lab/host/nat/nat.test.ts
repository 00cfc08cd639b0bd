import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cidr, formatIpv4, type Ipv4, ipv4 } from '../../../base/address.ts';
import { ManualClock } from '../../../base/clock.ts';
import { seededRandom } from '../../../base/random.ts';
import { LabSwitch } from '../../switch/switch.ts';
import { type LabSegment, openLabSegment } from '../lab-segment.ts';
import type { Nat } from './nat.ts';
import type { Outside } from './outside.ts';

const NETWORK = cidr('10.77.0.0/24');
const REMOTE = ipv4('192.0.2.7');
const HOST_LAN = ipv4('192.168.1.5');

interface FakeFlow {
  to: string;
  sent: string[];
  closed: boolean;
  answer(text: string): void;
  fail(): void;
}

class FakeWorld implements Outside {
  readonly flows: FakeFlow[] = [];
  readonly connections: { to: string; stream: Duplex }[] = [];
  onConnection: (ours: Duplex) => Duplex = (stream) => stream;

  addresses(): Ipv4[] {
    return [HOST_LAN];
  }

  udp(address: Ipv4, port: number, onData: (data: Uint8Array) => void, onError: () => void) {
    const flow: FakeFlow = {
      to: `${formatIpv4(address)}:${port}`,
      sent: [],
      closed: false,
      answer: (text) => onData(Buffer.from(text)),
      fail: onError,
    };
    this.flows.push(flow);
    return {
      send: (data: Uint8Array) => void flow.sent.push(Buffer.from(data).toString()),
      close: () => {
        flow.closed = true;
      },
    };
  }

  connect(address: Ipv4, port: number): Duplex {
    const stream = echoStream();
    this.connections.push({ to: `${formatIpv4(address)}:${port}`, stream });
    return stream;
  }
}

/** A remote that answers every chunk in capitals and ends when it is ended. */
function echoStream(): Duplex {
  return new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      this.push(chunk.toString().toUpperCase());
      done();
    },
    final(done) {
      this.push(null);
      done();
    },
  });
}

let clock: ManualClock;
let fabric: LabSwitch;
let world: FakeWorld;
let controller: LabSegment;
let machine: LabSegment;
let nat: Nat;

beforeEach(() => {
  clock = new ManualClock();
  fabric = new LabSwitch({ clock, random: seededRandom(1) });
  world = new FakeWorld();
  const open = (name: string, address: string, seed: number) =>
    openLabSegment({
      fabric,
      name,
      cidr: NETWORK,
      address: ipv4(address),
      clock,
      random: seededRandom(seed),
    });
  controller = open('lab', '10.77.0.1', 2);
  machine = open('machine', '10.77.0.2', 3);
  machine.host.configure({ address: machine.address, cidr: NETWORK, gateway: controller.address });
  nat = controller.startNat({ outside: world });
});

afterEach(() => {
  machine.dispose();
  controller.dispose();
  expect(clock.pending).toBe(0);
});

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('UDP through the NAT', () => {
  it('goes out and comes back from the address that was asked', async () => {
    const socket = await machine.udp(5000);
    const got: string[] = [];
    socket.onDatagram(({ data, from }) =>
      got.push(`${formatIpv4(from.address)}:${from.port} ${Buffer.from(data)}`),
    );
    socket.send(Buffer.from('question'), { address: REMOTE, port: 53 });
    socket.send(Buffer.from('another'), { address: REMOTE, port: 53 });
    expect(world.flows).toMatchObject([{ to: '192.0.2.7:53', sent: ['question', 'another'] }]);
    world.flows[0]!.answer('answer');
    expect(got).toEqual(['192.0.2.7:53 answer']);
    world.flows[0]!.answer('x'.repeat(5000));
    expect(got[1]).toHaveLength('192.0.2.7:53 '.length + 5000);
  });

  it('keeps conversations apart, and ends them after two idle minutes', async () => {
    const [a, b] = [await machine.udp(5000), await machine.udp(5001)];
    a.send(Buffer.from('a'), { address: REMOTE, port: 53 });
    b.send(Buffer.from('b'), { address: REMOTE, port: 53 });
    clock.advance(100_000);
    a.send(Buffer.from('a'), { address: REMOTE, port: 53 });
    clock.advance(60_000);
    expect(world.flows.map((flow) => flow.closed)).toEqual([false, true]);
    world.flows[0]!.fail();
    expect(nat.sizes.flows).toBe(0);
    clock.advance(200_000);
  });

  it('has a bounded number of conversations: the one that was silent longest goes', async () => {
    const socket = await machine.udp(5000);
    for (let port = 1; port <= 1100; port++) socket.send(Buffer.from('x'), { address: REMOTE, port });
    expect(nat.sizes.flows).toBe(1024);
    expect(world.flows.filter((flow) => flow.closed)).toHaveLength(76);
    expect(world.flows[0]!.closed).toBe(true);
  });

  it('refuses this computer, its loopback and link-local, and says so', async () => {
    const socket = await machine.udp(5000);
    const codes: unknown[] = [];
    fabric.tap((frame) => frame[23] === 1 && codes.push([frame[34], frame[35]]), { direction: 'in' });
    for (const to of [HOST_LAN, ipv4('127.0.0.1'), ipv4('169.254.169.254')])
      socket.send(Buffer.from('let me in'), { address: to, port: 22 });
    expect(world.flows).toEqual([]);
    expect(nat.counters.refused).toBe(3);
    expect(codes).toEqual(Array(3).fill([3, 13]));
  });

  it('leaves echo requests alone', async () => {
    const ping = machine.host.ping(REMOTE, 100);
    clock.advance(100);
    await expect(ping).resolves.toBe(false);
    expect(nat.counters.unsupported).toBe(1);
  });

  it('ends with its segment', async () => {
    const socket = await machine.udp(5000);
    socket.send(Buffer.from('x'), { address: REMOTE, port: 53 });
    nat.dispose();
    expect(world.flows[0]!.closed).toBe(true);
    socket.send(Buffer.from('x'), { address: REMOTE, port: 53 });
    expect(world.flows).toHaveLength(1);
  });
});

describe('TCP through the NAT', () => {
  it('relays both directions, and the end of each', async () => {
    const connection = machine.tcpStack.connect(REMOTE, 80);
    const chunks: Buffer[] = [];
    connection.on('data', (chunk: Buffer) => chunks.push(chunk));
    connection.end('hello');
    const ended = once(connection, 'end');
    for (let i = 0; i < 20; i++) {
      clock.advance(50);
      await turn();
    }
    await ended;
    expect(Buffer.concat(chunks).toString()).toBe('HELLO');
    expect(world.connections.map(({ to }) => to)).toEqual(['192.0.2.7:80']);
    expect(nat.counters).toMatchObject({ connections: 1, connectionsFailed: 0 });
    clock.advance(200_000);
    expect(nat.sizes.remotes).toBe(0);
  });

  it('remembers few of the ports that a scan asks for, and still relays', async () => {
    for (let port = 1; port <= 600; port++) {
      const connection = machine.tcpStack.connect(REMOTE, port);
      connection.on('error', () => {});
      await turn();
      connection.destroy();
    }
    expect(nat.sizes).toMatchObject({ remotes: 1, ports: 256 });
    const connection = machine.tcpStack.connect(REMOTE, 1);
    await turn();
    expect(world.connections.at(-1)?.to).toBe('192.0.2.7:1');
    connection.destroy();
    clock.advance(200_000);
  });

  it('resets the machine when the world does not accept', async () => {
    const connection = machine.tcpStack.connect(REMOTE, 81);
    await turn();
    const failed = once(connection, 'error');
    world.connections[0]!.stream.destroy(new Error('ECONNREFUSED'));
    await turn();
    clock.advance(10);
    expect((await failed)[0]).toMatchObject({ code: 'ECONNRESET' });
    expect(nat.counters.connectionsFailed).toBe(1);
    clock.advance(200_000);
  });

  it('closes the way out when the machine resets', async () => {
    const connection = machine.tcpStack.connect(REMOTE, 80);
    connection.on('error', () => {});
    await turn();
    connection.resetAndDestroy();
    await turn();
    expect(world.connections[0]!.stream.destroyed).toBe(true);
    clock.advance(200_000);
  });

  it('closes everything when it is switched off', async () => {
    const connection = machine.tcpStack.connect(REMOTE, 80);
    connection.on('error', () => {});
    await turn();
    nat.dispose();
    await turn();
    expect([connection.destroyed, world.connections[0]!.stream.destroyed]).toEqual([true, true]);
  });
});
