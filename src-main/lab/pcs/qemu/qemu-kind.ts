import { type Clock, systemClock } from '../../../base/clock.ts';
import { rackboxError } from '../../../base/error-catalogue.ts';
import type { ProcessRunner } from '../../../base/process-runner.ts';
import type { Availability, Pc, PcCapabilities, PcEnvironment, PcKind, PcSpec } from '../pc.ts';
import { NIC_DEVICES, usesOwnNetworkStack } from './command-line.ts';
import { type Host, thisHost } from './host.ts';
import {
  findInstallation,
  type Installation,
  type InstallationChoices,
  type NoInstallation,
} from './installation.ts';
import { endOrphan } from './orphan-guard.ts';
import { QemuPc } from './qemu-pc.ts';

export interface QemuKindOptions extends InstallationChoices {
  readonly host?: Host;
  readonly clock?: Clock;
  /** `stream` (the default) loses no frame; `dgram` is what libvirt and VirtualBox PCs have. */
  readonly cable?: 'stream' | 'dgram';
}

const CAPABILITIES: PcCapabilities = {
  firmwares: ['bios', 'uefi', 'uefi-pxe', 'uefi-http', 'uefi-secure'],
  nicModels: nicModels(),
  maxNics: 8,
  maxDisks: 6,
  maxCpus: 16,
  memoryMb: { min: 64, max: 65_536, usual: 1024 },
  honestly:
    'A virtual machine of QEMU: real firmware and any operating system, at full speed only where the processor’s virtualization works.',
};
/** Somebody may install QEMU, or load the kernel's module, while the app runs. */
const LOOK_AGAIN_AFTER_MS = 10 * 60_000;

/** PCs run by a QEMU process each. */
export function createQemuKind(options: QemuKindOptions = {}): PcKind {
  const host = options.host ?? thisHost;
  const clock = options.clock ?? systemClock;
  let known: { at: number; found: Promise<Installation | NoInstallation> } | null = null;

  const installation = (runner: ProcessRunner) => {
    if (!known || clock.now() - known.at > LOOK_AGAIN_AFTER_MS)
      known = { at: clock.now(), found: findInstallation(host, runner, clock, options) };
    return known.found;
  };

  return {
    name: 'qemu',
    capabilities: CAPABILITIES,

    async availability(runner): Promise<Availability> {
      const found = await installation(runner);
      if ('problem' in found) {
        known = null;
        return { ok: false, problem: found.problem, hint: found.hint };
      }
      return { ok: true, detail: found.detail };
    },

    prepare: (runner) => installation(runner).then(() => undefined),

    async create(spec: PcSpec, environment: PcEnvironment): Promise<Pc> {
      checkSpec(spec);
      await endOrphan(environment.folder, environment.runner, host.platform, environment.clock);
      return new QemuPc(spec, environment, {
        host,
        cable: options.cable ?? 'stream',
        installation: () => installation(environment.runner),
      });
    },
  };
}

function checkSpec(spec: PcSpec): void {
  const { maxCpus, maxNics, maxDisks, memoryMb, firmwares, nicModels: models } = CAPABILITIES;
  const limits: readonly (readonly [broken: boolean, what: string, hint: string])[] = [
    [!firmwares.includes(spec.firmware), `the firmware ${spec.firmware}`, `Choose ${firmwares.join(', ')}.`],
    [
      spec.cpus < 1 || spec.cpus > maxCpus,
      `${spec.cpus} processors`,
      `Between 1 and ${maxCpus} are possible.`,
    ],
    [
      spec.memoryMb < memoryMb.min || spec.memoryMb > memoryMb.max,
      `${spec.memoryMb} MB of memory`,
      `Between ${memoryMb.min} and ${memoryMb.max} MB are possible.`,
    ],
    [spec.nics.length > maxNics, `${spec.nics.length} network cards`, `At most ${maxNics} are possible.`],
    [spec.disks.length > maxDisks, `${spec.disks.length} disks`, `At most ${maxDisks} are possible.`],
  ];
  for (const [broken, what, hint] of limits)
    if (broken) throw rackboxError('PC_UNSUPPORTED', { kind: 'qemu', what, hint });
  for (const { model } of spec.nics) {
    if (model !== undefined && !models.includes(model))
      throw unsupportedNic(model, `Choose ${models.join(', ')}.`);
    // OVMF's own drivers know virtio; the rest boots by iPXE in the option ROM.
    if (model !== undefined && model !== 'virtio' && usesOwnNetworkStack(spec.firmware))
      throw unsupportedNic(
        `${model} with the firmware ${spec.firmware}`,
        'Choose virtio, or the firmware "uefi".',
      );
  }
}

function unsupportedNic(what: string, hint: string): Error {
  return rackboxError('PC_UNSUPPORTED', { kind: 'qemu', what: `a network card ${what}`, hint });
}

function nicModels(): readonly [string, ...string[]] {
  const [first = 'virtio', ...others] = Object.keys(NIC_DEVICES);
  return [first, ...others];
}
