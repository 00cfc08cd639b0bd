import type { Readable } from 'node:stream';
import type { BootFile } from '../ports.ts';

interface Chunk {
  readonly start: number;
  readonly bytes: Uint8Array;
}

/** Read ahead at least this much, so that the disk is asked in large pieces. */
const LEAST_AHEAD_BYTES = 128 << 10;

/**
 * The bytes of a file between the client's last ACK and a few windows ahead. Reading is asynchronous in large
 * chunks; `copy` is synchronous, so a window is sent without waiting in between.
 */
export class BlockSource {
  readonly #size: number;
  readonly #aheadBytes: number;
  readonly #stream: Readable | null;
  readonly #onReady: () => void;
  #chunks: Chunk[] = [];
  #released = 0;
  #end = 0;

  /**
   * Opens `file`. `onReady` is called whenever more has been read; `onFailure` when reading fails or the file is
   * shorter than it said.
   */
  constructor(
    file: BootFile,
    windowBytes: number,
    onReady: () => void,
    onFailure: (problem: string) => void,
  ) {
    this.#size = file.size;
    this.#aheadBytes = Math.max(LEAST_AHEAD_BYTES, 2 * windowBytes);
    this.#onReady = onReady;
    this.#stream = file.size === 0 ? null : file.open(0, file.size - 1);
    this.#stream?.on('readable', () => this.#pull() && this.#onReady());
    this.#stream?.on('error', (error) => onFailure(error.message));
    this.#stream?.on('end', () => {
      if (this.#end < this.#size) onFailure(`ended after ${this.#end} of ${this.#size} bytes`);
    });
  }

  /** True when all bytes before `end` (or the file's end) are at hand. */
  has(end: number): boolean {
    const wanted = Math.min(end, this.#size);
    if (this.#end < wanted) this.#pull();
    return this.#end >= wanted;
  }

  /** Copies bytes `start` to `end` (exclusive, cut at the file's end) into `target`; returns how many. */
  copy(target: Uint8Array, offset: number, start: number, end: number): number {
    const last = Math.min(end, this.#size);
    let at = start;
    for (const chunk of this.#chunks) {
      if (at >= last) break;
      const from = at - chunk.start;
      if (from >= chunk.bytes.length) continue;
      const to = Math.min(last - chunk.start, chunk.bytes.length);
      target.set(chunk.bytes.subarray(from, to), offset + at - start);
      at += to - from;
    }
    return at - start;
  }

  /** Forgets the bytes before `start` and reads on. */
  release(start: number): void {
    this.#released = start;
    for (let first = this.#chunks[0]; first; first = this.#chunks[0]) {
      if (first.start + first.bytes.length > start) break;
      this.#chunks.shift();
    }
    this.#pull();
  }

  dispose(): void {
    this.#chunks = [];
    this.#stream?.destroy();
  }

  #pull(): boolean {
    if (!this.#stream || this.#end - this.#released >= this.#aheadBytes) return false;
    const bytes: Uint8Array | null = this.#stream.read();
    if (bytes === null) return false;
    this.#chunks.push({ start: this.#end, bytes });
    this.#end += bytes.length;
    return true;
  }
}
