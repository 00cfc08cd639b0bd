/** A run of bytes that arrived beyond a hole; `end` excluded. */
interface Island {
  start: number;
  end: number;
  chunks: Buffer[];
}

export interface PositionRange {
  readonly start: number;
  readonly end: number;
}

/** Bounds what a peer that sends tiny segments can make us keep. */
const MAX_ISLANDS = 256;
const MAX_CHUNKS = 4096;
const REPORTED = 4;

/**
 * Data that arrived out of order, until the hole before it is filled. Its bytes are bounded by the receive
 * window, which the caller enforces. Tells what to report by SACK: the latest first (RFC 2018 §4).
 */
export class Reassembly {
  #islands: Island[] = [];
  #recent: Island[] = [];
  #chunks = 0;

  get empty(): boolean {
    return this.#islands.length === 0;
  }

  /** Copies what of `data` was not there yet. False when a bound was hit and it was dropped. */
  insert(start: number, data: Uint8Array): boolean {
    if (this.#chunks >= MAX_CHUNKS) return false;
    const end = start + data.length;
    const first = this.#firstReaching(start);
    const before = this.#islands[first];
    if (before === undefined || end < before.start) {
      if (this.#islands.length >= MAX_ISLANDS) return false;
      const island = { start, end, chunks: [this.#copy(data, 0, data.length)] };
      this.#islands.splice(first, 0, island);
      this.#report(island);
      return true;
    }
    // The common case, on and on behind one hole: it lengthens the island.
    if (before.end === start && end < (this.#islands[first + 1]?.start ?? Number.POSITIVE_INFINITY)) {
      before.chunks.push(this.#copy(data, 0, data.length));
      before.end = end;
    } else this.#merge(first, start, data);
    this.#report(before);
    return true;
  }

  /** Removes and returns what follows `position` without a hole; bytes before it are cut off. */
  take(position: number): Buffer[] {
    const taken: Buffer[] = [];
    let at = position;
    for (let island = this.#islands[0]; island && island.start <= at; island = this.#islands[0]) {
      this.#islands.shift();
      this.#recent = this.#recent.filter((other) => other !== island);
      this.#chunks -= island.chunks.length;
      let chunkStart = island.start;
      for (const chunk of island.chunks) {
        const chunkEnd = chunkStart + chunk.length;
        if (chunkEnd > at) {
          taken.push(chunkStart < at ? chunk.subarray(at - chunkStart) : chunk);
          at = chunkEnd;
        }
        chunkStart = chunkEnd;
      }
    }
    return taken;
  }

  /** What to report, at most four ranges. */
  ranges(): readonly PositionRange[] {
    return this.#recent;
  }

  clear(): void {
    this.#islands = [];
    this.#recent = [];
    this.#chunks = 0;
  }

  /** Joins [start, …) with the islands it touches, from index `first` on, all into that one. */
  #merge(first: number, start: number, data: Uint8Array): void {
    const target = this.#islands[first] as Island;
    const end = start + data.length;
    const chunks: Buffer[] = [];
    let at = start;
    let next = first;
    let unionStart = start;
    for (let other: Island | undefined = target; other && other.start <= end; other = this.#islands[++next]) {
      if (at < other.start) chunks.push(this.#copy(data, at - start, other.start - start));
      for (const chunk of other.chunks) chunks.push(chunk);
      at = Math.max(at, other.end);
      unionStart = Math.min(unionStart, other.start);
      if (other !== target) this.#recent = this.#recent.filter((island) => island !== other);
    }
    if (at < end) chunks.push(this.#copy(data, at - start, data.length));
    target.start = unionStart;
    target.end = Math.max(at, end);
    target.chunks = chunks;
    this.#islands.splice(first + 1, next - first - 1);
  }

  /** Index of the first island that ends at `position` or later. */
  #firstReaching(position: number): number {
    let low = 0;
    let high = this.#islands.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#islands[middle] as Island).end < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #report(island: Island): void {
    if (this.#recent[0] === island) return;
    this.#recent = [island, ...this.#recent.filter((other) => other !== island)].slice(0, REPORTED);
  }

  #copy(data: Uint8Array, from: number, to: number): Buffer {
    this.#chunks++;
    return Buffer.from(data.subarray(from, to));
  }
}
