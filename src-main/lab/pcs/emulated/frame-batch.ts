/**
 * Frames cross the thread boundary in batches: one message and one buffer for all frames of a moment.
 * Layout: for each frame its length (16 bits, little-endian), then its bytes.
 */
export class FrameBatch {
  #bytes = new Uint8Array(FIRST_SIZE);
  #length = 0;

  get empty(): boolean {
    return this.#length === 0;
  }

  /** Copies a frame in. Frames that no Ethernet carries (empty, above 64 KiB) are left out. */
  add(frame: Uint8Array): void {
    if (frame.length === 0 || frame.length > 0xffff) return;
    const end = this.#length + 2 + frame.length;
    if (end > this.#bytes.length) this.#grow(end);
    this.#bytes[this.#length] = frame.length & 255;
    this.#bytes[this.#length + 1] = frame.length >> 8;
    this.#bytes.set(frame, this.#length + 2);
    this.#length = end;
  }

  /** What has been added, in a buffer of its own that may be transferred; starts anew. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return taken;
  }

  #grow(needed: number): void {
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}

const FIRST_SIZE = 16 << 10;

/** The frames of a batch, as views; a truncated last frame is left out. */
export function* framesOf(batch: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at + 2 <= batch.length; ) {
    const start = at + 2;
    const end = start + ((batch[at] ?? 0) | ((batch[at + 1] ?? 0) << 8));
    if (end > batch.length) return;
    yield batch.subarray(start, end);
    at = end;
  }
}
