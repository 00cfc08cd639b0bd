import { type FileHandle, open } from 'node:fs/promises';
import { rackboxError } from '../../base/error-catalogue.ts';
import { messageOf } from '../../base/errors.ts';
import { encodePcapHeader, encodePcapRecord } from '../../protocol/pcap.ts';

/** Frames that wait for a slow disk; beyond it they are dropped and counted. */
const MAX_WAITING_BYTES = 32 << 20;

/**
 * A capture file that grows. As long as the disk keeps up, a frame is on its way to it as soon as it was seen, and
 * between writes the file ends with a whole record: it can be read while it grows. Only who reads during a write
 * may find the last record incomplete, as in the files of other capture programs.
 */
export class PcapFile {
  readonly #handle: FileHandle;
  readonly #path: string;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> | null = null;
  #closed = false;
  #failure: unknown = null;
  #dropped = 0;

  private constructor(handle: FileHandle, path: string) {
    this.#handle = handle;
    this.#path = path;
  }

  /** Creates or replaces the file, with its header in it. Rejects with CAPTURE_FAILED. */
  static async create(path: string): Promise<PcapFile> {
    try {
      const handle = await open(path, 'w');
      await writeWhole(handle, encodePcapHeader());
      return new PcapFile(handle, path);
    } catch (error) {
      throw captureFailed(path, error);
    }
  }

  /** Frames that were not written: the disk was too slow or failed. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Adds a frame, copied. `wallMs`: milliseconds since 1970, fractions welcome. */
  write(wallMs: number, frame: Uint8Array): void {
    if (this.#closed || this.#failure !== null || this.#waitingBytes >= MAX_WAITING_BYTES) {
      this.#dropped++;
      return;
    }
    const record = encodePcapRecord(wallMs, frame);
    this.#waiting.push(record);
    this.#waitingBytes += record.length;
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when everything seen up to now is in the file. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  /** Writes what waits and closes. Rejects with CAPTURE_FAILED when anything could not be written. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#writing;
    await this.#handle.close();
    if (this.#failure !== null) throw captureFailed(this.#path, this.#failure);
  }

  async #writeAll(): Promise<void> {
    // What else is seen in this turn of the event loop goes along.
    await null;
    try {
      while (this.#waiting.length > 0) {
        const batch = Buffer.concat(this.#waiting);
        this.#waiting = [];
        this.#waitingBytes = 0;
        await writeWhole(this.#handle, batch);
      }
    } catch (error) {
      this.#failure = error;
      this.#dropped += this.#waiting.length;
      this.#waiting = [];
    }
    this.#writing = null;
  }
}

async function writeWhole(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) done += (await handle.write(bytes, done)).bytesWritten;
}

function captureFailed(file: string, cause: unknown): Error {
  return rackboxError('CAPTURE_FAILED', { file, problem: messageOf(cause) }, cause);
}
