import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { BROADCAST_IPV4, cidr, type Ipv4, ipv4, mac } from '../../base/address.ts';
import { ManualClock } from '../../base/clock.ts';
import { seededRandom } from '../../base/random.ts';
import type { Datagram } from '../../base/segment.ts';
import { decodeArp, writeArp } from '../../protocol/arp.ts';
import {
  decodeEthernet,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  writeEthernetHeader,
} from '../../protocol/ethernet.ts';
import { decodeIcmp } from '../../protocol/icmp.ts';
import { decodeIpv4 } from '../../protocol/ipv4.ts';
import { decodeUdp, writeUdp } from '../../protocol/udp.ts';
import { type LabPort, LabSwitch } from '../switch/switch.ts';
import { IpHost } from './ip-host.ts';

const NETWORK = cidr('10.77.0.0/24');
const A = ipv4('10.77.0.1');
const B = ipv4('10.77.0.2');
const NOBODY = ipv4('10.77.0.99');
const MAC_A = mac('52:54:00:00:00:0a');
const MAC_B = mac('52:54:00:00:00:0b');
const MAC_RAW = mac('52:54:00:00:00:0c');

let clock: ManualClock;
let fabric: LabSwitch;
let seen: Uint8Array[];
let raw: LabPort;

beforeEach(() => {
  clock = new ManualClock();
  fabric = new LabSwitch({ clock, random: seededRandom(1) });
  seen = [];
  raw = fabric.attach('raw', () => {});
  fabric.tap((frame) => void seen.push(Uint8Array.from(frame)), { direction: 'in' });
});

function host(
  name: string,
  address: Ipv4 | null,
  hardware = name === 'a' ? MAC_A : MAC_B,
  ra = false,
): IpHost {
  const made = new IpHost({
    fabric,
    name,
    mac: hardware,
    clock,
    random: seededRandom(2),
    answersRouterSolicitations: ra,
  });
  if (address !== null) made.configure({ address, cidr: NETWORK });
  return made;
}

function arpsSeen() {
  return seen.flatMap((frame) => {
    const header = decodeEthernet(frame);
    const packet = header?.etherType === ETHERTYPE_ARP ? decodeArp(frame, 14) : null;
    return header && packet ? [{ ...packet, to: header.destination }] : [];
  });
}

function ipSeen() {
  return seen.flatMap((frame) => {
    const packet = decodeEthernet(frame)?.etherType === ETHERTYPE_IPV4 ? decodeIpv4(frame, 14) : null;
    return packet ? [{ ...packet, payload: frame.subarray(packet.payloadStart, packet.payloadEnd) }] : [];
  });
}

function sendArp(operation: 'request' | 'reply', senderIp: Ipv4, targetIp: Ipv4): void {
  const frame = new Uint8Array(60);
  writeEthernetHeader(frame, {
    destination: mac('ff:ff:ff:ff:ff:ff'),
    source: MAC_RAW,
    etherType: ETHERTYPE_ARP,
    vlan: null,
  });
  writeArp(frame, 14, { operation, senderMac: MAC_RAW, senderIp, targetMac: MAC_A, targetIp });
  raw.transmit(frame);
}

function collect(from: IpHost, port: number) {
  const endpoint = from.udp(port);
  const got: (Datagram & { text: string })[] = [];
  endpoint.onDatagram((d) => void got.push({ ...d, text: Buffer.from(d.data).toString() }));
  return { endpoint, got };
}

const text = (value: string) => new TextEncoder().encode(value);

