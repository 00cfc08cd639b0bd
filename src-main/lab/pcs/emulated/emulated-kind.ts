import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { type Clock, systemClock } from '../../../base/clock.ts';
import { rackboxError } from '../../../base/error-catalogue.ts';
import { messageOf } from '../../../base/errors.ts';
import type { Availability, DiskSpec, Pc, PcCapabilities, PcEnvironment, PcKind, PcSpec } from '../pc.ts';
import { EmulatedPc } from './emulated-pc.ts';
import { EmulatorThread, type StartWorker } from './emulator-thread.ts';
import { prepareDisk } from './file-disk.ts';
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

const CAPABILITIES: PcCapabilities = {
  firmwares: ['bios'],
  nicModels: ['ne2k'],
  maxNics: 1,
  maxDisks: 2,
  maxCpus: 1,
  memoryMb: { min: 32, max: 1792, usual: 128 },
  honestly:
    'A 32-bit PC with a BIOS, one processor, one network card and less than 2 GB of memory, emulated in ' +
    'software: it runs real firmware and i386 systems, never a 64-bit one.',
};

/** v86 counts sectors in 31 bits. */
const MAX_DISK_BYTES = 2 ** 40 - 512;
const SECTOR = 512;

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

function compileOnce(wasmPath: string | undefined): () => Promise<WebAssembly.Module> {
  let compiled: Promise<WebAssembly.Module> | null = null;
  return () => {
    compiled ??= (async () => {
      const file = wasmPath ?? createRequire(import.meta.url).resolve('v86/build/v86.wasm');
      return WebAssembly.compile(await readFile(file));
    })();
    compiled.catch(() => {
      compiled = null;
    });
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

/** Throws PC_UNSUPPORTED for what no emulated PC can be. */
function refuseImpossible(spec: PcSpec): void {
  const { memoryMb } = CAPABILITIES;
  const refuse = (what: string, hint: string) => {
    throw rackboxError('PC_UNSUPPORTED', { kind: 'emulated', what, hint });
  };
  if (!CAPABILITIES.firmwares.includes(spec.firmware)) refuse(`${spec.firmware} firmware`, 'It has a BIOS.');
  if (spec.cpus !== 1) refuse(`${spec.cpus} processors`, 'It has one.');
  if (spec.memoryMb < memoryMb.min || spec.memoryMb > memoryMb.max)
    refuse(`${spec.memoryMb} MB of memory`, `It takes ${memoryMb.min} to ${memoryMb.max} MB.`);
  if (spec.nics.length !== 1) refuse(`${spec.nics.length} network cards`, 'It has one.');
  const model = spec.nics[0]?.model ?? 'ne2k';
  if (!CAPABILITIES.nicModels.includes(model)) refuse(`a ${model} network card`, 'It has an NE2000.');
  if (spec.disks.length > CAPABILITIES.maxDisks) refuse(`${spec.disks.length} disks`, 'It takes two.');
  for (const { id, sizeBytes } of spec.disks) {
    if (!/^[\w-][\w.-]*$/.test(id)) refuse(`a disk named "${id}"`, 'Use letters, digits, "-", "_" and ".".');
    if (sizeBytes < SECTOR || sizeBytes > MAX_DISK_BYTES || sizeBytes % SECTOR !== 0)
      refuse(`a disk of ${sizeBytes} bytes`, 'Choose whole sectors of 512 bytes, less than 1 TiB.');
  }
}

function diskPath(environment: PcEnvironment, disk: DiskSpec): string {
  return path.join(environment.folder, `${disk.id}.img`);
}
