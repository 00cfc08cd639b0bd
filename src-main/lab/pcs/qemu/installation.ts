import type { Clock } from '../../../base/clock.ts';
import { messageOf } from '../../../base/errors.ts';
import type { ProcessRunner } from '../../../base/process-runner.ts';
import { type Acceleration, chooseAcceleration, probeAccelerations } from './acceleration.ts';
import { type Host, installHint, programCandidates } from './host.ts';
import { findOrphanGuard, type OrphanGuard } from './orphan-guard.ts';
import { formatVersion, isAtLeast, parseQemuVersion, type QemuVersion } from './version.ts';

/** The QEMU of this machine, and how it runs best. */
export interface Installation {
  readonly program: string;
  readonly version: QemuVersion;
  readonly acceleration: Acceleration;
  readonly guard: OrphanGuard;
  /** For people: version, acceleration, and why not a faster one. */
  readonly detail: string;
}

export interface NoInstallation {
  readonly problem: string;
  readonly hint: string;
}

export interface InstallationChoices {
  /** Takes the place of the search. */
  readonly program?: string;
  /** Takes the place of the probe. */
  readonly acceleration?: Acceleration;
}

/** Looks for QEMU and tries it out: a second where hardware acceleration works or is absent, ten at worst. */
export async function findInstallation(
  host: Host,
  runner: ProcessRunner,
  clock: Clock,
  choices: InstallationChoices = {},
): Promise<Installation | NoInstallation> {
  const found = await findProgram(host, runner, choices.program);
  if (!found) return { problem: 'QEMU was not found', hint: installHint(host.platform) };
  const { program, version } = found;
  if (!isAtLeast(version, 5, 0))
    return {
      problem: `QEMU ${formatVersion(version)} is too old`,
      hint: `Version 5.0 is the oldest that works. ${installHint(host.platform)}`,
    };
  const guard = await findOrphanGuard(runner, host.platform);
  const choice = choices.acceleration
    ? { acceleration: choices.acceleration, detail: '' }
    : await tryOut(runner, program, host.platform, clock);
  if ('problem' in choice) return choice;
  const { acceleration } = choice;
  const how = acceleration === 'tcg' ? 'software emulation' : `hardware acceleration (${acceleration})`;
  const detail = `QEMU ${formatVersion(version)}, ${how}${choice.detail ? `; ${choice.detail}` : ''}`;
  return { program, version, acceleration, guard, detail };
}

async function tryOut(runner: ProcessRunner, program: string, platform: NodeJS.Platform, clock: Clock) {
  try {
    const results = await probeAccelerations(runner, program, platform, clock);
    const choice = chooseAcceleration(results);
    if (choice) return choice;
    return {
      problem: `QEMU does not run a guest: ${results[0]?.problem ?? 'unknown'}`,
      hint: `Run ${program} by hand to see why, or reinstall it.`,
    };
  } catch (error) {
    return {
      problem: `QEMU could not be tried out: ${messageOf(error)}`,
      hint: 'Check that the folder for temporary files is writable and has free space.',
    };
  }
}

async function findProgram(
  host: Host,
  runner: ProcessRunner,
  chosen?: string,
): Promise<{ program: string; version: QemuVersion } | null> {
  for (const program of chosen === undefined ? programCandidates(host) : [chosen]) {
    if (!(await host.exists(program))) continue;
    const { stdout } = await runner.run(program, ['--version'], { timeoutMs: 10_000 });
    const version = parseQemuVersion(stdout);
    if (version) return { program, version };
  }
  return null;
}
