/** Sent and, as far as we know, on the way. */
export const IN_FLIGHT = 0;
/** Reported as received out of order. */
export const SACKED = 1;
/** Taken for lost, to be sent again. */
export const LOST = 2;

/** One segment that was sent and is not acknowledged. */
export interface SentSegment {
  /** Position of its first byte. */
  start: number;
  end: number;
  /** Of its last transmission. */
  sentAt: number;
  /** Number of that transmission: tells which of two left later, where clocks can't. */
  serial: number;
  state: typeof IN_FLIGHT | typeof SACKED | typeof LOST;
  retransmitted: boolean;
}

/** Told of each segment once, when it is known to have arrived. */
export interface DeliveryObserver {
  delivered(segment: SentSegment, now: number): void;
}

const FIRST_CAPACITY = 16;

/**
 * What is on the way, in order of position: the scoreboard of RFC 6675 §4, whose SetPipe is kept
 * up to date instead of being computed. The records live in a ring and are used again.
 */
export class Scoreboard {
  readonly #observer: DeliveryObserver;
  #ring: SentSegment[] = emptySegments(FIRST_CAPACITY);
  #head = 0;
  #size = 0;
  #pipe = 0;
  #sacked = 0;
  #lost = 0;
  #serial = 1;

  constructor(observer: DeliveryObserver) {
    this.#observer = observer;
  }

  get size(): number {
    return this.#size;
  }

  /** Bytes on the way. */
  get pipe(): number {
    return this.#pipe;
  }

  /** Segments reported as received out of order. */
  get sacked(): number {
    return this.#sacked;
  }

  /** Segments to send again. */
  get lost(): number {
    return this.#lost;
  }

  /** The segment number `index` from the left; `index` < `size`. */
  at(index: number): SentSegment {
    return this.#ring[(this.#head + index) & (this.#ring.length - 1)] as SentSegment;
  }

  /** A new segment was sent. */
  push(start: number, end: number, now: number): void {
    if (this.#size === this.#ring.length) this.#grow();
    const segment = this.at(this.#size++);
    segment.start = start;
    segment.end = end;
    segment.sentAt = now;
    segment.serial = this.#serial++;
    segment.state = IN_FLIGHT;
    segment.retransmitted = false;
    this.#pipe += end - start;
  }

  /** Everything before `position` has arrived. */
  acknowledge(position: number, now: number): void {
    while (this.#size > 0) {
      const segment = this.at(0);
      if (segment.end > position) {
        if (segment.start < position) {
          if (segment.state === IN_FLIGHT) this.#pipe -= position - segment.start;
          segment.start = position;
        }
        return;
      }
      if (segment.state !== SACKED) this.#observer.delivered(segment, now);
      this.#leave(segment);
      this.#head = (this.#head + 1) & (this.#ring.length - 1);
      this.#size--;
    }
  }

  /** The peer holds [left, right). Only whole segments count; it may not tell of parts. */
  sack(left: number, right: number, now: number): void {
    for (let i = this.#firstFrom(left); i < this.#size; i++) {
      const segment = this.at(i);
      if (segment.end > right) return;
      if (segment.state === SACKED) continue;
      this.#observer.delivered(segment, now);
      this.#leave(segment);
      segment.state = SACKED;
      this.#sacked++;
    }
  }

  markLost(segment: SentSegment): void {
    if (segment.state === LOST) return;
    this.#leave(segment);
    segment.state = LOST;
    this.#lost++;
  }

  /** The timer expired: all is lost but what the peer holds, and that too when it seems to have let go of it. */
  markAllLost(): void {
    // RFC 6675 §5.1: a peer may drop what it reported. It did when the left-most segment is among that.
    const reneged = this.#size > 0 && this.at(0).state === SACKED;
    for (let i = 0; i < this.#size; i++) {
      const segment = this.at(i);
      if (segment.state !== SACKED || reneged) this.markLost(segment);
    }
  }

  /** The left-most segment to send again. */
  firstLost(): SentSegment | null {
    if (this.#lost === 0) return null;
    for (let i = 0; i < this.#size; i++) {
      const segment = this.at(i);
      if (segment.state === LOST) return segment;
    }
    return null;
  }

  markResent(segment: SentSegment, now: number): void {
    this.#leave(segment);
    segment.state = IN_FLIGHT;
    segment.retransmitted = true;
    segment.sentAt = now;
    segment.serial = this.#serial++;
    this.#pipe += segment.end - segment.start;
  }

  /** Takes a segment out of the sums. */
  #leave(segment: SentSegment): void {
    if (segment.state === IN_FLIGHT) this.#pipe -= segment.end - segment.start;
    else if (segment.state === SACKED) this.#sacked--;
    else this.#lost--;
  }

  /** Index of the first segment that starts at `position` or later. */
  #firstFrom(position: number): number {
    let low = 0;
    let high = this.#size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.at(middle).start < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #grow(): void {
    const inOrder = Array.from({ length: this.#size }, (_, i) => this.at(i));
    this.#ring = [...inOrder, ...emptySegments(this.#ring.length)];
    this.#head = 0;
  }
}

function emptySegments(count: number): SentSegment[] {
  return Array.from({ length: count }, () => ({
    start: 0,
    end: 0,
    sentAt: 0,
    serial: 0,
    state: IN_FLIGHT,
    retransmitted: false,
  }));
}