describe('ARP', () => {
  it('announces the address, answers for it, and takes note of who asked', () => {
    const a = host('a', A);
    expect(arpsSeen()).toMatchObject([{ operation: 'request', senderIp: A, targetIp: A }]);
    sendArp('request', NOBODY, A);
    expect(arpsSeen().at(-1)).toMatchObject({
      operation: 'reply',
      senderMac: MAC_A,
      senderIp: A,
      to: MAC_RAW,
    });
    expect(a.arp.find(NOBODY)).toBe(MAC_RAW);
  });

  it('is silent for other addresses, and takes no note of strangers', () => {
    const a = host('a', A);
    seen.length = 0;
    sendArp('request', NOBODY, B);
    expect(arpsSeen()).toHaveLength(1);
    expect(a.arp.find(NOBODY)).toBe(null);
    sendArp('request', ipv4('192.0.2.7'), A);
    expect(a.arp.entries()).toEqual([]);
  });

  it('asks three times, a second apart, then drops what waited and can be tried again', () => {
    const a = host('a', A);
    const { endpoint } = collect(a, 9);
    seen.length = 0;
    for (let i = 0; i < 20; i++) endpoint.send(text('x'), { address: NOBODY, port: 9 });
    clock.advance(10_000);
    expect(arpsSeen()).toHaveLength(3);
    expect(a.counters.unresolved).toBe(20);
    expect(clock.pending).toBe(0);
    endpoint.send(text('x'), { address: NOBODY, port: 9 });
    sendArp('reply', NOBODY, A);
    expect(ipSeen()).toHaveLength(1);
  });

  it('sends the newest of what waited, in order, when the answer comes', () => {
    const a = host('a', A);
    const { endpoint } = collect(a, 9);
    for (let i = 0; i < 20; i++) endpoint.send(Uint8Array.of(i), { address: NOBODY, port: 9 });
    sendArp('reply', NOBODY, A);
    expect(ipSeen().map((p) => p.payload[8])).toEqual(Array.from({ length: 16 }, (_, i) => i + 4));
  });

  it('needs no question for who just spoke to us', () => {
    const a = host('a', A);
    const b = host('b', B);
    const { endpoint } = collect(b, 9);
    collect(a, 9).endpoint.onDatagram((d) => endpoint.send(d.data, d.from));
    endpoint.send(text('x'), { address: A, port: 9, mac: MAC_A });
    expect(a.arp.find(B)).toBe(MAC_B);
  });

  it('forgets an address that was not heard of for five minutes', () => {
    const a = host('a', A);
    sendArp('reply', NOBODY, A);
    clock.advance(300_001);
    expect(a.arp.find(NOBODY)).toBe(null);
  });

  it('counts a conflict and does not follow it', () => {
    const a = host('a', A);
    sendArp('reply', A, A);
    expect(a.counters.addressConflicts).toBe(1);
    expect(a.arp.find(A)).toBe(null);
  });
});

describe('echo', () => {
  it('is answered, and not answered by nobody', async () => {
    const a = host('a', A);
    host('b', B);
    await expect(a.ping(B, 1000)).resolves.toBe(true);
    const missing = a.ping(NOBODY, 1000);
    clock.advance(1000);
    await expect(missing).resolves.toBe(false);
  });

  it('is answered late within the limit, not beyond', async () => {
    const a = host('a', A);
    host('b', B);
    fabric.setImpairment(fabric.ports()[1]!, { delayMs: 100 });
    const near = a.ping(B, 900);
    clock.advance(900);
    await expect(near).resolves.toBe(true);
    const far = a.ping(B, 199);
    clock.advance(500);
    await expect(far).resolves.toBe(false);
  });

  it('reaches the host itself', async () => {
    await expect(host('a', A).ping(A, 1000)).resolves.toBe(true);
  });
});

