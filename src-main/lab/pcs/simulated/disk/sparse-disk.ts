import { type FileHandle, open } from 'node:fs/promises';

const PAGE = 4096;
const HEADER = 8;
/** Each record is the page's number (64 bit, little-endian) and its bytes. */
const RECORD = HEADER + PAGE;

/**
 * A disk of any size in a file that holds only the pages ever written, one record each, in the order in which
 * they were first written; a page written again stays where it is. Unlike a sparse file it is small on every
 * file system. The file is opened at the first access and made at the first write.
 */
export class SparseDisk {
  readonly sizeBytes: number;
  readonly #path: string;
  readonly #slots = new Map<number, number>();
  #file: FileHandle | null = null;
  #nextSlot = 0;
  /** There is no file yet, so there is nothing to read. */
  #absent = false;
  /** Each access waits for the one before. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(path: string, sizeBytes: number) {
    this.#path = path;
    this.sizeBytes = sizeBytes;
  }

  /** Bytes from `offset` on; what was never written, or lies behind the end, is zero. */
  read(offset: number, length: number): Promise<Uint8Array> {
    return this.#inOrder(async () => {
      const bytes = new Uint8Array(Math.max(0, length));
      const file = this.#absent ? null : await this.#open('r+');
      for (const { page, from, at, count } of file ? pagesOf(offset, bytes.length) : []) {
        const slot = this.#slots.get(page);
        if (slot !== undefined) await file?.read(bytes, at, count, slot * RECORD + HEADER + from);
      }
      return bytes;
    });
  }

  /** Writes `data` at `offset`; resolves when the operating system has it. What lies behind the end is dropped. */
  write(offset: number, data: Uint8Array): Promise<void> {
    const bytes = new Uint8Array(data.subarray(0, Math.max(0, this.sizeBytes - offset)));
    return this.#inOrder(async () => {
      const file = (await this.#open('r+')) ?? (await this.#open('w+'));
      for (const { page, from, at, count } of file ? pagesOf(offset, bytes.length) : []) {
        const slot = this.#slots.get(page);
        const record = new Uint8Array(slot === undefined ? RECORD : count);
        record.set(bytes.subarray(at, at + count), slot === undefined ? HEADER + from : 0);
        if (slot === undefined) new DataView(record.buffer).setBigUint64(0, BigInt(page), true);
        const position = slot === undefined ? this.#nextSlot * RECORD : slot * RECORD + HEADER + from;
        await file?.write(record, 0, record.length, position);
        if (slot === undefined) this.#slots.set(page, this.#nextSlot++);
      }
    });
  }

  /** Closes the file; a later access opens it again. */
  close(): Promise<void> {
    return this.#inOrder(async () => {
      const file = this.#file;
      this.#file = null;
      await file?.close();
    });
  }

  /** Opens the file and reads which pages it has; null when there is none yet. */
  async #open(flags: 'r+' | 'w+'): Promise<FileHandle | null> {
    if (this.#file) return this.#file;
    try {
      this.#file = await open(this.#path, flags);
    } catch (error) {
      this.#absent = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (this.#absent) return null;
      throw error;
    }
    this.#absent = false;
    this.#slots.clear();
    const { size } = await this.#file.stat();
    const header = new Uint8Array(HEADER);
    // A record torn by a crash at the end is not counted, so it is written over.
    this.#nextSlot = Math.floor(size / RECORD);
    for (let slot = 0; slot < this.#nextSlot; slot++) {
      await this.#file.read(header, 0, HEADER, slot * RECORD);
      this.#slots.set(Number(new DataView(header.buffer).getBigUint64(0, true)), slot);
    }
    return this.#file;
  }

  #inOrder<T>(access: () => Promise<T>): Promise<T> {
    const result = this.#last.then(access);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

/** The pieces of a range, page by page: `count` bytes from `from` in `page`, `at` in the range. */
function* pagesOf(offset: number, length: number) {
  for (let at = 0; at < length; ) {
    const from = (offset + at) % PAGE;
    const count = Math.min(PAGE - from, length - at);
    yield { page: Math.floor((offset + at) / PAGE), from, at, count };
    at += count;
  }
}
