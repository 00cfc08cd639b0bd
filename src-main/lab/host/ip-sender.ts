import {
  ANY_IPV4,
  BROADCAST_IPV4,
  BROADCAST_MAC,
  broadcastOf,
  type Cidr,
  contains,
  type Ipv4,
  type Mac,
  writeMac,
} from '../../base/address.ts';
import { ETHERNET_MTU } from '../../protocol/ethernet.ts';
import { IPV4_HEADER_BYTES } from '../../protocol/ipv4.ts';
import type { ArpCache } from './arp-cache.ts';
import type { HostCounters } from './host-counters.ts';
import { IP_PAYLOAD_OFFSET, newIpFrame, writeIpFrameHeaders } from './ip-frame.ts';

/** Largest IP payload of one frame. */
export const MAX_IP_PAYLOAD = ETHERNET_MTU - IPV4_HEADER_BYTES;

/** The first four bits of group addresses, RFC 1112 §4. */
const MULTICAST_PREFIX = 0b1110;
/** 127.0.0.0/8, RFC 1122 §3.2.1.3 (g). */
const LOOPBACK_PREFIX = 127;

/** A host's place in the network. */
export interface IpConfiguration {
  readonly address: Ipv4;
  readonly cidr: Cidr;
  readonly gateway?: Ipv4;
}

/** Fills the payload of a packet in place. */
export type PayloadWriter = (frame: Uint8Array, offset: number) => void;

/** Where frames go. */
export interface FrameOutput {
  transmit(frame: Uint8Array): void;
  /** A packet to the host itself. */
  loopBack(frame: Uint8Array): void;
}

/** Builds IP packets in place and finds their way: broadcast, neighbour, gateway or loopback. */
export class IpSender {
  readonly mac: Mac;
  readonly #arp: ArpCache;
  readonly #output: FrameOutput;
  readonly #counters: HostCounters;
  #configuration: IpConfiguration | null = null;
  #identification = 0;

  constructor(mac: Mac, arp: ArpCache, output: FrameOutput, counters: HostCounters) {
    this.mac = mac;
    this.#arp = arp;
    this.#output = output;
    this.#counters = counters;
  }

  get configuration(): IpConfiguration | null {
    return this.#configuration;
  }

  configure(configuration: IpConfiguration | null): void {
    this.#configuration = configuration;
  }

  /** 0.0.0.0 while there is none. */
  get address(): Ipv4 {
    return this.#configuration?.address ?? ANY_IPV4;
  }

  isBroadcast(address: Ipv4): boolean {
    const cidr = this.#configuration?.cidr;
    return (
      address === BROADCAST_IPV4 || (cidr !== undefined && cidr.prefix < 31 && address === broadcastOf(cidr))
    );
  }

  /** A source that no packet from the wire may have (RFC 1122 §3.2.1.3): an answer would go to many, or to us. */
  isBadSource(source: Ipv4): boolean {
    return (
      (source === this.address && source !== ANY_IPV4) ||
      source >>> 28 === MULTICAST_PREFIX ||
      source >>> 24 === LOOPBACK_PREFIX ||
      this.isBroadcast(source)
    );
  }

  /** On our own network, so that ARP finds it. */
  isNeighbour(address: Ipv4): boolean {
    const cidr = this.#configuration?.cidr;
    return cidr !== undefined && contains(cidr, address);
  }

  /** Sends one packet that fits a frame, not to be fragmented. With `mac`, straight there, without ARP. */
  send(
    source: Ipv4,
    protocol: number,
    to: Ipv4,
    length: number,
    write: PayloadWriter,
    mac: Mac | null = null,
  ): void {
    const frame = newIpFrame(length);
    this.#writeHeaders(frame, source, protocol, to, length, this.#nextIdentification(), 0, false, true);
    write(frame, IP_PAYLOAD_OFFSET);
    this.#dispatch(to, frame, mac);
  }

  /** Sends a payload of any size, in fragments where it needs them. */
  sendDatagram(
    source: Ipv4,
    protocol: number,
    to: Ipv4,
    length: number,
    write: PayloadWriter,
    mac: Mac | null = null,
  ): void {
    if (length <= MAX_IP_PAYLOAD) {
      this.send(source, protocol, to, length, write, mac);
      return;
    }
    const whole = new Uint8Array(length);
    write(whole, 0);
    const identification = this.#nextIdentification();
    const step = MAX_IP_PAYLOAD - (MAX_IP_PAYLOAD % 8);
    for (let start = 0; start < length; start += step) {
      const part = whole.subarray(start, start + step);
      const frame = newIpFrame(part.length);
      const more = start + step < length;
      this.#writeHeaders(frame, source, protocol, to, part.length, identification, start, more, false);
      frame.set(part, IP_PAYLOAD_OFFSET);
      this.#dispatch(to, frame, mac);
    }
  }

  #writeHeaders(
    frame: Uint8Array,
    source: Ipv4,
    protocol: number,
    destination: Ipv4,
    length: number,
    identification: number,
    fragmentOffset: number,
    moreFragments: boolean,
    dontFragment: boolean,
  ): void {
    const fields = {
      sourceMac: this.mac,
      source,
      destination,
      protocol,
      identification,
      dontFragment,
      moreFragments,
      fragmentOffset,
    };
    writeIpFrameHeaders(frame, fields, length);
  }

  #nextIdentification(): number {
    this.#identification = (this.#identification + 1) & 0xffff;
    return this.#identification;
  }

  #dispatch(to: Ipv4, frame: Uint8Array, mac: Mac | null): void {
    const direct = mac ?? this.#groupOf(to);
    if (direct !== null) this.#transmit(frame, direct);
    else if (to === this.address) this.#output.loopBack(frame);
    else {
      const hop = this.isNeighbour(to) ? to : this.#configuration?.gateway;
      if (hop === undefined || to === ANY_IPV4) this.#counters.noRoute++;
      else this.#arp.send(hop, frame);
    }
  }

  #groupOf(to: Ipv4): Mac | null {
    if (this.isBroadcast(to)) return BROADCAST_MAC;
    return to >>> 28 === MULTICAST_PREFIX ? multicastMac(to) : null;
  }

  #transmit(frame: Uint8Array, to: Mac): void {
    writeMac(frame, 0, to);
    this.#output.transmit(frame);
  }
}

/** The Ethernet group of an IPv4 group: its low 23 bits (RFC 1112 §6.4). */
function multicastMac(group: Ipv4): Mac {
  return (0x01005e000000 + (group & 0x7fffff)) as Mac;
}
