import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import type { BootFile, BootFiles } from '../ports.ts';

/** Large enough that a gigabyte costs few turns of the event loop, small enough for many clients. */
const READ_BYTES = 512 << 10;

/** A file on the disk as a boot file. */
function diskFile(path: string, size: number): BootFile {
  return { size, open: (start, end) => createReadStream(path, { start, end, highWaterMark: READ_BYTES }) };
}

/** Serves the regular files below `folder`; links that lead out of it are not followed. */
export function folderFiles(folder: string): BootFiles {
  const root = resolve(folder);
  let realRoot: string | null = null;
  return {
    async find(path) {
      const wanted = join(root, path);
      if (!wanted.startsWith(root + sep)) return null;
      try {
        realRoot ??= await realpath(root);
        const real = await realpath(wanted);
        const facts = await stat(real);
        return facts.isFile() && real.startsWith(realRoot + sep) ? diskFile(real, facts.size) : null;
      } catch {
        // Not there, or not ours to read: for a client it does not exist.
        return null;
      }
    },
  };
}
