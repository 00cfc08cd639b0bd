import type { Ipv4, Mac } from '../../../../base/address.ts';
import type { Clock } from '../../../../base/clock.ts';
import type { Random } from '../../../../base/random.ts';
import type { PcSpec } from '../../pc.ts';
import type { Datasource } from '../disk/boot-record.ts';
import type { SparseDisk } from '../disk/sparse-disk.ts';
import type { HardwareProfile } from '../hardware/profile.ts';
import type { SystemFacts } from '../hardware/resources.ts';
import type { Pace } from '../machine/pace.ts';
import type { HttpClient } from '../net/http-client.ts';

/**
 * Stands in for whatever user-data would do on a real machine. The simulated PC can't run a script, so an agent
 * plays the part of those that it knows (commissioning, an installer).
 */
export interface NodeAgent {
  /** Plays `userData`. May reject only with the signal's reason, when the power goes. */
  run(userData: Uint8Array, context: NodeContext): Promise<AgentResult>;
}

export interface AgentResult {
  readonly ok: boolean;
  /** False keeps the machine up whatever the preseed's power_state says (the script left its blocking file). */
  readonly honoursPowerState: boolean;
}

/** The running system, as a program on it sees it. */
export interface NodeContext {
  readonly spec: PcSpec;
  readonly profile: HardwareProfile;
  /** Kernel command line. */
  readonly commandLine: string;
  readonly system: SystemFacts;
  readonly bootMac: Mac;
  readonly address: Ipv4;
  readonly instanceId: string;
  /** Where the metadata came from, with this node's keys; null without a datasource. */
  readonly datasource: Datasource | null;
  readonly http: HttpClient;
  /** The `Authorization` header for the datasource's server; none without keys. */
  authorization(): Readonly<Record<string, string>>;
  /** Sends a progress event to where the preseed says; does nothing when it does not. */
  report(event: ReportedEvent): Promise<void>;
  readonly disks: readonly SparseDisk[];
  readonly clock: Clock;
  readonly random: Random;
  readonly pace: Pace;
  /** Aborted when the power goes. */
  readonly signal: AbortSignal;
  /** Writes to the screen and the serial line. */
  print(text: string): void;
}

/** A cloud-init reporting event. */
export interface ReportedEvent {
  readonly name: string;
  readonly description: string;
  readonly type: 'start' | 'finish';
  readonly result?: 'SUCCESS' | 'FAIL';
}

/** Runs nothing: says on the console what a real machine would run. */
export const describingAgent: NodeAgent = {
  async run(userData, { print }) {
    const [first = '', ...rest] = new TextDecoder().decode(userData.subarray(0, 4096)).split('\n');
    if (first.startsWith('#!'))
      print(`user-data: a script for ${first.slice(2).trim()}, ${userData.length} bytes\n`);
    else print(`user-data: ${first || 'empty'}, ${userData.length} bytes\n`);
    for (const line of rest.filter((each) => each.trim() !== '').slice(0, 8)) print(`  | ${line}\n`);
    return { ok: true, honoursPowerState: true };
  },
};
