const INITIAL_RTO_MS = 1000;
/** Clock granularity G of RFC 6298 §2. */
const GRANULARITY_MS = 1;

/** Round-trip time and the retransmission timeout that follows from it, RFC 6298. */
export class RttEstimator {
  readonly #minMs: number;
  readonly #maxMs: number;
  #smoothed: number | null = null;
  #variation = 0;
  #base: number;
  #backoff = 1;

  constructor(minMs: number, maxMs: number) {
    this.#minMs = minMs;
    this.#maxMs = maxMs;
    this.#base = Math.max(minMs, Math.min(INITIAL_RTO_MS, maxMs));
  }

  /** SRTT; null before the first measurement. */
  get smoothedMs(): number | null {
    return this.#smoothed;
  }

  /** The timeout, backed off. */
  get rtoMs(): number {
    return Math.min(this.#base * this.#backoff, this.#maxMs);
  }

  /** A measurement of a segment that was sent once only (Karn's algorithm, §3). */
  sample(rttMs: number): void {
    if (this.#smoothed === null) {
      this.#smoothed = rttMs;
      this.#variation = rttMs / 2;
    } else {
      this.#variation += (Math.abs(this.#smoothed - rttMs) - this.#variation) / 4;
      this.#smoothed += (rttMs - this.#smoothed) / 8;
    }
    const timeout = this.#smoothed + Math.max(GRANULARITY_MS, 4 * this.#variation);
    this.#base = Math.max(this.#minMs, Math.min(timeout, this.#maxMs));
  }

  /** The timer expired (§5.5). */
  backOff(): void {
    if (this.#base * this.#backoff < this.#maxMs) this.#backoff *= 2;
  }

  /** New data was acknowledged: the path lives. */
  recover(): void {
    this.#backoff = 1;
  }
}
