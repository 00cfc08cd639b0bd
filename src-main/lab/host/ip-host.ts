import { ANY_IPV4, BROADCAST_MAC, type Ipv4, isGroupMac, type Mac, writeMac } from '../../base/address.ts';
import type { Clock } from '../../base/clock.ts';
import type { Disposable } from '../../base/disposable.ts';
import type { Random } from '../../base/random.ts';
import type { UdpEndpoint } from '../../base/segment.ts';
import { ARP_BYTES, type ArpPacket, decodeArp, writeArp } from '../../protocol/arp.ts';
import {
  decodeEthernet,
  ETHERNET_HEADER_BYTES,
  ETHERNET_MIN_FRAME_BYTES,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  type EthernetFrame,
  writeEthernetHeader,
} from '../../protocol/ethernet.ts';
import { decodeIpv4, type Ipv4Packet } from '../../protocol/ipv4.ts';
import {
  decodeRouterSolicitation,
  encodeEmptyRouterAdvertisement,
} from '../../protocol/router-advertisement.ts';
import type { Fabric, SwitchPort } from '../switch/port.ts';
import { ArpCache } from './arp-cache.ts';
import { type HostCounters, newHostCounters } from './host-counters.ts';
import { IcmpService } from './icmp-service.ts';
import type { IpLayer, IpTransport } from './ip-layer.ts';
import { type IpConfiguration, IpSender, MAX_IP_PAYLOAD, type PayloadWriter } from './ip-sender.ts';
import { PendingAnswers } from './pending-answers.ts';
import { Reassembly } from './reassembly.ts';
import { UdpService } from './udp-service.ts';

const PROBES = 3;

export interface IpHostOptions {
  readonly fabric: Fabric;
  readonly name: string;
  readonly mac: Mac;
  readonly clock: Clock;
  readonly random: Random;
  /** Tell IPv6 clients at once that there is no IPv6; firmware waits many seconds for it otherwise. */
  readonly answersRouterSolicitations?: boolean;
}

/** Takes packets that are addressed to others but sent to our hardware address: what a router forwards. */
export type Forwarder = (frame: Uint8Array, packet: Ipv4Packet) => void;

/**
 * An IPv4 host on the lab's switch, without a kernel: ARP, ICMP echo, UDP, and whatever transports are
 * registered. Without a configuration its address is 0.0.0.0: it can broadcast and hear what is sent to its
 * hardware address, which is all that a DHCP client needs.
 */
export class IpHost implements IpLayer, Disposable {
  readonly maxPayload = MAX_IP_PAYLOAD;
  readonly name: string;
  readonly mac: Mac;
  readonly counters: HostCounters = newHostCounters();
  readonly arp: ArpCache;
  readonly #port: SwitchPort;
  readonly #sender: IpSender;
  readonly #probes: PendingAnswers<Ipv4>;
  readonly #icmp: IcmpService;
  readonly #udp: UdpService;
  readonly #reassembly: Reassembly;
  readonly #transports = new Map<number, IpTransport>();
  readonly #answersRouterSolicitations: boolean;
  #forwarder: Forwarder | null = null;
  #disposed = false;

  constructor(options: IpHostOptions) {
    const { clock, random } = options;
    this.name = options.name;
    this.mac = options.mac;
    this.#answersRouterSolicitations = options.answersRouterSolicitations ?? false;
    this.arp = new ArpCache(clock, {
      request: (address) => this.#sendArp('request', BROADCAST_MAC, this.address, address),
      transmit: (frame, to) => {
        writeMac(frame, 0, to);
        this.#transmit(frame);
      },
      dropped: (frames) => {
        this.counters.unresolved += frames;
      },
    });
    const output = {
      transmit: (frame: Uint8Array) => this.#transmit(frame),
      loopBack: (frame: Uint8Array) => this.#loopBack(frame),
    };
    this.#sender = new IpSender(this.mac, this.arp, output, this.counters);
    this.#probes = new PendingAnswers(clock);
    this.#reassembly = new Reassembly(clock);
    this.#icmp = new IcmpService(this.#sender, this.counters, clock, random);
    this.#udp = new UdpService(this.name, this.#sender, this.#icmp, this.counters, random);
    this.#transports.set(this.#icmp.protocol, this.#icmp);
    this.#port = options.fabric.attach(options.name, (frame) => this.#receive(frame));
  }

