import { ANY_IPV4, BROADCAST_IPV4, type Ipv4 } from '../../../base/address.ts';
import type { Clock } from '../../../base/clock.ts';
import type { Disposable } from '../../../base/disposable.ts';
import { rackboxError } from '../../../base/error-catalogue.ts';
import type { Random } from '../../../base/random.ts';
import { foldChecksum, pseudoHeaderSum, sumWords } from '../../../protocol/checksum.ts';
import { ACK, decodeTcp, RST, SYN, TCP_PROTOCOL, type TcpSegment } from '../../../protocol/tcp.ts';
import type { IpLayer, IpTransport } from '../ip-layer.ts';
import { ActiveOpen } from './active-open.ts';
import { TcpConnection } from './connection.ts';
import { type ConnectionHost, ControlBlock } from './control-block.ts';
import { newTcpCounters, type TcpCounters } from './counters.ts';
import { type Flow, FlowTable, type SegmentHandler } from './flow-table.ts';
import { HalfOpenTable } from './half-open.ts';
import { type Handshake, synOptions } from './handshake.ts';
import { completeOptions, DEFAULT_LINK_PROFILE, type LinkProfile, type TcpStackOptions } from './options.ts';
import { RateLimit } from './rate-limit.ts';
import { SegmentOutput } from './segment-output.ts';
import { TimeWaitTable } from './time-wait.ts';

/** RFC 6335 §6. */
const FIRST_EPHEMERAL_PORT = 49152;
const EPHEMERAL_PORTS = 65536 - FIRST_EPHEMERAL_PORT;
const CHALLENGES_PER_SECOND = 1000;

export interface TcpStackParts {
  readonly ip: IpLayer;
  readonly clock: Clock;
  /** For initial sequence numbers and ports: secure, or a blind attacker could guess them (RFC 6528). */
  readonly random: Random;
  readonly options?: Partial<TcpStackOptions>;
}

export interface ConnectOptions {
  /** Absent: any free port from 49152 on. */
  readonly localPort?: number;
  readonly timeoutMs?: number;
}

type Accept = (connection: TcpConnection) => void;

/**
 * TCP for an IP host: `const stack = new TcpStack({ ip, clock, random })`, then
 * `stack.listen(80, (c) => server.emit('connection', c))` serves HTTP on it.
 */
export class TcpStack implements IpTransport {
  readonly protocol = TCP_PROTOCOL;
  readonly counters: Readonly<TcpCounters>;
  readonly #ip: IpLayer;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #counters = newTcpCounters();
  readonly #options: TcpStackOptions;
  readonly #flows = new FlowTable();
  readonly #host: ConnectionHost;
  readonly #halfOpen: HalfOpenTable;
  readonly #timeWait: TimeWaitTable;
  readonly #listeners = new Map<number, Accept>();
  readonly #connections = new Set<TcpConnection>();
  /** Control blocks outlive their connections while data and FIN are on the way. */
  readonly #blocks = new Set<SegmentHandler>();
  #nextPort: number;
  #disposed = false;

  constructor(parts: TcpStackParts) {
    this.#ip = parts.ip;
    this.#clock = parts.clock;
    this.#random = parts.random;
    this.#options = completeOptions(parts.options ?? {});
    this.counters = this.#counters;
    this.#nextPort = this.#random.int(0, EPHEMERAL_PORTS - 1);
    this.#host = {
      output: new SegmentOutput(parts.ip, this.#counters),
      clock: parts.clock,
      counters: this.#counters,
      options: this.#options,
      challenges: new RateLimit(CHALLENGES_PER_SECOND),
      closed: (block, timeWait) => {
        this.#remove(block);
        if (timeWait && !this.#disposed)
          this.#timeWait.add(block.flow, timeWait.sequence, timeWait.acknowledgment, this.#clock.now());
      },
    };
    this.#halfOpen = new HalfOpenTable(this.#flows, this.#host, (flow, handshake) =>
      this.#accept(flow, handshake),
    );
    this.#timeWait = new TimeWaitTable(this.#flows, this.#host);
  }

  /** How much of everything there is now. */
  get sizes(): { connections: number; halfOpen: number; timeWait: number; listeners: number } {
    return {
      connections: this.#blocks.size,
      halfOpen: this.#halfOpen.size,
      timeWait: this.#timeWait.size,
      listeners: this.#listeners.size,
    };
  }

