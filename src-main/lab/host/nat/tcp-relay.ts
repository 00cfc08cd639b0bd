import type { Duplex } from 'node:stream';
import type { Ipv4 } from '../../../base/address.ts';
import type { Clock, Timer } from '../../../base/clock.ts';
import type { Disposable } from '../../../base/disposable.ts';
import type { Random } from '../../../base/random.ts';
import type { Ipv4Packet } from '../../../protocol/ipv4.ts';
import { decodeTcp, SYN } from '../../../protocol/tcp.ts';
import type { IpHost } from '../ip-host.ts';
import { type TcpConnection, TcpStack, type TcpStackOptions } from '../tcp/index.ts';
import type { NatCounters } from './counters.ts';
import type { Outside } from './outside.ts';

/** RFC 5382 REQ-5 wants two hours; a lab's machines keep their sessions alive or reconnect. */
const IDLE_MS = 30 * 60_000;
const SWEEP_MS = 60_000;
/** Addresses that machines talk to at once, and connections to each of them. */
const MAX_REMOTES = 256;
const MAX_CONNECTIONS = 256;
/** Ports of one address; past that the one longest unasked is forgotten: a scan asks for 65,535. */
const MAX_PORTS = 256;

interface Remote {
  readonly stack: TcpStack;
  /** In order of the last SYN. */
  readonly ports: Map<number, Disposable>;
  usedAt: number;
}

/**
 * Carries TCP between machines of the lab and the world. It answers in the remote's name and relays the bytes, so
 * the machine's connection opens at once and is reset when the remote turns out not to accept it.
 */
export class TcpRelay {
  readonly #host: IpHost;
  readonly #outside: Outside;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #counters: NatCounters;
  readonly #tcp: Partial<TcpStackOptions>;
  readonly #remotes = new Map<Ipv4, Remote>();
  readonly #relayed = new Set<Duplex>();
  #sweep: Timer | null = null;

  constructor(
    host: IpHost,
    outside: Outside,
    clock: Clock,
    random: Random,
    counters: NatCounters,
    tcp: Partial<TcpStackOptions>,
  ) {
    this.#host = host;
    this.#outside = outside;
    this.#clock = clock;
    this.#random = random;
    this.#counters = counters;
    this.#tcp = tcp;
  }

  /** Takes a segment of a machine, its destination already approved. */
  forward(frame: Uint8Array, packet: Ipv4Packet): void {
    const payload = frame.subarray(packet.payloadStart, packet.payloadEnd);
    const segment = decodeTcp(payload);
    if (segment === null) {
      this.#counters.malformed++;
      return;
    }
    const remote = this.#remotes.get(packet.destination) ?? this.#add(packet.destination);
    if (remote === null) return;
    remote.usedAt = this.#clock.now();
    const port = segment.destinationPort;
    if ((segment.flags & SYN) !== 0 && port !== 0) this.#listen(remote, packet.destination, port);
    remote.stack.receive(payload, packet.source, packet.destination);
  }

  /** Remotes, and ports of theirs that were asked for. */
  get sizes(): { remotes: number; ports: number } {
    let ports = 0;
    for (const remote of this.#remotes.values()) ports += remote.ports.size;
    return { remotes: this.#remotes.size, ports };
  }

  dispose(): void {
    this.#sweep?.cancel();
    this.#sweep = null;
    for (const { stack } of this.#remotes.values()) stack.dispose();
    this.#remotes.clear();
    for (const outside of this.#relayed) outside.destroy();
  }

  /** A stack that speaks in the name of `address`; null when there are too many. */
  #add(address: Ipv4): Remote | null {
    if (this.#remotes.size >= MAX_REMOTES) this.#removeIdle(0);
    if (this.#remotes.size >= MAX_REMOTES) {
      this.#counters.refused++;
      return null;
    }
    const stack = new TcpStack({
      ip: {
        maxPayload: this.#host.maxPayload,
        address,
        sendIp: (protocol, to, length, write) => this.#host.sendFrom(address, protocol, to, length, write),
      },
      clock: this.#clock,
      random: this.#random,
      options: { ...this.#tcp, maxConnections: MAX_CONNECTIONS },
    });
    const remote: Remote = { stack, ports: new Map(), usedAt: this.#clock.now() };
    this.#remotes.set(address, remote);
    this.#sweep ??= this.#clock.after(SWEEP_MS, () => this.#sweepIdle());
    return remote;
  }

  #listen({ stack, ports }: Remote, address: Ipv4, port: number): void {
    const listener =
      ports.get(port) ?? stack.listen(port, (connection) => this.#relay(connection, address, port));
    ports.delete(port);
    ports.set(port, listener);
    if (ports.size <= MAX_PORTS) return;
    const [oldest] = ports;
    if (!oldest) return;
    ports.delete(oldest[0]);
    void oldest[1].dispose();
  }

  #relay(inside: TcpConnection, address: Ipv4, port: number): void {
    this.#counters.connections++;
    const outside = this.#outside.connect(address, port);
    this.#relayed.add(outside);
    inside.setTimeout(IDLE_MS, () => inside.destroy());
    let reached = false;
    outside.once('connect', () => {
      reached = true;
    });
    outside.on('error', () => {
      if (!reached) this.#counters.connectionsFailed++;
      inside.resetAndDestroy();
    });
    // A side that ended properly has ended the other by its pipe, which may still have data on the way.
    outside.once('close', () => {
      this.#relayed.delete(outside);
      if (!outside.readableEnded) inside.destroy();
    });
    inside.on('error', () => outside.destroy());
    inside.once('close', () => {
      if (!inside.readableEnded) outside.destroy();
    });
    inside.pipe(outside);
    outside.pipe(inside);
  }

  #sweepIdle(): void {
    this.#removeIdle(SWEEP_MS);
    this.#sweep = this.#remotes.size > 0 ? this.#clock.after(SWEEP_MS, () => this.#sweepIdle()) : null;
  }

  /** Forgets remotes that nobody is connected to and that were not used for `ms`. */
  #removeIdle(ms: number): void {
    const before = this.#clock.now() - ms;
    for (const [address, { stack, usedAt }] of this.#remotes) {
      const { connections, halfOpen, timeWait } = stack.sizes;
      if (usedAt > before || connections + halfOpen + timeWait > 0) continue;
      stack.dispose();
      this.#remotes.delete(address);
    }
  }
}
