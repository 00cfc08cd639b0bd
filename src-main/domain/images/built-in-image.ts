import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rackboxError } from '../../base/error-catalogue.ts';
import type { BootImage, ImageFile } from './image-store.ts';

export const BUILT_IN_OS = 'micro-linux';
export const BUILT_IN_RELEASE = 'built-in';
/** The flavour whose kernel the distribution signed: the only one that Secure Boot starts. */
export const SIGNED = 'signed';

/** The part of `resources/micro-linux/MANIFEST.json` that is needed here. */
interface Manifest {
  /** What a loader should add to the kernel's command line, by folder. */
  readonly kernelOptions: Readonly<Record<string, string>>;
  readonly outputs: readonly { readonly path: string; readonly sha256: string; readonly sizeBytes: number }[];
}

const NAMES = ['boot-kernel', 'boot-initrd'] as const;

/** The boot image that comes with the app, for each architecture and kernel flavour that its manifest names. */
export async function builtInImages(folder: string): Promise<BootImage[]> {
  const manifestPath = join(folder, 'MANIFEST.json');
  let manifest: Manifest;
  try {
    manifest = JSON.parse(await readFile(manifestPath, 'utf8'));
  } catch (error) {
    throw rackboxError('RESOURCE_MISSING', { file: manifestPath }, error);
  }
  const folders = new Set(manifest.outputs.map(({ path }) => path.split('/', 1)[0] ?? ''));
  return [...folders].map((name) => {
    // "amd64" or "amd64-signed": architecture, then kernel flavour.
    const [arch = '', subarch = 'generic'] = name.split('-');
    return {
      ...{ os: BUILT_IN_OS, release: BUILT_IN_RELEASE, arch, subarch, label: 'stable' },
      kernelOptions: (manifest.kernelOptions[name] ?? '').split(' ').filter(Boolean),
      files: NAMES.map((file): ImageFile => {
        const output = manifest.outputs.find(({ path }) => path === `${name}/${file}`);
        if (!output) throw rackboxError('RESOURCE_MISSING', { file: join(folder, name, file) });
        return {
          name: file,
          sha256: output.sha256,
          sizeBytes: output.sizeBytes,
          path: join(folder, name, file),
        };
      }),
    };
  });
}
