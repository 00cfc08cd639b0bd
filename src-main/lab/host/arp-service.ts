import { ANY_IPV4, BROADCAST_MAC, type Ipv4, type Mac, writeMac } from '../../base/address.ts';
import type { Clock } from '../../base/clock.ts';
import { type ArpOperation, type ArpPacket, decodeArp, writeArp } from '../../protocol/arp.ts';
import {
  ETHERNET_HEADER_BYTES,
  ETHERNET_MIN_FRAME_BYTES,
  ETHERTYPE_ARP,
  writeEthernetHeader,
} from '../../protocol/ethernet.ts';
import { ArpCache } from './arp-cache.ts';
import type { HostCounters } from './host-counters.ts';
import { PendingAnswers } from './pending-answers.ts';

/** PROBE_NUM of RFC 5227 §1.1. */
const PROBES = 3;

/** ARP of a host: finds others, is found, and asks whether an address is in use (RFC 826, RFC 5227). */
export class ArpService {
  readonly cache: ArpCache;
  readonly #mac: Mac;
  readonly #address: () => Ipv4;
  readonly #isNeighbour: (address: Ipv4) => boolean;
  readonly #transmit: (frame: Uint8Array) => void;
  readonly #counters: HostCounters;
  readonly #probes: PendingAnswers<Ipv4>;

  /**
   * `address` gives the host's own address, 0.0.0.0 while it has none; `isNeighbour` says what is on its network:
   * nothing else is learnt.
   */
  constructor(
    mac: Mac,
    address: () => Ipv4,
    isNeighbour: (address: Ipv4) => boolean,
    transmit: (frame: Uint8Array) => void,
    counters: HostCounters,
    clock: Clock,
  ) {
    this.#mac = mac;
    this.#address = address;
    this.#isNeighbour = isNeighbour;
    this.#transmit = transmit;
    this.#counters = counters;
    this.#probes = new PendingAnswers(clock);
    this.cache = new ArpCache(clock, {
      request: (target) => this.#send('request', BROADCAST_MAC, address(), target),
      transmit: (frame, to) => {
        writeMac(frame, 0, to);
        transmit(frame);
      },
      dropped: (frames) => {
        counters.unresolved += frames;
      },
    });
  }

  /** Tells everybody our address (RFC 5227 §2.3). */
  announce(): void {
    this.#send('request', BROADCAST_MAC, this.#address(), this.#address());
  }

  /** Whether anybody uses an address, ourselves included (RFC 5227 §2.1.1). */
  probe(address: Ipv4, timeoutMs: number): Promise<boolean> {
    if (address === this.#address()) return Promise.resolve(true);
    return this.#probes.ask(address, timeoutMs, PROBES, () =>
      this.#send('request', BROADCAST_MAC, ANY_IPV4, address),
    );
  }

  receive(frame: Uint8Array, offset: number): void {
    const packet = decodeArp(frame, offset);
    if (packet === null) {
      this.#counters.malformedArp++;
      return;
    }
    if (!this.#probes.idle) this.#matchProbes(packet);
    const own = this.#address();
    const forUs = own !== ANY_IPV4 && packet.targetIp === own;
    if (packet.senderIp !== ANY_IPV4) this.#note(packet, own, forUs);
    if (forUs && packet.operation === 'request') this.#send('reply', packet.senderMac, own, packet.senderIp);
  }

  /** Answers probes with "nobody" and forgets everything. */
  dispose(): void {
    this.#probes.dispose();
    this.cache.clear();
  }

  /** RFC 826: what is known is brought up to date, and who wants to talk to us is new knowledge. */
  #note({ senderIp, senderMac }: ArpPacket, own: Ipv4, forUs: boolean): void {
    if (senderIp === own) {
      if (senderMac !== this.#mac) this.#counters.addressConflicts++;
    } else if (this.#isNeighbour(senderIp) && (forUs || this.cache.find(senderIp) !== null))
      this.cache.learn(senderIp, senderMac);
  }

  /** An address is in use when somebody has it, or is just probing for it too. */
  #matchProbes(packet: ArpPacket): void {
    if (packet.senderMac === this.#mac) return;
    if (packet.senderIp !== ANY_IPV4) this.#probes.answer(packet.senderIp);
    else if (packet.operation === 'request') this.#probes.answer(packet.targetIp);
  }

  #send(operation: ArpOperation, to: Mac, senderIp: Ipv4, targetIp: Ipv4): void {
    const frame = new Uint8Array(ETHERNET_MIN_FRAME_BYTES);
    const targetMac = operation === 'request' ? (0 as Mac) : to;
    writeEthernetHeader(frame, { destination: to, source: this.#mac, etherType: ETHERTYPE_ARP, vlan: null });
    writeArp(frame, ETHERNET_HEADER_BYTES, {
      operation,
      senderMac: this.#mac,
      senderIp,
      targetMac,
      targetIp,
    });
    this.#transmit(frame);
  }
}
