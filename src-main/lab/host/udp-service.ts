import { ANY_IPV4, type Mac } from '../../base/address.ts';
import type { Random } from '../../base/random.ts';
import type { Peer, UdpEndpoint } from '../../base/segment.ts';
import { ETHERNET_HEADER_BYTES } from '../../protocol/ethernet.ts';
import { PORT_UNREACHABLE } from '../../protocol/icmp.ts';
import { IPV4_HEADER_BYTES, IPV4_MAX_BYTES, type Ipv4Packet, PROTOCOL_UDP } from '../../protocol/ipv4.ts';
import { decodeUdp, UDP_HEADER_BYTES, writeUdp } from '../../protocol/udp.ts';
import type { HostCounters } from './host-counters.ts';
import type { IcmpService } from './icmp-service.ts';
import type { IpSender } from './ip-sender.ts';
import { UdpPorts } from './udp-ports.ts';

/** UDP of a host: its ports, and datagrams of up to 64 KiB in both directions. */
export class UdpService {
  readonly protocol = PROTOCOL_UDP;
  readonly #sender: IpSender;
  readonly #icmp: IcmpService;
  readonly #counters: HostCounters;
  readonly #ports: UdpPorts;

  constructor(where: string, sender: IpSender, icmp: IcmpService, counters: HostCounters, random: Random) {
    this.#sender = sender;
    this.#icmp = icmp;
    this.#counters = counters;
    this.#ports = new UdpPorts(where, random, (sourcePort, data, to) => this.#send(sourcePort, data, to));
  }

  open(port: number): UdpEndpoint {
    return this.#ports.open(port);
  }

  closeAll(): void {
    this.#ports.closeAll();
  }

  /** Takes a datagram out of `bytes`, a frame or a payload that was put together from fragments. */
  receive(bytes: Uint8Array, packet: Ipv4Packet, mac: Mac): void {
    const { source, destination, payloadStart, payloadEnd } = packet;
    const udp = decodeUdp(bytes, payloadStart, payloadEnd, source, destination);
    if (udp === null) {
      this.#counters.malformedUdp++;
      return;
    }
    const taken = this.#ports.deliver(udp.destinationPort, {
      data: bytes.subarray(udp.dataStart, udp.dataEnd),
      from: { address: source, port: udp.sourcePort, mac },
      to: destination,
    });
    if (taken) return;
    this.#counters.closedPorts++;
    this.#refuse(bytes, packet);
  }

  /** Never in answer to a broadcast, to nobody, or to what is no whole packet any more (RFC 1122 §3.2.2). */
  #refuse(bytes: Uint8Array, packet: Ipv4Packet): void {
    if (packet.payloadStart < ETHERNET_HEADER_BYTES || packet.source === ANY_IPV4) return;
    if (packet.destination !== this.#sender.address || this.#sender.isBroadcast(packet.source)) return;
    const whole = bytes.subarray(ETHERNET_HEADER_BYTES, packet.payloadEnd);
    this.#icmp.unreachable(packet.source, PORT_UNREACHABLE, whole);
  }

  #send(sourcePort: number, data: Uint8Array, to: Peer): void {
    const flow = {
      source: this.#sender.address,
      sourcePort,
      destination: to.address,
      destinationPort: to.port,
    };
    const length = UDP_HEADER_BYTES + data.length;
    if (length > IPV4_MAX_BYTES - IPV4_HEADER_BYTES) {
      this.#counters.tooLong++;
      return;
    }
    const write = (frame: Uint8Array, offset: number) => void writeUdp(frame, offset, flow, data);
    this.#sender.sendDatagram(flow.source, this.protocol, to.address, length, write, to.mac ?? null);
  }
}
