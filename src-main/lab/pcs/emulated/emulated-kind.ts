import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { type Clock, systemClock } from '../../../base/clock.ts';
import { messageOf } from '../../../base/errors.ts';
import type { Availability, DiskSpec, Pc, PcEnvironment, PcKind } from '../pc.ts';
import { EmulatedPc } from './emulated-pc.ts';
import { EmulatorThread, type StartWorker } from './emulator-thread.ts';
import { prepareDisk } from './file-disk.ts';
import { CAPABILITIES, refuseImpossible } from './limits.ts';
import type { MachineConfig } from './messages.ts';

export interface EmulatedKindOptions {
  /** The module that each PC's thread runs; default: `emulated-worker` beside this module, source or bundle. */
  readonly workerUrl?: URL;
  /** v86's WebAssembly file; default: the one of the installed package. */
  readonly wasmPath?: string;
  /** How a thread is started; for tests. */
  readonly startWorker?: StartWorker;
  readonly clock?: Clock;
}

/**
 * PCs on v86, each in a worker thread: no hypervisor, no rights, nothing to install.
 *
 * @example
 * const kind = createEmulatedKind();
 * const pc = await kind.create(spec, environment);
 * await pc.powerOn();
 */
export function createEmulatedKind(options: EmulatedKindOptions = {}): PcKind {
  const workerUrl = options.workerUrl ?? moduleBeside(import.meta.url, 'emulated-worker');
  const startWorker = options.startWorker ?? ((config) => startEmulatorWorker(workerUrl, config));
  const wasm = compileOnce(options.wasmPath);
  let available: Promise<Availability> | null = null;

  return {
    name: 'emulated',
    capabilities: CAPABILITIES,
    async availability() {
      available ??= tryOut(startWorker, wasm, options.clock ?? systemClock);
      const found = await available;
      // What is missing may be installed meanwhile; what works goes on working.
      if (!found.ok) available = null;
      return found;
    },
    async create(spec, environment) {
      refuseImpossible(spec);
      const disks = spec.disks.map((disk) => ({ ...disk, path: diskPath(environment, disk) }));
      for (const disk of disks) prepareDisk(disk.path, disk.sizeBytes);
      return new EmulatedPc(spec, {
        environment,
        startWorker,
        diskPaths: disks.map((disk) => disk.path),
        config: async (bootOrder): Promise<MachineConfig> => ({
          wasm: await wasm(),
          memoryMb: spec.memoryMb,
          machine: {
            mac: spec.nics[0]?.mac ?? 0,
            firmwareFolder: environment.firmwareFolder,
            disks: disks.map(({ path, model, serial, id }) => ({
              path,
              model: model ?? 'Rackbox disk',
              serial: serial ?? id,
            })),
            identity: spec.identity,
            bootOrder,
          },
        }),
      }) satisfies Pc;
    },
  };
}

/** Starts the worker module at `url`; its console output stays off ours. */
export function startEmulatorWorker(url: URL, config: MachineConfig): Worker {
  // The flags of a test runner or debugger are not the thread's.
  return new Worker(url, { workerData: config, execArgv: [], stdout: true, stderr: true });
}

/** The module `name` in the folder of `moduleUrl`, with its extension: `.ts` in sources, `.js` in a bundle. */
export function moduleBeside(moduleUrl: string, name: string): URL {
  const extension = path.posix.extname(new URL(moduleUrl).pathname);
  return new URL(`./${name}${extension}`, moduleUrl);
}

/** Compiles v86's code when first asked; a failure is forgotten, so that asking again tries again. */
function compileOnce(wasmPath: string | undefined): () => Promise<WebAssembly.Module> {
  let compiled: Promise<WebAssembly.Module> | null = null;
  const compile = async () => {
    try {
      const file = wasmPath ?? createRequire(import.meta.url).resolve('v86/build/v86.wasm');
      return await WebAssembly.compile(await readFile(file));
    } catch (error) {
      compiled = null;
      throw error;
    }
  };
  return () => {
    compiled ??= compile();
    return compiled;
  };
}

/** Starts a machine without firmware: the package is there, and looks as we expect. */
async function tryOut(
  startWorker: StartWorker,
  wasm: () => Promise<WebAssembly.Module>,
  clock: Clock,
): Promise<Availability> {
  const ignore = () => undefined;
  const events = { frame: ignore, serial: ignore, guest: ignore, ended: ignore };
  try {
    const config: MachineConfig = { wasm: await wasm(), memoryMb: 16, machine: null };
    const thread = await EmulatorThread.start(startWorker, config, events, clock);
    await thread.stop();
    return { ok: true, detail: 'v86, one thread for each PC' };
  } catch (error) {
    return { ok: false, problem: messageOf(error), hint: 'Reinstall Rackbox.' };
  }
}

function diskPath(environment: PcEnvironment, disk: DiskSpec): string {
  return path.join(environment.folder, `${disk.id}.img`);
}
