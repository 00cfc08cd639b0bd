import type { Clock } from '../../../base/clock.ts';
import {
  ACK,
  FIN,
  NO_TCP_OPTIONS,
  PSH,
  RST,
  SYN,
  TCP_MAX_SACK_BLOCKS,
  type TcpOptions,
  type TcpSegment,
} from '../../../protocol/tcp.ts';
import type { TcpCounters } from './counters.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import type { Flow, SegmentHandler } from './flow-table.ts';
import type { Handshake } from './handshake.ts';
import type { LinkProfile, TcpStackOptions } from './options.ts';
import type { RateLimit } from './rate-limit.ts';
import type { PositionRange } from './reassembly.ts';
import { Receiver, type ReceiverSink } from './receiver.ts';
import type { SegmentOutput } from './segment-output.ts';
import type { SendBuffer } from './send-buffer.ts';
import { Sender } from './sender.ts';
import { toPosition, toSequence } from './sequence.ts';
import { nextState, type TcpEvent, type TcpState } from './state.ts';

/** Why a connection ended early: the names that Node gives such errors. */
export type TcpFailure = 'ECONNRESET' | 'ETIMEDOUT';

/** The application's side of a connection. */
export interface ConnectionUser extends ReceiverSink {
  /** The peer sends no more. */
  ended(): void;
  /** There is room in the send buffer again. */
  writable(): void;
  /** The peer has everything, our FIN included. */
  finished(): void;
  failed(failure: TcpFailure): void;
}

/** What all connections of a stack share. */
export interface ConnectionHost {
  readonly output: SegmentOutput;
  readonly clock: Clock;
  readonly counters: TcpCounters;
  readonly options: TcpStackOptions;
  readonly challenges: RateLimit;
  /** The block is done with its flow; in TIME_WAIT, these numbers answer what is still on the way. */
  closed(block: ControlBlock, timeWait: { sequence: number; acknowledgment: number } | null): void;
}

const NO_RANGES: readonly PositionRange[] = [];

/** The transmission control block of a synchronised connection: RFC 9293 §3.10.7.4 with the checks of RFC 5961. */
export class ControlBlock implements SegmentHandler {
  readonly flow: Flow;
  readonly #host: ConnectionHost;
  readonly #user: ConnectionUser;
  readonly #buffer: SendBuffer;
  readonly #handshake: Handshake;
  readonly #sender: Sender;
  readonly #receiver: Receiver;
  readonly #ackTimer: DeadlineTimer;
  readonly #lingerTimer: DeadlineTimer;
  readonly #windowUnit: number;
  #state: TcpState = 'ESTABLISHED';
  #detached = false;
  #heardAt: number;

