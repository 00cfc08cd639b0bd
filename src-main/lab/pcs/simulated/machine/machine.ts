import type { Clock } from '../../../../base/clock.ts';
import type { Random } from '../../../../base/random.ts';
import type { BootDevice, PcSpec } from '../../pc.ts';
import type { Terminal } from '../console/terminal.ts';
import type { BootRecord } from '../disk/boot-record.ts';
import type { SparseDisk } from '../disk/sparse-disk.ts';
import type { HardwareProfile } from '../hardware/profile.ts';
import type { NicDevice } from '../net/nic-device.ts';
import type { NodeAgent } from '../os/node-agent.ts';
import type { Pace } from './pace.ts';

/** Where a simulated PC is between power-on and login, in the order of a network boot. */
export type SimulatedStep =
  | 'post'
  | 'dhcp'
  | 'loader'
  | 'config'
  | 'kernel'
  | 'initrd'
  | 'linux'
  | 'os-dhcp'
  | 'preseed'
  | 'metadata'
  | 'userdata'
  | 'login';

/** A step that begins or, with facts on what came of it, has been done. */
export interface StepEvent {
  readonly step: SimulatedStep;
  readonly detail: Readonly<Record<string, string | number>>;
}

/** What is wrong with a simulated PC, for tests and exercises. Everything absent: nothing. */
export interface SimulatedFaults {
  /** It stops dead at this step, as a machine that hangs. */
  readonly stopsAt?: SimulatedStep;
  /** What the self-test finds of the memory, where modules are bad. */
  readonly memoryMb?: number;
  /** Disks that do not answer, by index. */
  readonly deadDisks?: readonly number[];
}

/** A PC between power-on and power-off: what its firmware and its system run on. */
export interface Machine {
  readonly spec: PcSpec;
  readonly profile: HardwareProfile;
  readonly faults: SimulatedFaults;
  readonly clock: Clock;
  readonly random: Random;
  readonly pace: Pace;
  /** Aborted when the power goes: whoever waits stops waiting. */
  readonly signal: AbortSignal;
  readonly terminal: Terminal;
  readonly nics: readonly NicDevice[];
  readonly disks: readonly SparseDisk[];
  readonly agent: NodeAgent;
  /** As it is set now. */
  bootOrder(): readonly BootDevice[];
  /** Enters a step. Never resolves when the machine is to stop there; rejects when the power goes. */
  step(step: SimulatedStep, detail?: StepEvent['detail']): Promise<void>;
}

/** What a disk holds that can be started. */
export interface BootDisk {
  readonly index: number;
  /** Null for a boot sector that is not one of ours. */
  readonly record: BootRecord | null;
}

/** Waits for the power to go. */
export function hang(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
