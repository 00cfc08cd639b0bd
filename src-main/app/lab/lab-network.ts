import type { Clock } from '../../base/clock.ts';
import { Disposables } from '../../base/disposable.ts';
import type { ProcessRunner } from '../../base/process-runner.ts';
import type { Random } from '../../base/random.ts';
import { BUILT_IN_OS, BUILT_IN_RELEASE, builtInImages } from '../../domain/images/built-in-image.ts';
import { ImageStore } from '../../domain/images/image-store.ts';
import { createBootDirectory } from '../../domain/machines/boot-directory.ts';
import { openLabSegment } from '../../lab/host/lab-segment.ts';
import { createEmulatedKind } from '../../lab/pcs/emulated/emulated-kind.ts';
import type { PcKind, PcKindName } from '../../lab/pcs/pc.ts';
import { createQemuKind } from '../../lab/pcs/qemu/qemu-kind.ts';
import { createSimulatedKind } from '../../lab/pcs/simulated/simulated-kind.ts';
import { LabSwitch } from '../../lab/switch/switch.ts';
import type { LeaseBook } from '../../netboot/ports.ts';
import { BootWatch } from '../boot-watch.ts';
import type { LabNetwork } from '../configuration.ts';
import type { Installation } from '../installation.ts';
import { type SegmentServices, startSegmentServices } from '../segment-services.ts';
import { LabService } from './lab-service.ts';

export interface LabNetworkOptions {
  readonly network: LabNetwork;
  readonly installation: Installation;
  readonly leaseBook: LeaseBook;
  /** Holds one folder a PC. */
  readonly folder: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly runner: ProcessRunner;
}

/** A lab: the switch, the controller's services on it, and the PCs. */
export interface Lab {
  readonly fabric: LabSwitch;
  readonly service: LabService;
  readonly services: SegmentServices;
  readonly watch: BootWatch;
  dispose(): Promise<void>;
}

/** Whoever is on the lab's switch answers ARP within the process or one turn of a virtual machine. */
const LAB_PROBE_MS = 15;

/** Brings a lab up, without PCs. All or nothing. */
export async function startLab(options: LabNetworkOptions): Promise<Lab> {
  const { network, installation, clock, random, runner } = options;
  const started = new Disposables();
  const fabric = new LabSwitch({ clock, random });
  const watch = new BootWatch();
  try {
    const images = new ImageStore();
    for (const image of await builtInImages(installation.microLinux)) images.add(image);
    const segment = started.add(
      openLabSegment({ name: 'lab', fabric, cidr: network.cidr, address: network.address, clock, random }),
    );
    const services = started.add(
      await startSegmentServices({
        segment,
        pool: network.pool,
        probeTimeoutMs: LAB_PROBE_MS,
        leaseBook: options.leaseBook,
        directory: createBootDirectory({
          images,
          commissioning: { os: BUILT_IN_OS, release: BUILT_IN_RELEASE },
        }),
        images,
        firmwareFolder: installation.firmware,
        watch,
        clock,
      }),
    );
    const service = started.add(
      new LabService({
        fabric,
        kinds: kindsOf(installation),
        folder: options.folder,
        firmwareFolder: installation.firmware,
        watch,
        clock,
        random,
        runner,
      }),
    );
    return { fabric, service, services, watch, dispose: () => started.dispose() };
  } catch (error) {
    await started.dispose();
    throw error;
  }
}

function kindsOf(installation: Installation): ReadonlyMap<PcKindName, PcKind> {
  const kinds = [
    createSimulatedKind(),
    createEmulatedKind({ workerUrl: installation.emulatedWorker, wasmPath: installation.v86Wasm }),
    createQemuKind(),
  ];
  return new Map(kinds.map((kind) => [kind.name, kind]));
}
