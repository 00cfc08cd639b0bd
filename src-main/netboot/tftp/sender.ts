import { RetransmitTimer } from './retransmit-timer.ts';

/** What the transfer has to do after an event. Blocks are counted from 1 and never wrap here. */
export type SenderAction =
  | { readonly kind: 'wait' }
  /** Send the OACK (again). */
  | { readonly kind: 'oack' }
  /** Send `count` blocks from `first`, then call `sent`. */
  | { readonly kind: 'send'; readonly first: number; readonly count: number }
  | { readonly kind: 'done' }
  /** `timeout`: the client went silent. `stalled`: the file could not be read in time. */
  | { readonly kind: 'failed'; readonly reason: 'timeout' | 'stalled' };

export interface SenderOptions {
  readonly sizeBytes: number;
  readonly blockSize: number;
  readonly windowSize: number;
  /** Retransmission interval agreed with the client, or null to adapt. */
  readonly timeoutMs: number | null;
  /** True when options were accepted: the transfer begins with an OACK that the client acknowledges as block 0. */
  readonly withOack: boolean;
}

/** Time-outs in a row after which the client is given up: about 40 s, as long as PXE ROMs themselves try. */
const MAX_TIMEOUTS = 6;
/** How long the file may take to deliver the next window. */
const SOURCE_LIMIT_MS = 30_000;
/** Least time between two answers to reported gaps, while no round trip has been measured. */
const GAP_PAUSE_MS = 10;

const WAIT: SenderAction = { kind: 'wait' };
const DONE: SenderAction = { kind: 'done' };
const OACK: SenderAction = { kind: 'oack' };

/**
 * The sending side of one TFTP transfer (RFC 1350, RFC 7440) without clock and socket: events in, actions out.
 * All times are milliseconds of one monotonic clock.
 */
export class TftpSender {
  readonly lastBlock: number;
  readonly #windowSize: number;
  readonly #timer: RetransmitTimer;
  #state: 'oack' | 'data' | 'ended';
  #acked = 0;
  #sent = 0;
  #highest = 0;
  #timeouts = 0;
  /** When the blocks now in flight left; NaN when some of them are repeats. */
  #flightAt = Number.NaN;
  #resentAt = Number.NEGATIVE_INFINITY;
  #awaitsSource = false;
  #deadline = Number.POSITIVE_INFINITY;
  #repeated = 0;

  constructor(options: SenderOptions) {
    // A file whose size is a multiple of the block size ends with an empty block (RFC 1350 §6).
    this.lastBlock = Math.floor(options.sizeBytes / options.blockSize) + 1;
    this.#windowSize = options.windowSize;
    this.#timer = new RetransmitTimer(options.timeoutMs);
    this.#state = options.withOack ? 'oack' : 'data';
  }

  /** The last block that the client has acknowledged together with all before it. */
  get acked(): number {
    return this.#acked;
  }

  /** Blocks sent more than once. */
  get repeated(): number {
    return this.#repeated;
  }

  /** When `onTimeout` is due. */
  get deadline(): number {
    return this.#deadline;
  }

  start(now: number): SenderAction {
    if (this.#state === 'data') return this.#send(1, now);
    this.#flightAt = now;
    this.#wait(now);
    return OACK;
  }

  /** Tells that the blocks of the last `send` have left: the wait for their ACK begins. */
  sent(now: number): void {
    this.#awaitsSource = false;
    if (!Number.isNaN(this.#flightAt)) this.#flightAt = now;
    this.#wait(now);
  }

  /** `block` as on the wire, modulo 65,536. */
  onAck(block: number, now: number): SenderAction {
    if (this.#state === 'ended') return WAIT;
    if (this.#state === 'oack') {
      if (block !== 0) return WAIT;
      this.#state = 'data';
      this.#progress(now);
      return this.#send(1, now);
    }
    const ahead = ((block - this.#acked) << 16) >> 16;
    if (ahead < 0 || this.#acked + ahead > this.#sent || this.#awaitsSource) return WAIT;
    if (ahead === 0) return this.#onDuplicate(now);
    this.#acked += ahead;
    if (this.#acked === this.lastBlock) return this.#end(DONE);
    if (this.#acked < this.#sent) return this.#onGap(now);
    this.#progress(now);
    return this.#send(this.#acked + 1, now);
  }

  onTimeout(now: number): SenderAction {
    if (this.#state === 'ended' || now < this.#deadline) return WAIT;
    if (this.#awaitsSource) return this.#end({ kind: 'failed', reason: 'stalled' });
    if (++this.#timeouts > MAX_TIMEOUTS) return this.#end({ kind: 'failed', reason: 'timeout' });
    this.#timer.backOff();
    this.#flightAt = Number.NaN;
    if (this.#state === 'data') return this.#resend(now);
    this.#wait(now);
    return OACK;
  }

  /** The client sent ERROR, or the transfer is being stopped: nothing more will be asked for. */
  stop(): void {
    this.#end(DONE);
  }

  /**
   * The last ACK again. In lock-step it is never answered: answering would double every packet from then on
   * (the sorcerer's apprentice, RFC 1123 §4.2.3.1). With a window it reports that the first block was lost.
   */
  #onDuplicate(now: number): SenderAction {
    if (this.#windowSize === 1 || this.#sent === this.#acked || !this.#mayResend(now)) return WAIT;
    return this.#resend(now);
  }

  /** An ACK from the middle of the window: the client misses what follows (RFC 7440 §4). */
  #onGap(now: number): SenderAction {
    this.#timeouts = 0;
    if (this.#mayResend(now)) return this.#resend(now);
    // Sooner than a round trip after a repeat it is an echo of the flight before: only fill the window up.
    const first = this.#sent + 1;
    const last = Math.min(this.lastBlock, this.#acked + this.#windowSize);
    this.#wait(now);
    return first > last ? WAIT : this.#send(first, now);
  }

  #mayResend(now: number): boolean {
    return now - this.#resentAt >= (this.#timer.roundTripMs ?? GAP_PAUSE_MS);
  }

  #resend(now: number): SenderAction {
    this.#resentAt = now;
    return this.#send(this.#acked + 1, now);
  }

  #progress(now: number): void {
    if (!Number.isNaN(this.#flightAt)) this.#timer.measured(now - this.#flightAt);
    this.#timeouts = 0;
  }

  #send(first: number, now: number): SenderAction {
    const last = Math.min(this.lastBlock, this.#acked + this.#windowSize);
    const repeats = Math.max(0, Math.min(last, this.#highest) - first + 1);
    this.#repeated += repeats;
    this.#flightAt = repeats > 0 || first !== this.#acked + 1 ? Number.NaN : now;
    this.#sent = last;
    this.#highest = Math.max(this.#highest, last);
    this.#awaitsSource = true;
    this.#deadline = now + SOURCE_LIMIT_MS;
    return { kind: 'send', first, count: last - first + 1 };
  }

  #wait(now: number): void {
    this.#deadline = now + this.#timer.intervalMs;
  }

  #end(action: SenderAction): SenderAction {
    this.#state = 'ended';
    this.#deadline = Number.POSITIVE_INFINITY;
    return action;
  }
}