  constructor(
    flow: Flow,
    handshake: Handshake,
    profile: LinkProfile,
    buffer: SendBuffer,
    user: ConnectionUser,
    host: ConnectionHost,
  ) {
    this.flow = flow;
    this.#host = host;
    this.#user = user;
    this.#buffer = buffer;
    this.#handshake = handshake;
    this.#windowUnit = 2 ** handshake.receivedScale;
    const { clock, counters, options } = host;
    this.#receiver = new Receiver(options.receiveBufferBytes, handshake.offeredScale, user, counters);
    this.#sender = new Sender(
      buffer,
      {
        transmit: (position, length, fin) => this.#transmit(position, length, fin),
        probe: () => this.probe(),
        giveUp: () => this.giveUp(),
      },
      { ...handshake, profile, maxRtoMs: options.maxRtoMs, giveUpMs: options.giveUpMs },
      clock,
      counters,
    );
    this.#ackTimer = new DeadlineTimer(clock, (now) => this.#acknowledgeIfDue(now));
    this.#lingerTimer = new DeadlineTimer(clock, () => this.#leave('abort'));
    this.#heardAt = clock.now();
  }

  get state(): TcpState {
    return this.#state;
  }

  /** Clock time of the last acceptable segment. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** Everything written is acknowledged. */
  get idle(): boolean {
    return this.#sender.idle;
  }

  receive(segment: TcpSegment, data: Uint8Array, now: number): boolean {
    const { flags } = segment;
    const position = toPosition(this.#handshake.irs, this.#receiver.next, segment.sequence);
    const length = data.length + (flags & SYN ? 1 : 0) + (flags & FIN ? 1 : 0);
    if (!this.#receiver.acceptable(position, length))
      this.#answerUnacceptable(segment, position, length, now);
    else if (flags & RST) this.#onReset(position, now);
    else if (flags & SYN) this.#challenge(now);
    else if (flags & ACK && this.#onAck(segment, position, length === 0, now)) {
      if (length > 0) this.#onData(position, data, (flags & FIN) !== 0, now);
      this.#settle(now);
    }
    return true;
  }

  /** Answers the SYN that opened the connection. */
  acknowledge(): void {
    this.#sendAck();
  }

  /** The send buffer got more. */
  flush(): void {
    if (this.#state !== 'CLOSED') this.#sender.flush(this.#host.clock.now());
  }

  /** The application read: the peer may have to be told of room. */
  readerDrained(): void {
    if (this.#state === 'CLOSED' || this.#receiver.finished) return;
    if (this.#receiver.windowWorthTelling) this.#sendAck();
  }

  /** No more will be written: a FIN follows what is in the send buffer. */
  close(): void {
    const before = this.#state;
    this.#state = nextState(before, 'close');
    if (this.#state === before) return;
    this.#sender.queueFin();
    this.flush();
  }

  /**
   * The application is gone but what it wrote goes on its way. What comes for it now is answered with a reset,
   * and the peer's FIN is not waited for for ever.
   */
  detach(): void {
    this.#detached = true;
    this.close();
    const { finWaitMs, giveUpMs } = this.#host.options;
    this.#linger(this.#state === 'FIN_WAIT_2' ? finWaitMs : giveUpMs);
  }

  /** Ends the connection at once and tells the peer (RFC 9293 §3.10.5). */
  abort(): void {
    if (this.#state === 'CLOSED') return;
    this.#sendReset();
    this.#leave('abort');
  }

  /** Makes the peer acknowledge: an empty segment that is just too old (RFC 9293 §3.8.4). */
  probe(): void {
    this.#control(ACK, this.#sender.una - 1, NO_TCP_OPTIONS);
  }

  /** The peer doesn't answer. */
  giveUp(): void {
    this.#host.counters.timeouts++;
    this.#fail('ETIMEDOUT');
  }

  /** RFC 9293 §3.10.7.4 first step; even so its ACK counts when our window is shut and the segment is the next one. */
  #answerUnacceptable(segment: TcpSegment, position: number, length: number, now: number): void {
    if (segment.flags & RST) return;
    const mayCount = (segment.flags & (ACK | SYN)) === ACK && position === this.#receiver.next;
    if (mayCount && !this.#onAck(segment, position, false, now)) return;
    if (length === 0) return void this.#challenge(now);
    this.#receiver.repeated(position, length);
    this.#settle(now);
  }

  /** RFC 5961 §3.2: a reset must hit the very next sequence number. */
  #onReset(position: number, now: number): void {
    if (position !== this.#receiver.next) return void this.#challenge(now);
    this.#host.counters.resetsIn++;
    // Both streams are through and only the ACK of our FIN was missing: the peer forgot us too early.
    if (this.#receiver.finished && this.#sender.onlyFinMissing) {
      this.#leave('abort');
      this.#user.finished();
    } else this.#fail('ECONNRESET');
  }

  /** False when the segment has to be dropped. */
  #onAck(segment: TcpSegment, position: number, pure: boolean, now: number): boolean {
    const sender = this.#sender;
    const acked = toPosition(this.#handshake.iss, sender.una, segment.acknowledgment);
    // RFC 5961 §5.
    if (acked > sender.next || acked < sender.una - sender.largestWindow) {
      this.#challenge(now);
      return false;
    }
    this.#heardAt = now;
    sender.heard(now);
    const news = sender.acknowledge(
      {
        position: acked,
        window: segment.window * this.#windowUnit,
        sequence: position,
        sack: segment.options.sack.length === 0 ? NO_RANGES : this.#ranges(segment.options),
        pure,
      },
      now,
    );
    if (news) {
      if (sender.finAcknowledged) this.#onFinAcknowledged();
      else if (!this.#detached) this.#user.writable();
    }
    return this.#state !== 'CLOSED';
  }

  #onData(position: number, data: Uint8Array, fin: boolean, now: number): void {
    if (this.#detached && data.length > 0) return void this.abort();
    const finishedBefore = this.#receiver.finished;
    this.#receiver.receive(position, data, fin, now);
    if (!finishedBefore && this.#receiver.finished) this.#onFin();
  }

  #onFinAcknowledged(): void {
    if (this.#state !== 'FIN_WAIT_1' && this.#state !== 'CLOSING' && this.#state !== 'LAST_ACK') return;
    this.#leave('fin-acked');
    this.#user.finished();
    if (this.#detached) this.#linger(this.#host.options.finWaitMs);
  }

  #onFin(): void {
    if (this.#state === 'CLOSED') return;
    const willWait = nextState(this.#state, 'fin') === 'TIME_WAIT';
    // Whoever takes over in TIME_WAIT only answers: the FIN's ACK leaves now.
    if (willWait) this.#sendAck();
    this.#leave('fin');
    this.#user.ended();
  }

  /** Goes on to the next state, and hands the flow back when that is the end. */
  #leave(event: TcpEvent): void {
    const before = this.#state;
    if (before === 'CLOSED') return;
    this.#state = nextState(before, event);
    if (this.#state !== 'TIME_WAIT' && this.#state !== 'CLOSED') return;
    const timeWait =
      this.#state === 'TIME_WAIT'
        ? {
            sequence: toSequence(this.#handshake.iss, this.#sender.next),
            acknowledgment: toSequence(this.#handshake.irs, this.#receiver.next),
          }
        : null;
    this.#state = 'CLOSED';
    this.#sender.stop();
    this.#ackTimer.stop();
    this.#lingerTimer.stop();
    this.#buffer.clear();
    this.#receiver.clear();
    this.#host.closed(this, timeWait);
  }

  #fail(failure: TcpFailure): void {
    this.#leave('abort');
    this.#user.failed(failure);
  }

  #linger(timeoutMs: number): void {
    if (this.#state === 'CLOSED') return;
    const now = this.#host.clock.now();
    this.#lingerTimer.set(now + timeoutMs, now);
  }

  /** After a segment was taken in: send what it allows, acknowledge what it brought. */
  #settle(now: number): void {
    if (this.#state === 'CLOSED') return;
    this.#sender.flush(now);
    this.#acknowledgeIfDue(now);
  }

  #acknowledgeIfDue(now: number): void {
    const due = this.#receiver.ackDue;
    if (due <= now) this.#sendAck();
    else if (due !== Number.POSITIVE_INFINITY) this.#ackTimer.set(due, now);
  }

  #transmit(position: number, length: number, fin: boolean): void {
    const last = position + length === this.#buffer.end;
    const flags = ACK | (fin ? FIN : 0) | (last && length > 0 ? PSH : 0);
    if (length === 0) this.#control(flags, position, NO_TCP_OPTIONS);
    else
      this.#host.output.data(
        this.flow,
        flags,
        toSequence(this.#handshake.iss, position),
        toSequence(this.#handshake.irs, this.#receiver.next),
        this.#receiver.windowField(),
        this.#buffer,
        position,
        length,
      );
    // Holes are reported by segments without data only, which alone count as duplicate ACKs.
    if (!this.#receiver.hasReport) this.#receiver.acknowledged();
  }

  #sendAck(): void {
    this.#control(ACK, this.#sender.next, this.#receiver.hasReport ? this.#sackOptions() : NO_TCP_OPTIONS);
    this.#receiver.acknowledged();
  }

  /** RFC 5961: asks the peer whether it meant that. */
  #challenge(now: number): void {
    if (!this.#host.challenges.take(now)) return;
    this.#host.counters.challengeAcks++;
    this.#sendAck();
  }

  #sendReset(): void {
    this.#host.counters.resetsOut++;
    this.#control(RST | ACK, this.#sender.next, NO_TCP_OPTIONS);
  }

  #control(flags: number, position: number, options: TcpOptions): void {
    this.#host.output.control(
      this.flow,
      flags,
      toSequence(this.#handshake.iss, position),
      toSequence(this.#handshake.irs, this.#receiver.next),
      this.#receiver.windowField(),
      options,
    );
  }

  #sackOptions(): TcpOptions {
    const ranges = this.#receiver.sackRanges();
    if (!this.#handshake.sackUsed) return NO_TCP_OPTIONS;
    const { irs } = this.#handshake;
    const sack = ranges
      .slice(0, TCP_MAX_SACK_BLOCKS)
      .map(({ start, end }) => ({ left: toSequence(irs, start), right: toSequence(irs, end) }));
    return { ...NO_TCP_OPTIONS, sack };
  }

  #ranges(options: TcpOptions): readonly PositionRange[] {
    if (!this.#handshake.sackUsed) return NO_RANGES;
    const { iss } = this.#handshake;
    const near = this.#sender.una;
    return options.sack.map(({ left, right }) => ({
      start: toPosition(iss, near, left),
      end: toPosition(iss, near, right),
    }));
  }
}
