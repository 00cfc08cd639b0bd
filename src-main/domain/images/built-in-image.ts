import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rackboxError } from '../../base/error-catalogue.ts';
import type { BootImage, ImageFile } from './image-store.ts';

export const BUILT_IN_OS = 'micro-linux';
export const BUILT_IN_RELEASE = 'built-in';

/** The part of `resources/micro-linux/MANIFEST.json` that is needed here. */
interface Manifest {
  readonly outputs: readonly { readonly path: string; readonly sha256: string; readonly sizeBytes: number }[];
}

const NAMES = ['boot-kernel', 'boot-initrd'] as const;

/** The boot image that comes with the app, for each architecture that its manifest names. */
export async function builtInImages(folder: string): Promise<BootImage[]> {
  const manifestPath = join(folder, 'MANIFEST.json');
  let manifest: Manifest;
  try {
    manifest = JSON.parse(await readFile(manifestPath, 'utf8'));
  } catch (error) {
    throw rackboxError('RESOURCE_MISSING', { file: manifestPath }, error);
  }
  const arches = new Set(manifest.outputs.map(({ path }) => path.split('/', 1)[0] ?? ''));
  return [...arches].map((arch) => ({
    os: BUILT_IN_OS,
    release: BUILT_IN_RELEASE,
    arch,
    subarch: 'generic',
    label: 'stable',
    files: NAMES.map((name): ImageFile => {
      const output = manifest.outputs.find(({ path }) => path === `${arch}/${name}`);
      if (!output) throw rackboxError('RESOURCE_MISSING', { file: join(folder, arch, name) });
      return { name, sha256: output.sha256, sizeBytes: output.sizeBytes, path: join(folder, arch, name) };
    }),
  }));
}