  get address(): Ipv4 {
    return this.#sender.address;
  }

  get configuration(): IpConfiguration | null {
    return this.#sender.configuration;
  }

  /** Takes an address and announces it (RFC 5227 §2.3), or with null gives it up. */
  configure(configuration: IpConfiguration | null): void {
    this.#sender.configure(configuration);
    if (configuration !== null)
      this.#sendArp('request', BROADCAST_MAC, configuration.address, configuration.address);
  }

  sendIp(protocol: number, to: Ipv4, length: number, write: PayloadWriter): void {
    this.#sender.send(this.address, protocol, to, length, write);
  }

  /** Like {@link sendIp} with another source address: what a router does. Fragmented where it must be. */
  sendFrom(source: Ipv4, protocol: number, to: Ipv4, length: number, write: PayloadWriter): void {
    this.#sender.sendDatagram(source, protocol, to, length, write);
  }

  /** Plugs a transport in, such as TCP. */
  registerTransport(transport: IpTransport): Disposable {
    this.#transports.set(transport.protocol, transport);
    return { dispose: () => void this.#transports.delete(transport.protocol) };
  }

  /** Sets who gets packets to other addresses; null drops them. */
  setForwarder(forwarder: Forwarder | null): void {
    this.#forwarder = forwarder;
  }

  /** Answers a packet of {@link Forwarder} with "destination unreachable". */
  refuse(frame: Uint8Array, packet: Ipv4Packet, code: number): void {
    this.#icmp.unreachable(packet.source, code, frame.subarray(ETHERNET_HEADER_BYTES, packet.payloadEnd));
  }

  /** Opens a UDP port, 0 meaning any free one. Throws PORT_IN_USE. */
  udp(port: number): UdpEndpoint {
    return this.#udp.open(port);
  }

  /** Sends one echo request; true when it is answered within `timeoutMs`. */
  ping(address: Ipv4, timeoutMs: number): Promise<boolean> {
    return this.#icmp.ping(address, timeoutMs);
  }

  /** Whether anybody uses an address, ourselves included (RFC 5227 §2.1.1). */
  probe(address: Ipv4, timeoutMs: number): Promise<boolean> {
    if (address === this.address) return Promise.resolve(true);
    return this.#probes.ask(address, timeoutMs, PROBES, () =>
      this.#sendArp('request', BROADCAST_MAC, ANY_IPV4, address),
    );
  }