  /** Accepts connections on `port`. Throws PORT_IN_USE when that is done already. */
  listen(port: number, onConnection: Accept): Disposable {
    if (this.#disposed) throw rackboxError('DISPOSED', { what: 'The TCP stack' });
    if (!Number.isInteger(port) || port < 1 || port > 0xffff)
      throw rackboxError('BAD_ARGUMENT', {
        what: 'The port',
        problem: `${port} is not a port number`,
        hint: 'Choose 1 to 65535.',
      });
    if (this.#listeners.has(port))
      throw rackboxError('PORT_IN_USE', { port, protocol: 'tcp', where: 'the lab network' });
    this.#listeners.set(port, onConnection);
    return {
      dispose: () => {
        if (this.#listeners.get(port) === onConnection) this.#listeners.delete(port);
      },
    };
  }

  /**
   * Opens a connection. It emits 'connect', or 'error' with code ECONNREFUSED, ETIMEDOUT, EADDRINUSE (of the local
   * port), EADDRNOTAVAIL (no address or port of our own) or ENOBUFS (too many connections).
   */
  connect(address: Ipv4, port: number, options: ConnectOptions = {}): TcpConnection {
    const localPort = options.localPort ?? this.#freePort(address, port);
    const flow: Flow = {
      localAddress: this.#ip.address,
      localPort: localPort ?? 0,
      remoteAddress: address,
      remotePort: port,
    };
    const connection = this.#newConnection(flow);
    const obstacle = this.#obstacle(flow, localPort);
    if (obstacle !== null) {
      connection.refuse(obstacle);
      return connection;
    }
    const opening = new ActiveOpen(
      flow,
      this.#random.u32(),
      synOptions(this.#ip.maxPayload, this.#options.receiveBufferBytes),
      options.timeoutMs ?? this.#options.connectTimeoutMs,
      {
        accepted: (handshake) => {
          this.#remove(opening);
          this.#counters.opened++;
          this.#adopt(connection, flow, handshake).acknowledge();
          connection.connected();
        },
        refused: (failure) => {
          this.#remove(opening);
          connection.refuse(failure);
        },
      },
      this.#host,
    );
    connection.wait({
      stop: () => {
        opening.stop();
        this.#remove(opening);
      },
    });
    this.#add(opening);
    opening.start();
    return connection;
  }

  receive(payload: Uint8Array, from: Ipv4, to: Ipv4): void {
    this.#counters.segmentsIn++;
    const length = payload.length;
    const sum = sumWords(payload, 0, length, pseudoHeaderSum(from, to, TCP_PROTOCOL, length));
    if (foldChecksum(sum) !== 0) {
      this.#counters.badChecksums++;
      return;
    }
    const segment = decodeTcp(payload);
    // A broadcast can't open a connection (RFC 9293 §3.9.2.3).
    if (segment === null || to !== this.#ip.address || from === ANY_IPV4 || from === BROADCAST_IPV4) {
      this.#counters.malformed++;
      return;
    }
    if (this.#disposed) return;
    const data = payload.subarray(segment.headerLength);
    const now = this.#clock.now();
    const handler = this.#flows.find(segment.destinationPort, from, segment.sourcePort);
    if (handler?.receive(segment, data, now)) return;
    this.#receiveUnknown(segment, data.length, from, now);
  }

  /** Resets every connection and forgets every listener. */
  dispose(): void {
    if (this.#disposed) return;
    for (const connection of [...this.#connections]) connection.resetAndDestroy();
    for (const handler of [...this.#blocks]) if (handler instanceof ControlBlock) handler.abort();
    this.#disposed = true;
    this.#listeners.clear();
    this.#halfOpen.clear();
    this.#timeWait.clear();
  }

  /** RFC 9293 §3.10.7.1 and .2: a segment that nobody waits for. */
  #receiveUnknown(segment: TcpSegment, dataLength: number, from: Ipv4, now: number): void {
    const flow: Flow = {
      localAddress: this.#ip.address,
      localPort: segment.destinationPort,
      remoteAddress: from,
      remotePort: segment.sourcePort,
    };
    const opens = (segment.flags & (SYN | ACK | RST)) === SYN;
    if (opens && this.#listeners.has(flow.localPort)) {
      if (this.#blocks.size >= this.#options.maxConnections) this.#counters.overflows++;
      else this.#halfOpen.open(flow, segment, this.#random.u32(), this.#ip.maxPayload, now);
      return;
    }
    if (opens) this.#counters.refused++;
    this.#host.output.refuse(flow, segment, dataLength);
  }

  #accept(flow: Flow, handshake: Handshake): SegmentHandler | null {
    const accept = this.#listeners.get(flow.localPort);
    if (accept === undefined || this.#blocks.size >= this.#options.maxConnections) {
      this.#counters.overflows++;
      return null;
    }
    const connection = this.#newConnection(flow);
    const block = this.#adopt(connection, flow, handshake);
    this.#counters.accepted++;
    accept(connection);
    return block;
  }

  #newConnection(flow: Flow): TcpConnection {
    const connection = new TcpConnection(flow, { clock: this.#clock, ...this.#options });
    this.#connections.add(connection);
    connection.once('close', () => this.#connections.delete(connection));
    return connection;
  }

  #adopt(connection: TcpConnection, flow: Flow, handshake: Handshake): ControlBlock {
    return connection.adopt((buffer, user) => {
      const profile: LinkProfile = {
        ...DEFAULT_LINK_PROFILE,
        ...this.#options.linkProfile(flow.remoteAddress),
      };
      const block = new ControlBlock(flow, handshake, profile, buffer, user, this.#host);
      this.#add(block);
      return block;
    });
  }

  #add(handler: SegmentHandler): void {
    this.#blocks.add(handler);
    this.#flows.set(handler);
  }

  #remove(handler: SegmentHandler): void {
    this.#blocks.delete(handler);
    this.#flows.delete(handler);
  }

  /** Why a connection can't even be tried; null when it can. */
  #obstacle(flow: Flow, localPort: number | null): string | null {
    if (this.#disposed || flow.localAddress === ANY_IPV4 || localPort === null) return 'EADDRNOTAVAIL';
    if (this.#blocks.size >= this.#options.maxConnections) return 'ENOBUFS';
    const taken = this.#flows.find(flow.localPort, flow.remoteAddress, flow.remotePort) !== null;
    return taken ? 'EADDRINUSE' : null;
  }

  #freePort(address: Ipv4, port: number): number | null {
    for (let i = 0; i < EPHEMERAL_PORTS; i++) {
      const candidate = FIRST_EPHEMERAL_PORT + this.#nextPort;
      this.#nextPort = (this.#nextPort + 1) % EPHEMERAL_PORTS;
      if (!this.#listeners.has(candidate) && this.#flows.find(candidate, address, port) === null)
        return candidate;
    }
    return null;
  }
}
