import type { Ne2000 } from './v86-internals.ts';

const STOPPED = 0x01;
const MIN_FRAME = 60;
const HEADER = 4;
const QUEUE_LIMIT = 256;

/**
 * Flow control in front of the NE2000. Its ring holds about eight full frames and drops what does not
 * fit without a word, so frames wait here until the guest has made room. A stopped NIC hears nothing.
 */
export class ReceiveQueue {
  readonly #nic: Ne2000;
  #waiting: Uint8Array[] = [];
  #next = 0;
  #draining = false;
  /** Frames lost because the queue was full. */
  dropped = 0;

  constructor(nic: Ne2000) {
    this.#nic = nic;
  }

  /** Frames that wait for room. */
  get length(): number {
    return this.#waiting.length - this.#next;
  }

  /** Takes a frame from the wire, which is kept until it is delivered. */
  push(frame: Uint8Array): void {
    if (this.length >= QUEUE_LIMIT) {
      this.dropped++;
      return;
    }
    this.#waiting.push(frame);
    this.drain();
  }

  /** Delivers what fits. Call it whenever the guest may have made room. */
  drain(): void {
    // The interrupt of a delivery can make v86 write to the NIC, which asks us to drain again.
    if (this.#draining) return;
    this.#draining = true;
    if (this.#nic.cr & STOPPED) this.#next = this.#waiting.length;
    for (let frame = this.#waiting[this.#next]; frame && this.#fits(frame); ) {
      this.#next++;
      this.#nic.receive(frame);
      frame = this.#waiting[this.#next];
    }
    if (this.#next === this.#waiting.length || this.#next >= QUEUE_LIMIT) {
      this.#waiting = this.#waiting.slice(this.#next);
      this.#next = 0;
    }
    this.#draining = false;
  }

  /** Room for the frame in pages of 256 bytes, one page left free: a full ring would look empty. */
  #fits(frame: Uint8Array): boolean {
    const { boundary, curpg, pstart, pstop } = this.#nic;
    const needed = 1 + ((Math.max(MIN_FRAME, frame.length) + HEADER) >> 8);
    const free = boundary > curpg ? boundary - curpg : pstop - curpg + boundary - pstart;
    return free > needed;
  }
}
