import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { rackboxError } from '../base/error-catalogue.ts';

/** Where the app's own files are, whether it runs from sources, from a build, or packaged. */
export interface Installation {
  readonly root: string;
  readonly version: string;
  /** Folder of resources/firmware. */
  readonly firmware: string;
  /** Folder of resources/micro-linux. */
  readonly microLinux: string;
  /** The built page; null when only sources are there. */
  readonly page: string | null;
  /** The module that runs an emulated PC in a worker thread. */
  readonly emulatedWorker: URL;
  /** v86's WebAssembly file. */
  readonly v86Wasm: string;
}

/** Finds the installation that `moduleFolder` (`import.meta.dirname` of the caller) belongs to. */
export function findInstallation(moduleFolder: string): Installation {
  const root = rootAbove(moduleFolder);
  const require = createRequire(join(root, 'package.json'));
  const built = moduleFolder.startsWith(join(root, 'out'));
  const worker = built ? 'out/main/emulated-worker.js' : 'src-main/lab/pcs/emulated/emulated-worker.ts';
  const page = join(root, 'out', 'renderer');
  return {
    root,
    version: versionOf(join(root, 'package.json')),
    firmware: join(root, 'resources', 'firmware'),
    microLinux: join(root, 'resources', 'micro-linux'),
    page: existsSync(join(page, 'index.html')) ? page : null,
    emulatedWorker: pathToFileURL(join(root, worker)),
    v86Wasm: join(dirname(require.resolve('v86')), 'v86.wasm'),
  };
}

function rootAbove(folder: string): string {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, 'resources', 'firmware')) && existsSync(join(at, 'package.json'))) return at;
    if (at === dirname(at)) throw rackboxError('RESOURCE_MISSING', { file: 'resources/firmware' });
  }
}

function versionOf(packageFile: string): string {
  const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string };
  return version;
}
