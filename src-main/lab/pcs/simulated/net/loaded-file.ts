import { createHash, type Hash } from 'node:crypto';

const HEAD_BYTES = 64 << 10;

/** A file that was downloaded: its content has been dropped but for the beginning. */
export interface LoadedFile {
  readonly uri: string;
  readonly bytes: number;
  readonly sha256: string;
  /** The first 64 KiB as text, which is all of any configuration or script. */
  readonly text: string;
}

/** Takes the content of a file as it streams in and keeps what is known of it. */
export class FileSink {
  readonly #uri: string;
  readonly #head: Uint8Array[] = [];
  readonly #hash: Hash = createHash('sha256');
  #headBytes = 0;
  #bytes = 0;

  constructor(uri: string) {
    this.#uri = uri;
  }

  /** `data` is not kept after the call. */
  write(data: Uint8Array): void {
    this.#hash.update(data);
    this.#bytes += data.length;
    if (this.#headBytes >= HEAD_BYTES) return;
    const piece = new Uint8Array(data.subarray(0, HEAD_BYTES - this.#headBytes));
    this.#head.push(piece);
    this.#headBytes += piece.length;
  }

  finish(): LoadedFile {
    return {
      uri: this.#uri,
      bytes: this.#bytes,
      sha256: this.#hash.digest('hex'),
      text: Buffer.concat(this.#head).toString('latin1'),
    };
  }
}

/** True for what no CPU would run: nothing, a web page, a text script. */
export function isProgram({ bytes, text }: LoadedFile): boolean {
  return bytes > 0 && !/^\s*(<(!doctype|html)|#)/i.test(text);
}

/** The last part of a path or URL, without its query. */
export function baseName(uri: string): string {
  return (
    uri
      .replace(/[?#].*$/, '')
      .split(/[/\\]/)
      .pop() ?? ''
  );
}