  /** Unplugs the host: ports closed, questions answered with no, no timer left. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#udp.closeAll();
    this.#icmp.dispose();
    this.#probes.dispose();
    this.arp.clear();
    void this.#port.dispose();
  }

  #transmit(frame: Uint8Array): void {
    this.counters.framesOut++;
    this.#port.transmit(frame);
  }

  #receive(frame: Uint8Array): void {
    this.counters.framesIn++;
    const header = decodeEthernet(frame);
    if (header === null) this.counters.malformedEthernet++;
    else if (header.destination !== this.mac && !isGroupMac(header.destination)) this.counters.notForUs++;
    else if (header.vlan !== null) this.counters.unknownType++;
    else if (header.etherType === ETHERTYPE_IPV4) this.#receiveIpv4(frame, header);
    else if (header.etherType === ETHERTYPE_ARP) this.#receiveArp(frame);
    else if (header.etherType === ETHERTYPE_IPV6) this.#receiveIpv6(frame, header);
    else this.counters.unknownType++;
  }

  #receiveArp(frame: Uint8Array): void {
    const packet = decodeArp(frame, ETHERNET_HEADER_BYTES);
    if (packet === null) {
      this.counters.malformedArp++;
      return;
    }
    if (!this.#probes.idle) this.#matchProbes(packet);
    const ours = this.address !== ANY_IPV4 && packet.targetIp === this.address;
    if (packet.senderIp !== ANY_IPV4) {
      if (packet.senderIp === this.address) {
        if (packet.senderMac !== this.mac) this.counters.addressConflicts++;
      } else if (ours || this.arp.find(packet.senderIp) !== null) {
        this.arp.learn(packet.senderIp, packet.senderMac);
      }
    }
    if (ours && packet.operation === 'request')
      this.#sendArp('reply', packet.senderMac, this.address, packet.senderIp);
  }

  /** An address is in use when somebody has it, or is just probing for it too. */
  #matchProbes(packet: ArpPacket): void {
    if (packet.senderMac === this.mac) return;
    if (packet.senderIp !== ANY_IPV4) this.#probes.answer(packet.senderIp);
    else if (packet.operation === 'request') this.#probes.answer(packet.targetIp);
  }

  #sendArp(operation: 'request' | 'reply', to: Mac, sender: Ipv4, target: Ipv4): void {
    const frame = new Uint8Array(Math.max(ETHERNET_MIN_FRAME_BYTES, ETHERNET_HEADER_BYTES + ARP_BYTES));
    writeEthernetHeader(frame, { destination: to, source: this.mac, etherType: ETHERTYPE_ARP, vlan: null });
    writeArp(frame, ETHERNET_HEADER_BYTES, {
      operation,
      senderMac: this.mac,
      senderIp: sender,
      targetMac: operation === 'request' ? (0 as Mac) : to,
      targetIp: target,
    });
    this.#transmit(frame);
  }

  #receiveIpv4(frame: Uint8Array, header: EthernetFrame): void {
    const packet = decodeIpv4(frame, header.payloadOffset);
    if (packet === null) {
      this.counters.malformedIpv4++;
      return;
    }
    const toUs = packet.destination === this.address || this.address === ANY_IPV4;
    const takes = toUs || this.#sender.isBroadcast(packet.destination);
    const forwards = this.#forwarder !== null && header.destination === this.mac;
    if (!takes && !forwards) {
      this.counters.misaddressed++;
      return;
    }
    // The answer will go there: asking by ARP first would only cost time.
    if (
      this.#sender.isNeighbour(packet.source) &&
      !isGroupMac(header.source) &&
      packet.source !== this.address
    )
      this.arp.learn(packet.source, header.source);
    if (takes) this.#deliver(frame, packet, header.source);
    else this.#forwarder?.(frame, packet);
  }

  #deliver(frame: Uint8Array, packet: Ipv4Packet, mac: Mac): void {
    if (!packet.moreFragments && packet.fragmentOffset === 0) {
      this.#dispatch(frame, packet, mac);
      return;
    }
    this.counters.fragments++;
    const payload = this.#reassembly.add(frame, packet);
    if (payload === null) return;
    const whole = {
      ...packet,
      moreFragments: false,
      fragmentOffset: 0,
      payloadStart: 0,
      payloadEnd: payload.length,
    };
    this.#dispatch(payload, whole, mac);
  }

  #dispatch(bytes: Uint8Array, packet: Ipv4Packet, mac: Mac): void {
    if (packet.protocol === this.#udp.protocol) {
      this.#udp.receive(bytes, packet, mac);
      return;
    }
    const transport = this.#transports.get(packet.protocol);
    if (transport === undefined) this.counters.unknownProtocols++;
    else
      transport.receive(
        bytes.subarray(packet.payloadStart, packet.payloadEnd),
        packet.source,
        packet.destination,
      );
  }

  #receiveIpv6(frame: Uint8Array, header: EthernetFrame): void {
    if (!this.#answersRouterSolicitations) return;
    const solicitor = decodeRouterSolicitation(frame.subarray(header.payloadOffset));
    if (solicitor !== null)
      this.#transmit(encodeEmptyRouterAdvertisement(this.mac, header.source, solicitor));
  }

  /** In a turn of its own, as from a wire: the sender is still in the midst of sending. */
  #loopBack(frame: Uint8Array): void {
    writeMac(frame, 0, this.mac);
    queueMicrotask(() => {
      if (!this.#disposed) this.#receive(frame);
    });
  }
}
