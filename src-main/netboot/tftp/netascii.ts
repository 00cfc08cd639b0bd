import { Transform } from 'node:stream';
import type { BootFile } from '../ports.ts';

/**
 * Netascii, the text mode of TFTP (RFC 764's NVT): LF travels as CR LF and CR as CR NUL. The client turns it
 * back, so serving raw bytes would damage any file that holds a CR; `tftp` of tftp-hpa asks for it by default.
 */

const LF = 10;
const CR = 13;

/** The netascii form of some bytes; stateless, so chunks may be converted one by one. */
export function toNetascii(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length + countBreaks(bytes));
  let at = 0;
  for (const byte of bytes) {
    if (byte === LF) out[at++] = CR;
    out[at++] = byte;
    if (byte === CR) out[at++] = 0;
  }
  return out;
}

/** `file` as netascii. It is read once to learn the size, which `tsize` and the last block depend on. */
export async function netasciiFile(file: BootFile): Promise<BootFile> {
  let size = file.size;
  if (size > 0) for await (const chunk of file.open(0, file.size - 1)) size += countBreaks(chunk);
  return {
    size,
    open: () => {
      const source = file.open(0, file.size - 1);
      const converter = new Transform({
        transform: (chunk: Uint8Array, _encoding, done) => done(null, toNetascii(chunk)),
        destroy: (error, done) => {
          source.destroy();
          done(error);
        },
      });
      source.on('error', (error) => converter.destroy(error));
      return source.pipe(converter);
    },
  };
}

function countBreaks(bytes: Uint8Array): number {
  let count = 0;
  for (const byte of bytes) if (byte === LF || byte === CR) count++;
  return count;
}
