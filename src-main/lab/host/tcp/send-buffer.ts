const FIRST_CAPACITY = 16 << 10;
/** Position 0 is the SYN's. */
const FIRST_BYTE = 1;

/**
 * Bytes written but not yet acknowledged, in one ring: any run of them is found at once for transmission and
 * retransmission, and the writer may reuse its buffer as soon as `append` took it. Grows up to `limit`.
 */
export class SendBuffer {
  readonly limit: number;
  #ring: Buffer<ArrayBuffer> = Buffer.alloc(0);
  #start = FIRST_BYTE;
  #end = FIRST_BYTE;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Position after the last byte. */
  get end(): number {
    return this.#end;
  }

  get length(): number {
    return this.#end - this.#start;
  }

  get room(): number {
    return this.limit - this.length;
  }

  /** Takes as much of `data` as there is room for, from `from` on; returns how many bytes. */
  append(data: Uint8Array, from: number): number {
    const count = Math.min(data.length - from, this.room);
    if (count <= 0) return 0;
    this.#reserve(this.length + count);
    const at = this.#end % this.#ring.length;
    const first = Math.min(count, this.#ring.length - at);
    this.#ring.set(data.subarray(from, from + first), at);
    if (first < count) this.#ring.set(data.subarray(from + first, from + count), 0);
    this.#end += count;
    return count;
  }

  /** Forgets what is before `position`. */
  release(position: number): void {
    if (position > this.#start) this.#start = Math.min(position, this.#end);
  }

  /** Copies `length` bytes from `position` on, which the buffer holds. */
  copyTo(target: Uint8Array, offset: number, position: number, length: number): void {
    const at = position % this.#ring.length;
    const first = Math.min(length, this.#ring.length - at);
    target.set(this.#ring.subarray(at, at + first), offset);
    if (first < length) target.set(this.#ring.subarray(0, length - first), offset + first);
  }

  /** Lets go of the memory; nothing can be sent any more. */
  clear(): void {
    this.#start = this.#end;
    this.#ring = Buffer.alloc(0);
  }

  #reserve(length: number): void {
    if (length <= this.#ring.length) return;
    let capacity = Math.max(FIRST_CAPACITY, this.#ring.length * 2);
    while (capacity < length) capacity *= 2;
    const larger = Buffer.allocUnsafeSlow(Math.min(capacity, Math.max(this.limit, length)));
    const held = this.length;
    if (held > 0) {
      const at = this.#start % larger.length;
      const first = Math.min(held, larger.length - at);
      this.copyTo(larger, at, this.#start, first);
      if (first < held) this.copyTo(larger, 0, this.#start + first, held - first);
    }
    this.#ring = larger;
  }
}
