import { readFile, rename, writeFile } from 'node:fs/promises';
import { rackboxError } from '../../base/error-catalogue.ts';
import { messageOf } from '../../base/errors.ts';
import type { PcRequest } from './pc-defaults.ts';

/** What a lab is made of, as it is kept and shared. */
export interface LabFile {
  readonly version: 1;
  readonly pcs: readonly PcRequest[];
}

/** What a person finds at the first start: nothing to download, nothing to install. */
const DEFAULT_LAB_FILE: LabFile = {
  version: 1,
  pcs: [
    { kind: 'simulated', name: 'pc1', timeScale: 1 },
    { kind: 'simulated', name: 'pc2', firmware: 'uefi-pxe', timeScale: 1 },
    { kind: 'emulated', name: 'pc3' },
  ],
};

/** Reads a lab file; the default lab when there is none yet, which is then written. Throws LAB_FILE_INVALID. */
export async function openLabFile(path: string): Promise<LabFile> {
  let content: string;
  try {
    content = await readFile(path, 'utf8');
  } catch {
    await saveLabFile(path, DEFAULT_LAB_FILE);
    return DEFAULT_LAB_FILE;
  }
  return parseLabFile(content, path);
}

export function parseLabFile(content: string, path: string): LabFile {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (error) {
    throw rackboxError('LAB_FILE_INVALID', { file: path, problem: messageOf(error) }, error);
  }
  const file = value as Partial<LabFile> | null;
  if (typeof file !== 'object' || file === null || typeof file.version !== 'number')
    throw rackboxError('LAB_FILE_INVALID', { file: path, problem: 'it has no version' });
  if (file.version !== 1)
    throw rackboxError('LAB_FILE_INVALID', {
      file: path,
      problem: `it is of version ${file.version}, this app knows version 1`,
    });
  if (!Array.isArray(file.pcs) || !file.pcs.every(isPcRequest))
    throw rackboxError('LAB_FILE_INVALID', {
      file: path,
      problem: 'its "pcs" are not a list of PCs with a kind and a name',
    });
  return file as LabFile;
}

/** Writes the whole file or nothing. */
async function saveLabFile(path: string, file: LabFile): Promise<void> {
  await writeFile(`${path}.new`, `${JSON.stringify(file, null, 2)}\n`);
  await rename(`${path}.new`, path);
}

function isPcRequest(value: unknown): value is PcRequest {
  const pc = value as PcRequest | null;
  // The name becomes a folder's name.
  return (
    typeof pc === 'object' &&
    pc !== null &&
    typeof pc.kind === 'string' &&
    /^[\w][\w.-]{0,62}$/.test(String(pc.name))
  );
}
