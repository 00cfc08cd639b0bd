import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import type { DiskBuffer } from './v86-internals.ts';

/**
 * A disk of the emulated PC: a sparse file, read and written in place and at once. The emulator has a
 * thread of its own, so waiting for the page cache hurts nobody; nothing is held in memory, and what the
 * guest has written survives the end of the thread and of the process.
 */
export class FileDisk implements DiskBuffer {
  readonly byteLength: number;
  onload: ((event: object) => void) | undefined = undefined;
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, 'r+');
    this.byteLength = fstatSync(this.#file).size;
  }

  load(): void {
    this.onload?.({});
  }

  get(start: number, length: number, done: (data: Uint8Array) => void): void {
    done(this.get_from_cache(start, length));
  }

  get_and_cache(start: number, length: number, done: (data: Uint8Array) => void): void {
    this.get(start, length, done);
  }

  get_from_cache(start: number, length: number): Uint8Array {
    const data = new Uint8Array(length);
    for (let got = 0; got < length; ) {
      const more = readSync(this.#file, data, got, length - got, start + got);
      if (more === 0) break;
      got += more;
    }
    return data;
  }

  set(start: number, data: Uint8Array, done: () => void): void {
    for (let put = 0; put < data.length; )
      put += writeSync(this.#file, data, put, data.length - put, start + put);
    done();
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** Makes the disk's file, or makes it as long as it should be; never shorter, so nothing is lost. */
export function prepareDisk(path: string, sizeBytes: number): void {
  const file = openSync(path, 'a+', 0o600);
  try {
    if (fstatSync(file).size < sizeBytes) ftruncateSync(file, sizeBytes);
  } finally {
    closeSync(file);
  }
}
