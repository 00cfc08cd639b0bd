const FIRST_MS = 1000;
const SHORTEST_MS = 200;
const LONGEST_MS = 8000;

/**
 * How long to wait for an ACK: measured round trips smoothed as in RFC 6298, doubled after each time-out.
 * An interval demanded by the client (RFC 2349 `timeout`) is kept as it is.
 */
export class RetransmitTimer {
  readonly #fixedMs: number | null;
  #smoothedMs: number | null = null;
  #variationMs = 0;
  #intervalMs: number;

  constructor(fixedMs: number | null) {
    this.#fixedMs = fixedMs;
    this.#intervalMs = fixedMs ?? FIRST_MS;
  }

  get intervalMs(): number {
    return this.#intervalMs;
  }

  /** The smoothed round trip, or null before the first measurement. */
  get roundTripMs(): number | null {
    return this.#smoothedMs;
  }

  /** A round trip of something sent once: an answer to a repeat says nothing (Karn's rule). */
  measured(roundTripMs: number): void {
    if (this.#smoothedMs === null) {
      this.#smoothedMs = roundTripMs;
      this.#variationMs = roundTripMs / 2;
    } else {
      this.#variationMs += (Math.abs(this.#smoothedMs - roundTripMs) - this.#variationMs) / 4;
      this.#smoothedMs += (roundTripMs - this.#smoothedMs) / 8;
    }
    this.#set(this.#smoothedMs + 4 * this.#variationMs);
  }

  backOff(): void {
    this.#set(this.#intervalMs * 2);
  }

  #set(ms: number): void {
    if (this.#fixedMs === null) this.#intervalMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, ms));
  }
}