describe('address probe', () => {
  it('finds an address in use, our own too', async () => {
    const a = host('a', A);
    host('b', B);
    await expect(a.probe(B, 500)).resolves.toBe(true);
    await expect(a.probe(A, 500)).resolves.toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('asks three times with sender 0.0.0.0 before it says that an address is free', async () => {
    const a = host('a', A);
    seen.length = 0;
    const answer = a.probe(NOBODY, 300);
    clock.advance(300);
    await expect(answer).resolves.toBe(false);
    expect(arpsSeen()).toMatchObject(Array(3).fill({ operation: 'request', senderIp: 0, targetIp: NOBODY }));
    expect(clock.pending).toBe(0);
  });

  it('takes the probe of another for an answer', async () => {
    const a = host('a', A);
    const answer = a.probe(NOBODY, 300);
    sendArp('request', 0 as Ipv4, NOBODY);
    await expect(answer).resolves.toBe(true);
  });
});

describe('UDP', () => {
  it('carries datagrams both ways, with addresses', () => {
    const a = collect(host('a', A), 69);
    const b = collect(host('b', B), 0);
    expect(b.endpoint.port).toBeGreaterThanOrEqual(49_152);
    b.endpoint.send(text('read'), { address: A, port: 69 });
    expect(a.got).toMatchObject([
      { text: 'read', from: { address: B, port: b.endpoint.port, mac: MAC_B }, to: A },
    ]);
    a.endpoint.send(text('data'), a.got[0]!.from);
    expect(b.got).toMatchObject([{ text: 'data', from: { address: A, port: 69 } }]);
  });

  it('broadcasts, limited and directed, without echo to the sender', () => {
    const a = collect(host('a', A), 67);
    const b = collect(host('b', B), 67);
    b.endpoint.send(text('1'), { address: BROADCAST_IPV4, port: 67 });
    b.endpoint.send(text('2'), { address: ipv4('10.77.0.255'), port: 67 });
    expect(a.got.map((d) => [d.text, d.to])).toEqual([
      ['1', BROADCAST_IPV4],
      ['2', ipv4('10.77.0.255')],
    ]);
    expect(b.got).toEqual([]);
  });

  it('lets a host without an address broadcast, and hear what is sent to its hardware address', () => {
    const server = collect(host('a', A), 67);
    const client = collect(host('b', null), 68);
    client.endpoint.send(text('discover'), { address: BROADCAST_IPV4, port: 67 });
    expect(server.got).toMatchObject([{ text: 'discover', from: { address: 0, port: 68, mac: MAC_B } }]);
    server.endpoint.send(text('offer'), { address: NOBODY, port: 68, mac: MAC_B });
    expect(client.got).toMatchObject([{ text: 'offer', to: NOBODY }]);
  });

  it('hears nothing from a source that can be nobody: an echo would answer itself for ever', () => {
    const [a, b] = [host('a', A), host('b', B)];
    const echo = a.udp(7);
    let heard = 0;
    echo.onDatagram(({ data, from }) => {
      heard++;
      echo.send(data, from);
    });
    const write = (source: Ipv4) => (frame: Uint8Array, offset: number) =>
      void writeUdp(
        frame,
        offset,
        { source, sourcePort: 7, destination: A, destinationPort: 7 },
        text('echo'),
      );
    const bad = [A, ipv4('127.0.0.1'), ipv4('10.77.0.255'), BROADCAST_IPV4, ipv4('224.0.0.1')];
    for (const source of [B, ...bad]) b.sendFrom(source, 17, A, 12, write(source));
    expect(heard).toBe(1);
    expect(a.counters.badSources).toBe(bad.length);
  });

  it('tells the sender that a port is closed, but nobody after a broadcast', () => {
    const a = host('a', A);
    const { endpoint } = collect(host('b', B), 500);
    seen.length = 0;
    endpoint.send(text('hello?'), { address: A, port: 501 });
    const reply = ipSeen().find((p) => p.protocol === 1);
    expect(decodeIcmp(reply!.payload)).toMatchObject({ kind: 'unreachable', code: 3 });
    const quoted = (decodeIcmp(reply!.payload) as { original: Uint8Array }).original;
    expect(quoted).toHaveLength(28);
    expect([...quoted.subarray(20, 24)]).toEqual([1, 244, 1, 245]);
    seen.length = 0;
    endpoint.send(text('anyone?'), { address: BROADCAST_IPV4, port: 501 });
    expect(ipSeen().some((p) => p.protocol === 1)).toBe(false);
    expect(a.counters.closedPorts).toBe(2);
  });

  it('opens a port once, and again after it was closed', () => {
    const a = host('a', A);
    const first = a.udp(69);
    expect(() => a.udp(69)).toThrowError(expect.objectContaining({ code: 'PORT_IN_USE' }));
    void first.dispose();
    void first.dispose();
    first.send(text('late'), { address: BROADCAST_IPV4, port: 1 });
    expect(ipSeen()).toEqual([]);
    a.udp(69);
  });

  it('fragments what does not fit, and puts it together again', () => {
    const a = collect(host('a', A), 69);
    const b = collect(host('b', B), 70);
    for (const size of [1472, 1473, 5000, 65_507]) {
      const data = Uint8Array.from({ length: size }, (_, i) => i % 251);
      a.got.length = 0;
      const before = ipSeen().length;
      b.endpoint.send(data, { address: A, port: 69 });
      expect(a.got.map((d) => Buffer.from(d.data).equals(data))).toEqual([true]);
      expect(ipSeen().length - before).toBe(Math.ceil((size + 8) / 1480));
    }
  });

  it('counts what IPv4 can not carry, and what has no way', () => {
    const b = host('b', B);
    const { endpoint } = collect(b, 70);
    endpoint.send(new Uint8Array(65_508), { address: A, port: 69 });
    endpoint.send(text('x'), { address: ipv4('192.0.2.1'), port: 69 });
    expect(b.counters).toMatchObject({ tooLong: 1, noRoute: 1 });
  });

  it('sends what is outside by the gateway', () => {
    const gateway = host('a', A);
    const b = host('b', null);
    b.configure({ address: B, cidr: NETWORK, gateway: A });
    const forwarded: number[] = [];
    gateway.setForwarder((_frame, packet) => void forwarded.push(packet.destination));
    collect(b, 70).endpoint.send(text('x'), { address: ipv4('192.0.2.1'), port: 69 });
    expect(forwarded).toEqual([ipv4('192.0.2.1')]);
    gateway.setForwarder(null);
    collect(b, 71).endpoint.send(text('x'), { address: ipv4('192.0.2.1'), port: 69 });
    expect(gateway.counters.misaddressed).toBe(1);
  });

  it('writes datagrams that a second look finds right', () => {
    host('a', A);
    collect(host('b', B), 70).endpoint.send(text('odd'), { address: A, port: 69 });
    const packet = ipSeen().find((p) => p.protocol === 17)!;
    expect(packet).toMatchObject({ source: B, destination: A, ttl: 64, dontFragment: true });
    expect(decodeUdp(packet.payload, 0, packet.payload.length, B, A)).toMatchObject({ destinationPort: 69 });
  });
});

describe('an IP host', () => {
  const solicitation = Uint8Array.from(
    Buffer.from(
      '333300000002525400123456' +
        '86dd' +
        '60000000' +
        '00083aff' +
        'fe80000000000000505400fffe123456' +
        'ff020000000000000000000000000002' +
        '85007bb4' +
        '00000000',
      'hex',
    ),
  );
  solicitation.set([0, 0], 56);

  it('answers router solicitations only where it was told to', () => {
    let sum = 8 + 58;
    for (let i = 22; i < solicitation.length; i += 2) sum += solicitation[i]! * 256 + solicitation[i + 1]!;
    const folded = ~((sum & 0xffff) + (sum >>> 16)) & 0xffff;
    solicitation.set([folded >> 8, folded & 255], 56);
    host('b', B);
    raw.transmit(solicitation);
    const answers = () => seen.filter((frame) => frame[54] === 134).length;
    expect(answers()).toBe(0);
    host('a', A, MAC_A, true);
    raw.transmit(solicitation);
    expect(answers()).toBe(1);
  });

  it('survives any frame, counting it, and keeps no timer for it', () => {
    const a = host('a', A, MAC_A, true);
    collect(a, 67);
    const prefix = fc.constantFrom('0800', '0806', '86dd', '8100', '0000');
    fc.assert(
      fc.property(prefix, fc.boolean(), fc.uint8Array({ maxLength: 200 }), (type, unicast, tail) => {
        const header = Buffer.from(`${unicast ? '52540000000a' : 'ffffffffffff'}52540000000c${type}`, 'hex');
        const before = a.counters.framesIn;
        raw.transmit(Buffer.concat([header, tail]));
        expect(a.counters.framesIn).toBe(before + 1);
      }),
    );
    expect(clock.pending).toBe(0);
  });

  it('is gone after dispose: port unplugged, questions answered, no timer', async () => {
    const a = host('a', A);
    const ping = a.ping(NOBODY, 1000);
    const probe = a.probe(NOBODY, 1000);
    a.dispose();
    a.dispose();
    await expect(Promise.all([ping, probe])).resolves.toEqual([false, false]);
    expect(clock.pending).toBe(0);
    expect(fabric.ports().map((p) => p.name)).toEqual(['raw']);
  });
});
