import { ACK, RST, SYN, type TcpOptions, type TcpSegment } from '../../../protocol/tcp.ts';
import type { ConnectionHost } from './control-block.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import type { Flow, SegmentHandler } from './flow-table.ts';
import { agree, type Handshake } from './handshake.ts';

/** RFC 6298 §2.1. */
const FIRST_RETRY_MS = 1000;
const MAX_FIELD = 0xffff;

export interface ActiveOpenUser {
  /** The peer accepted; the block to make owes it an ACK. */
  accepted(handshake: Handshake): void;
  refused(failure: 'ECONNREFUSED' | 'ETIMEDOUT'): void;
}

/** A connection in SYN-SENT: our SYN is on its way. */
export class ActiveOpen implements SegmentHandler {
  readonly flow: Flow;
  readonly #iss: number;
  readonly #options: TcpOptions;
  readonly #host: ConnectionHost;
  readonly #user: ActiveOpenUser;
  readonly #timer: DeadlineTimer;
  readonly #startedAt: number;
  readonly #giveUpAt: number;
  #tries = 0;
  #ended = false;

  constructor(
    flow: Flow,
    iss: number,
    options: TcpOptions,
    timeoutMs: number,
    user: ActiveOpenUser,
    host: ConnectionHost,
  ) {
    this.flow = flow;
    this.#iss = iss;
    this.#options = options;
    this.#host = host;
    this.#user = user;
    this.#timer = new DeadlineTimer(host.clock, (now) => this.#expired(now));
    this.#startedAt = host.clock.now();
    this.#giveUpAt = this.#startedAt + timeoutMs;
  }

  /** Sends the SYN, and again until it is answered. */
  start(): void {
    this.#sendSyn(this.#startedAt);
  }

  /** RFC 9293 §3.10.7.3, without simultaneous open. */
  receive(segment: TcpSegment, data: Uint8Array, now: number): boolean {
    if (this.#ended) return true;
    const { flags } = segment;
    const acknowledged = (flags & ACK) !== 0 && segment.acknowledgment === (this.#iss + 1) >>> 0;
    if (flags & ACK && !acknowledged) this.#host.output.refuse(this.flow, segment, data.length);
    else if (flags & RST) {
      // A reset without the acknowledgment may be anybody's guess.
      if (acknowledged) this.#fail('ECONNREFUSED');
    } else if (flags & SYN && acknowledged) {
      this.stop();
      this.#user.accepted(
        agree(this.#iss, this.#options, segment, this.#tries === 1 ? now - this.#startedAt : null),
      );
    }
    return true;
  }

  /** Leaves no timer; says nothing to the peer, who does not know us yet. */
  stop(): void {
    this.#ended = true;
    this.#timer.stop();
  }

  #sendSyn(now: number): void {
    const window = Math.min(this.#host.options.receiveBufferBytes, MAX_FIELD);
    if (this.#tries > 0) this.#host.counters.retransmits++;
    const wait = Math.min(FIRST_RETRY_MS * 2 ** this.#tries, this.#host.options.maxRtoMs);
    this.#tries++;
    this.#timer.set(Math.min(now + wait, this.#giveUpAt), now);
    this.#host.output.control(this.flow, SYN, this.#iss, 0, window, this.#options);
  }

  #expired(now: number): void {
    if (now < this.#giveUpAt) return void this.#sendSyn(now);
    this.#host.counters.timeouts++;
    this.#fail('ETIMEDOUT');
  }

  #fail(failure: 'ECONNREFUSED' | 'ETIMEDOUT'): void {
    this.stop();
    this.#user.refused(failure);
  }
}
