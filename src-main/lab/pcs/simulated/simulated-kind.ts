import { rackboxError } from '../../../base/error-catalogue.ts';
import type { PcCapabilities, PcKind, PcSpec } from '../pc.ts';
import { hardwareProfile, hardwareProfiles } from './hardware/catalogue.ts';
import type { SimulatedFaults } from './machine/machine.ts';
import { describingAgent, type NodeAgent } from './os/node-agent.ts';
import { SimulatedPc } from './simulated-pc.ts';

export interface SimulatedKindOptions {
  /** Plays user-data; without one it is only described on the console. */
  readonly agent?: NodeAgent;
  /** What is wrong with a PC, asked when it is made. */
  readonly faults?: (spec: PcSpec) => SimulatedFaults;
}

export interface SimulatedKind extends PcKind {
  create(...args: Parameters<PcKind['create']>): Promise<SimulatedPc>;
}

const CAPABILITIES: PcCapabilities = {
  firmwares: ['bios', 'uefi', 'uefi-pxe', 'uefi-http', 'uefi-secure'],
  nicModels: ['profile'],
  maxNics: 8,
  maxDisks: 24,
  maxCpus: 512,
  memoryMb: { min: 64, max: 4 << 20, usual: 4096 },
  honestly:
    'A simulated PC talks to the network exactly as a real one does, but runs no code: kernels and scripts are downloaded, not executed.',
};

/** PCs played in TypeScript: cheap by the hundred, on any machine. */
export function createSimulatedKind(options: SimulatedKindOptions = {}): SimulatedKind {
  return {
    name: 'simulated',
    capabilities: CAPABILITIES,
    availability: () => Promise.resolve({ ok: true, detail: 'runs anywhere' }),
    create(spec, environment) {
      try {
        check(spec);
      } catch (error) {
        return Promise.reject(error);
      }
      const parts = { agent: options.agent ?? describingAgent, faults: options.faults?.(spec) ?? {} };
      return Promise.resolve(new SimulatedPc(spec, environment, parts));
    },
  };
}

/** Throws PC_UNSUPPORTED for what a simulated PC can't be. */
function check(spec: PcSpec): void {
  const { memoryMb, maxCpus, maxDisks, maxNics, firmwares } = CAPABILITIES;
  const refuse = (what: string, hint: string) =>
    rackboxError('PC_UNSUPPORTED', { kind: 'simulated', what, hint });
  if (spec.cpus < 1 || spec.cpus > maxCpus)
    throw refuse(`${spec.cpus} CPUs`, `1 to ${maxCpus} are possible.`);
  if (spec.memoryMb < memoryMb.min || spec.memoryMb > memoryMb.max)
    throw refuse(`${spec.memoryMb} MB of memory`, `${memoryMb.min} to ${memoryMb.max} MB are possible.`);
  if (spec.nics.length > maxNics) throw refuse(`${spec.nics.length} NICs`, `At most ${maxNics}.`);
  if (spec.disks.length > maxDisks) throw refuse(`${spec.disks.length} disks`, `At most ${maxDisks}.`);
  if (new Set(spec.disks.map(({ id }) => id)).size < spec.disks.length)
    throw refuse('two disks of one id', 'Give each disk an id of its own.');
  if (!firmwares.includes(spec.firmware))
    throw refuse(`${spec.firmware} firmware`, `It can have: ${firmwares.join(', ')}.`);
  if (spec.profile !== undefined && !hardwareProfile(spec.profile))
    throw refuse(
      `the profile ${spec.profile}`,
      `There are: ${hardwareProfiles()
        .map(({ name }) => name)
        .join(', ')}.`,
    );
}
