/** Congestion window by NewReno: RFC 5681, RFC 6582, initial window of RFC 6928, counting bytes (RFC 3465). */
export class NewReno {
  readonly #mss: number;
  readonly #cap: number;
  #window: number;
  #threshold = Number.POSITIVE_INFINITY;
  #acked = 0;

  /** `capBytes` bounds the window for good: what the way is known to hold. */
  constructor(mss: number, capBytes: number) {
    this.#mss = mss;
    this.#cap = Math.max(capBytes, mss);
    this.#window = Math.min(10 * mss, this.#cap);
  }

  /** Bytes that may be on the way. */
  get window(): number {
    return this.#window;
  }

  /**
   * New data was acknowledged while the window was in full use. After a timeout each ACK adds at most
   * one segment (RFC 3465 §2.3): it may cover what was sent long before.
   */
  acknowledged(bytes: number, afterTimeout: boolean): void {
    if (this.#window >= this.#cap) return;
    if (this.#window < this.#threshold) {
      this.#set(this.#window + (afterTimeout ? Math.min(bytes, this.#mss) : bytes));
      return;
    }
    this.#acked += bytes;
    if (this.#acked < this.#window) return;
    this.#acked -= this.#window;
    this.#set(this.#window + this.#mss);
  }

  /** A loss was noticed by later segments having arrived (RFC 5681 §3.2, RFC 6675 §5 step 4.2). */
  lost(flightBytes: number): void {
    this.#threshold = this.#half(flightBytes);
    this.#set(this.#threshold);
  }

  /** The retransmission timer expired. `again`: for the same data, which doesn't halve twice (RFC 5681 §3.1). */
  timedOut(flightBytes: number, again: boolean): void {
    if (!again) this.#threshold = this.#half(flightBytes);
    this.#set(this.#mss);
  }

  /** Nothing was sent for longer than a timeout: what is known of the path is stale (RFC 5681 §4.1). */
  restart(): void {
    this.#set(Math.min(this.#window, 10 * this.#mss));
  }

  #half(flightBytes: number): number {
    return Math.max(flightBytes / 2, 2 * this.#mss);
  }

  #set(window: number): void {
    this.#window = Math.min(window, this.#cap);
    this.#acked = Math.min(this.#acked, this.#window);
  }
}
