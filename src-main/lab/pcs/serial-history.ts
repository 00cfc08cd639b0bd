/** The last bytes that a serial line has said; what is older is forgotten. */
export class SerialHistory {
  readonly #limit: number;
  #chunks: Uint8Array[] = [];
  #length = 0;

  constructor(limitBytes = 64 << 10) {
    this.#limit = limitBytes;
  }

  /** Keeps `chunk` itself: it must not change any more. */
  add(chunk: Uint8Array): void {
    this.#chunks.push(chunk.length > this.#limit ? chunk.subarray(-this.#limit) : chunk);
    this.#length += this.#chunks.at(-1)?.length ?? 0;
    // Joined when many, so that single characters cost no object each for long.
    if (this.#length > 2 * this.#limit || this.#chunks.length > 1024) this.#join();
  }

  clear(): void {
    this.#chunks = [];
    this.#length = 0;
  }

  bytes(): Uint8Array {
    return this.#join().slice();
  }

  #join(): Uint8Array {
    const whole = new Uint8Array(this.#length);
    let at = 0;
    for (const chunk of this.#chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    const kept = whole.slice(-this.#limit);
    this.#chunks = [kept];
    this.#length = kept.length;
    return kept;
  }
}
