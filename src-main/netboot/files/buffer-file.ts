import { Readable } from 'node:stream';
import type { BootFile } from '../ports.ts';

/** A file that is held in memory: a rendered configuration, or nothing at all. */
export function bufferFile(content: string | Uint8Array): BootFile {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return {
    size: bytes.length,
    open: (start, end) => Readable.from([bytes.subarray(start, end + 1)], { objectMode: false }),
  };
}
