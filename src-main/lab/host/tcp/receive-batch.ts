const FIRST_SLAB = 4 << 10;
const LARGEST_SLAB = 64 << 10;

/**
 * Gathers what arrives within one turn of the event loop into one chunk, so that the reader is called once for a
 * batch of segments instead of for each. The chunks are parts of slabs that grow with the traffic.
 */
export class ReceiveBatch {
  readonly #take: (chunk: Buffer) => void;
  readonly #onTick = () => {
    this.#scheduled = false;
    this.flush();
  };
  #slab: Buffer<ArrayBuffer> = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  #scheduled = false;

  /** `take` owns the chunks that it gets. */
  constructor(take: (chunk: Buffer) => void) {
    this.#take = take;
  }

  /** Bytes not taken yet. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Copies `data`; `take` gets it at the end of the turn at the latest. */
  add(data: Uint8Array): void {
    if (this.#end + data.length > this.#slab.length) {
      this.flush();
      const grown = Math.min(Math.max(FIRST_SLAB, this.#slab.length * 2), LARGEST_SLAB);
      this.#slab = Buffer.allocUnsafeSlow(Math.max(grown, data.length));
      this.#start = 0;
      this.#end = 0;
    }
    this.#slab.set(data, this.#end);
    this.#end += data.length;
    if (this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(this.#onTick);
  }

  /** Hands over what there is. */
  flush(): void {
    if (this.#start === this.#end) return;
    const chunk = this.#slab.subarray(this.#start, this.#end);
    this.#start = this.#end;
    this.#take(chunk);
  }
}
