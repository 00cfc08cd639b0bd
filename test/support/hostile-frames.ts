import { BROADCAST_MAC, type Ipv4, ipv4, type Mac, mac } from '../../src-main/base/address.ts';
import type { Random } from '../../src-main/base/random.ts';
import { ARP_BYTES, writeArp } from '../../src-main/protocol/arp.ts';
import {
  foldChecksum,
  internetChecksum,
  pseudoHeaderSum,
  sumWords,
} from '../../src-main/protocol/checksum.ts';
import {
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  writeEthernetHeader,
} from '../../src-main/protocol/ethernet.ts';
import { PROTOCOL_ICMP, PROTOCOL_UDP, writeIpv4Header } from '../../src-main/protocol/ipv4.ts';
import { ACK, FIN, PSH, RST, SYN, TCP_PROTOCOL } from '../../src-main/protocol/tcp.ts';
import { writeUdp } from '../../src-main/protocol/udp.ts';

const IP = 14;
const PAYLOAD = IP + 20;
const OFFSETS = [0, 0, 0, 0, 0, 0, 1, -1, 100, 1460, -1460, 70_000, 0x7fffffff] as const;
const FLAGS = [SYN, SYN, ACK, ACK, ACK, ACK | PSH, ACK | PSH, ACK | FIN, SYN | ACK, RST] as const;
const REQUEST = Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
const GROUP = mac('01:00:5e:00:00:01');
const MACS = 5000;

interface Conversation {
  readonly machine: Ipv4;
  readonly machinePort: number;
  readonly remote: Ipv4;
  readonly remotePort: number;
  /** What the machine would say next, as far as the other side let it know. */
  sequence: number;
  acknowledgment: number;
}

/**
 * Frames of machines that mean no good: real ones with wrong everything, from many addresses. Those of TCP keep up
 * conversations with what `hear` is told, so that they get further than the first check.
 */
export class HostileFrames {
  readonly #random: Random;
  readonly #host: { readonly mac: Mac; readonly address: Ipv4 };
  readonly #buffer = Buffer.alloc(9200);
  readonly #conversations: Conversation[] = [];
  readonly #byKey = new Map<string, Conversation>();

  /** `host`: who is attacked. */
  constructor(random: Random, host: { readonly mac: Mac; readonly address: Ipv4 }) {
    this.#random = random;
    this.#host = host;
    const remotes = [host.address, host.address, ipv4('192.0.2.7'), ipv4('198.51.100.1')];
    for (let n = 0; n < 200; n++) {
      const machine = this.#machine();
      const remote = remotes[n % remotes.length] ?? host.address;
      const talk = { machine, machinePort: 1024 + n, remote, remotePort: 80, sequence: n, acknowledgment: 0 };
      this.#conversations.push(talk);
      this.#byKey.set(keyOf(machine, 1024 + n, remote), talk);
    }
  }

  /** The next frame; valid until the one after. */
  next(): Uint8Array {
    const length = this.#write();
    if (this.#random.int(0, 3) > 0) return this.#buffer.subarray(0, length);
    return this.#spoil(length);
  }

  /** Takes note of a frame that came back. */
  hear(frame: Uint8Array): void {
    if (frame.length < PAYLOAD + 20 || frame[12] !== 8 || frame[13] !== 0 || frame[23] !== TCP_PROTOCOL)
      return;
    const view = Buffer.from(frame.buffer, frame.byteOffset, frame.length);
    const machine = view.readUInt32BE(IP + 16) as Ipv4;
    const talk = this.#byKey.get(
      keyOf(machine, view.readUInt16BE(PAYLOAD + 2), view.readUInt32BE(IP + 12) as Ipv4),
    );
    const flags = view[PAYLOAD + 13] ?? 0;
    if (!talk || flags & RST) return;
    const data = view.readUInt16BE(IP + 2) - 20 - ((view[PAYLOAD + 12] ?? 0) >> 4) * 4;
    talk.sequence = view.readUInt32BE(PAYLOAD + 8);
    talk.acknowledgment = (view.readUInt32BE(PAYLOAD + 4) + data + (flags & (SYN | FIN) ? 1 : 0)) >>> 0;
  }

