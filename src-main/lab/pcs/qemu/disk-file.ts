import { open } from 'node:fs/promises';
import path from 'node:path';
import { rackboxError } from '../../../base/error-catalogue.ts';
import type { ProcessRunner } from '../../../base/process-runner.ts';
import type { DiskSpec } from '../pc.ts';

/**
 * Disks are raw sparse files: they take the space of what was written, and anybody can read them,
 * while the PC runs too. The id names the file.
 */
export function diskFileOf(folder: string, disk: DiskSpec): string {
  return path.join(folder, `${encodeURIComponent(disk.id).replaceAll('.', '%2E')}.disk`);
}

/** Makes the file when it is not there; one that is too short grows, nothing ever shrinks. */
export async function ensureDisk(
  file: string,
  sizeBytes: number,
  runner: ProcessRunner,
  platform: NodeJS.Platform,
): Promise<void> {
  const handle = await open(file, 'a');
  try {
    const { size } = await handle.stat();
    // On NTFS a file is only sparse when told so.
    if (size === 0 && platform === 'win32')
      await runner.run('fsutil', ['sparse', 'setflag', file], { timeoutMs: 5000 });
    if (size < sizeBytes) await handle.truncate(sizeBytes);
  } finally {
    await handle.close();
  }
}

/** Reads from a disk; what lies beyond its end is BAD_ARGUMENT. */
export async function readDiskFile(file: string, offset: number, length: number): Promise<Uint8Array> {
  const handle = await open(file, 'r');
  try {
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
      if (bytesRead === 0) throw beyondEnd(offset, length);
      done += bytesRead;
    }
    return bytes;
  } finally {
    await handle.close();
  }
}

function beyondEnd(offset: number, length: number): Error {
  return rackboxError('BAD_ARGUMENT', {
    what: `The range ${offset}+${length}`,
    problem: 'it ends beyond the disk',
    hint: 'Ask for bytes inside the disk.',
  });
}
