import type { Ipv4 } from '../../../base/address.ts';
import type { Clock, Timer } from '../../../base/clock.ts';
import { type Ipv4Packet, PROTOCOL_UDP } from '../../../protocol/ipv4.ts';
import { decodeUdp, UDP_HEADER_BYTES, type UdpFlow, writeUdp } from '../../../protocol/udp.ts';
import type { IpHost } from '../ip-host.ts';
import type { NatCounters } from './counters.ts';
import type { Outside, OutsideFlow } from './outside.ts';

/** RFC 4787 REQ-5 wants two minutes at least. */
const IDLE_MS = 120_000;
const SWEEP_MS = 10_000;
const MAX_FLOWS = 1024;

interface Relayed {
  readonly outside: OutsideFlow;
  usedAt: number;
}

/** Carries UDP between machines of the lab and the world, one socket for each conversation. */
export class UdpRelay {
  readonly #host: IpHost;
  readonly #outside: Outside;
  readonly #clock: Clock;
  readonly #counters: NatCounters;
  /** In order of last use. */
  readonly #flows = new Map<string, Relayed>();
  #sweep: Timer | null = null;

  constructor(host: IpHost, outside: Outside, clock: Clock, counters: NatCounters) {
    this.#host = host;
    this.#outside = outside;
    this.#clock = clock;
    this.#counters = counters;
  }

  /** Takes a datagram of a machine, its destination already approved. */
  forward(frame: Uint8Array, packet: Ipv4Packet): void {
    const { source, destination, payloadStart, payloadEnd } = packet;
    const udp = decodeUdp(frame, payloadStart, payloadEnd, source, destination);
    if (udp === null || udp.sourcePort === 0 || udp.destinationPort === 0) {
      this.#counters.malformed++;
      return;
    }
    const key = `${source}:${udp.sourcePort} ${destination}:${udp.destinationPort}`;
    const flow =
      this.#flows.get(key) ?? this.#open(key, source, udp.sourcePort, destination, udp.destinationPort);
    flow.usedAt = this.#clock.now();
    this.#flows.delete(key);
    this.#flows.set(key, flow);
    this.#counters.datagramsOut++;
    flow.outside.send(frame.subarray(udp.dataStart, udp.dataEnd));
  }

  get size(): number {
    return this.#flows.size;
  }

  dispose(): void {
    this.#sweep?.cancel();
    this.#sweep = null;
    for (const key of [...this.#flows.keys()]) this.#close(key);
  }

  #open(key: string, machine: Ipv4, machinePort: number, remote: Ipv4, remotePort: number): Relayed {
    const [oldest] = this.#flows.keys();
    if (this.#flows.size >= MAX_FLOWS && oldest !== undefined) this.#close(oldest);
    const back: UdpFlow = {
      source: remote,
      sourcePort: remotePort,
      destination: machine,
      destinationPort: machinePort,
    };
    const outside = this.#outside.udp(
      remote,
      remotePort,
      (data) => this.#answer(key, back, data),
      () => this.#close(key),
    );
    this.#counters.flows++;
    this.#sweep ??= this.#clock.after(SWEEP_MS, () => this.#closeIdle());
    return { outside, usedAt: this.#clock.now() };
  }

  #answer(key: string, flow: UdpFlow, data: Uint8Array): void {
    const relayed = this.#flows.get(key);
    if (relayed === undefined) return;
    relayed.usedAt = this.#clock.now();
    this.#counters.datagramsIn++;
    const length = UDP_HEADER_BYTES + data.length;
    this.#host.sendFrom(flow.source, PROTOCOL_UDP, flow.destination, length, (frame, offset) => {
      writeUdp(frame, offset, flow, data);
    });
  }

  #close(key: string): void {
    this.#flows.get(key)?.outside.close();
    this.#flows.delete(key);
  }

  #closeIdle(): void {
    const before = this.#clock.now() - IDLE_MS;
    for (const [key, { usedAt }] of this.#flows) if (usedAt <= before) this.#close(key);
    this.#sweep = this.#flows.size > 0 ? this.#clock.after(SWEEP_MS, () => this.#closeIdle()) : null;
  }
}
