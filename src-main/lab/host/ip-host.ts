import { ANY_IPV4, type Ipv4, isGroupMac, type Mac, writeMac } from '../../base/address.ts';
import type { Clock } from '../../base/clock.ts';
import type { Disposable } from '../../base/disposable.ts';
import type { Random } from '../../base/random.ts';
import type { UdpEndpoint } from '../../base/segment.ts';
import {
  decodeEthernet,
  ETHERNET_HEADER_BYTES,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  type EthernetFrame,
} from '../../protocol/ethernet.ts';
import { decodeIpv4, type Ipv4Packet } from '../../protocol/ipv4.ts';
import {
  decodeRouterSolicitation,
  encodeEmptyRouterAdvertisement,
} from '../../protocol/router-advertisement.ts';
import type { Fabric, SwitchPort } from '../switch/port.ts';
import type { ArpCache } from './arp-cache.ts';
import { ArpService } from './arp-service.ts';
import { type HostCounters, newHostCounters } from './host-counters.ts';
import { IcmpService } from './icmp-service.ts';
import type { IpLayer, IpTransport } from './ip-layer.ts';
import { type IpConfiguration, IpSender, MAX_IP_PAYLOAD, type PayloadWriter } from './ip-sender.ts';
import { Reassembly } from './reassembly.ts';
import { UdpService } from './udp-service.ts';

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
  readonly #arp: ArpService;
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
    const transmit = (frame: Uint8Array) => this.#transmit(frame);
    const loopBack = (frame: Uint8Array) => this.#loopBack(frame);
    const isNeighbour = (address: Ipv4) => this.#sender.isNeighbour(address);
    this.#arp = new ArpService(this.mac, () => this.address, isNeighbour, transmit, this.counters, clock);
    this.arp = this.#arp.cache;
    this.#sender = new IpSender(this.mac, this.arp, { transmit, loopBack }, this.counters);
    this.#reassembly = new Reassembly(clock, this.counters);
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
    if (configuration !== null) this.#arp.announce();
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
    return this.#arp.probe(address, timeoutMs);
  }

  /** Unplugs the host: ports closed, questions answered with no, no timer left. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#udp.closeAll();
    this.#icmp.dispose();
    this.#arp.dispose();
    void this.#port.dispose();
  }

  #transmit(frame: Uint8Array): void {
    this.counters.framesOut++;
    this.#port.transmit(frame);
  }

  #receive(frame: Uint8Array, looped = false): void {
    this.counters.framesIn++;
    const header = decodeEthernet(frame);
    if (header === null) this.counters.malformedEthernet++;
    else if (header.destination !== this.mac && !isGroupMac(header.destination)) this.counters.notForUs++;
    else if (header.vlan !== null) this.counters.unknownType++;
    else if (header.etherType === ETHERTYPE_IPV4) this.#receiveIpv4(frame, header, looped);
    else if (header.etherType === ETHERTYPE_ARP) this.#arp.receive(frame, header.payloadOffset);
    else if (header.etherType === ETHERTYPE_IPV6) this.#receiveIpv6(frame, header);
    else this.counters.unknownType++;
  }

  #receiveIpv4(frame: Uint8Array, header: EthernetFrame, looped: boolean): void {
    const packet = decodeIpv4(frame, header.payloadOffset);
    if (packet === null) {
      this.counters.malformedIpv4++;
      return;
    }
    if (!looped && this.#sender.isBadSource(packet.source)) {
      this.counters.badSources++;
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
    const solicitor = this.#answersRouterSolicitations
      ? decodeRouterSolicitation(frame.subarray(header.payloadOffset))
      : null;
    if (solicitor === null) this.counters.ignoredIpv6++;
    else this.#transmit(encodeEmptyRouterAdvertisement(this.mac, header.source, solicitor));
  }

  /** In a turn of its own, as from a wire: the sender is still in the midst of sending. */
  #loopBack(frame: Uint8Array): void {
    writeMac(frame, 0, this.mac);
    queueMicrotask(() => {
      if (!this.#disposed) this.#receive(frame, true);
    });
  }
}