  #write(): number {
    switch (this.#random.int(0, 15)) {
      case 0:
        return this.#noise();
      case 1:
      case 2:
        return this.#arp();
      case 3:
        return this.#solicitation();
      case 4:
      case 5:
        return this.#ip(PROTOCOL_ICMP, this.#icmp());
      case 6:
      case 7:
      case 8:
        return this.#udp();
      default:
        return this.#tcp();
    }
  }

  #noise(): number {
    const random = this.#random;
    const length = random.pick([0, 5, 13, 14, 18, 60, 1514, 9018, 9019, 9200, random.int(14, 1600)]);
    for (let i = 0; i < Math.min(length, 64); i += 4) this.#buffer.writeUInt32BE(random.u32(), i);
    if (random.int(0, 1) === 0)
      this.#ethernet(random.pick([ETHERTYPE_IPV4, ETHERTYPE_ARP, ETHERTYPE_IPV6, 40]));
    return length;
  }

  #arp(): number {
    const random = this.#random;
    this.#ethernet(ETHERTYPE_ARP, BROADCAST_MAC);
    writeArp(this.#buffer, IP, {
      operation: random.pick(['request', 'reply']),
      senderMac: this.#mac(),
      senderIp: this.#address(),
      targetMac: this.#mac(),
      targetIp: random.pick([this.#host.address, this.#address()]),
    });
    return IP + ARP_BYTES;
  }

  /** RFC 4861 §4.1, with or without the right checksum. */
  #solicitation(): number {
    this.#ethernet(ETHERTYPE_IPV6, mac('33:33:00:00:00:02'));
    const packet = 'fe80000000000000505400fffe000001ff0200000000000000000000000000028500000000000000';
    this.#buffer.write(`6000000000083aff${packet}`, IP, 'hex');
    const sum = sumWords(this.#buffer, IP + 8, IP + 48) + 8 + 58;
    if (this.#random.int(0, 1) === 0) this.#buffer.writeUInt16BE(foldChecksum(sum), IP + 42);
    return IP + 48;
  }

  #icmp(): number {
    const length = this.#random.pick([0, 7, 8, 64, 1480]);
    const end = PAYLOAD + length;
    this.#buffer[PAYLOAD] = this.#random.pick([8, 8, 8, 0, 3, 5, 13, 200]);
    this.#buffer.writeUInt32BE(0, PAYLOAD + 1);
    this.#buffer.writeUInt16BE(internetChecksum(this.#buffer, PAYLOAD, end), PAYLOAD + 2);
    return length;
  }

  #udp(): number {
    const random = this.#random;
    const [source, destination] = [this.#address(), random.pick([this.#host.address, this.#address()])];
    const [sourcePort, destinationPort] = [
      random.pick([7, 53, 68]),
      random.pick([7, 7, 67, random.int(0, 0xffff)]),
    ];
    const data = this.#buffer.subarray(8000, 8000 + random.pick([0, 1, 100, 1400]));
    const length = writeUdp(
      this.#buffer,
      PAYLOAD,
      { source, sourcePort, destination, destinationPort },
      data,
    );
    return this.#ip(PROTOCOL_UDP, length, source, destination);
  }

  #tcp(): number {
    const random = this.#random;
    const buffer = this.#buffer;
    const talk = this.#conversations[random.int(0, this.#conversations.length - 1)];
    if (!talk) return 0;
    const stray = random.int(0, 9) === 0;
    const [source, destination] = stray ? [this.#address(), this.#address()] : [talk.machine, talk.remote];
    const optionWords = random.int(0, 3) === 0 ? random.int(0, 10) : 0;
    const header = 20 + optionWords * 4;
    for (let i = 0; i < header; i += 4) buffer.writeUInt32BE(random.u32(), PAYLOAD + i);
    buffer.writeUInt16BE(talk.machinePort, PAYLOAD);
    buffer.writeUInt16BE(random.int(0, 3) > 0 ? talk.remotePort : random.int(0, 0xffff), PAYLOAD + 2);
    if (random.int(0, 5) > 0) {
      buffer.writeUInt32BE((talk.sequence + random.pick(OFFSETS)) >>> 0, PAYLOAD + 4);
      buffer.writeUInt32BE((talk.acknowledgment + random.pick(OFFSETS)) >>> 0, PAYLOAD + 8);
    }
    if (random.int(0, 20) > 0) buffer[PAYLOAD + 12] = (header / 4) << 4;
    if (random.int(0, 9) > 0) buffer[PAYLOAD + 13] = random.pick(FLAGS);
    const data = random.pick([0, 0, REQUEST.length, REQUEST.length, 10, 1400]);
    if (data === REQUEST.length) buffer.set(REQUEST, PAYLOAD + header);
    const length = header + data;
    buffer.writeUInt16BE(0, PAYLOAD + 16);
    const pseudo = pseudoHeaderSum(source, destination, TCP_PROTOCOL, length);
    buffer.writeUInt16BE(internetChecksum(buffer, PAYLOAD, PAYLOAD + length, pseudo), PAYLOAD + 16);
    return this.#ip(TCP_PROTOCOL, length, source, destination);
  }

  /** Writes the headers in front of a payload that is there already. */
  #ip(protocol: number, length: number, source = this.#address(), destination = this.#host.address): number {
    const random = this.#random;
    this.#ethernet(ETHERTYPE_IPV4);
    const fragmented = random.int(0, 9) === 0;
    const header = {
      protocol: random.int(0, 30) === 0 ? random.int(0, 255) : protocol,
      source,
      destination,
      ttl: random.pick([64, 64, 1, 0]),
      identification: random.int(0, 99),
      dontFragment: random.int(0, 1) === 0,
      moreFragments: fragmented && random.int(0, 1) === 0,
      fragmentOffset: fragmented ? random.pick([0, 8, 1480, 65_528, random.int(0, 8191) * 8]) : 0,
    };
    writeIpv4Header(this.#buffer, IP, header, length);
    return PAYLOAD + length;
  }

  #ethernet(etherType: number, destination?: Mac): void {
    const { mac: target } = this.#host;
    const to =
      destination ?? this.#random.pick([target, target, target, target, BROADCAST_MAC, GROUP, this.#mac()]);
    writeEthernetHeader(this.#buffer, { destination: to, source: this.#mac(), etherType, vlan: null });
  }

  /** Changes bytes, cuts, or puts a VLAN tag in. */
  #spoil(length: number): Uint8Array {
    const random = this.#random;
    const buffer = this.#buffer;
    if (random.int(0, 4) === 0 && length > 14) {
      buffer.copyWithin(16, 12, length);
      buffer.writeUInt32BE((0x81000000 + random.int(0, 0xffff)) >>> 0, 12);
      return buffer.subarray(0, Math.min(buffer.length, length + 4));
    }
    for (let n = random.int(1, 4); n > 0 && length > 0; n--)
      buffer[random.int(0, Math.min(length, 80) - 1)] = random.int(0, 255);
    return buffer.subarray(0, random.int(0, 3) === 0 ? random.int(0, length) : length);
  }

  #machine(): Ipv4 {
    return (ipv4('10.77.0.2') + this.#random.int(0, 100)) as Ipv4;
  }

  /** Mostly of a machine; else the attacked host's own, a broadcast, a group, or one of the world. */
  #address(): Ipv4 {
    const random = this.#random;
    if (random.int(0, 3) > 0) return this.#machine();
    const others = ['10.77.0.255', '255.255.255.255', '224.0.0.1', '0.0.0.0', '127.0.0.1', '192.0.2.7'].map(
      ipv4,
    );
    return random.pick([this.#host.address, (random.u32() >>> 0) as Ipv4, ...others]);
  }

  /** Mostly one of many; sometimes the attacked host's own. */
  #mac(): Mac {
    const random = this.#random;
    return random.int(0, 50) === 0 ? this.#host.mac : ((0x525400000000 + random.int(0, MACS)) as Mac);
  }
}

function keyOf(machine: Ipv4, port: number, remote: Ipv4): string {
  return `${machine}:${port} ${remote}`;
}
