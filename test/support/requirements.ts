import { execFileSync } from 'node:child_process';
import { describe } from 'vitest';

/**
 * Names what a test needs of the machine. A missing program skips the tests by name on a developer's
 * machine and fails them in CI, where nothing may be skipped.
 */
export interface Requirements {
  /** Debian packages' programs, looked up on the PATH. */
  readonly programs?: readonly string[];
  /** Network namespaces, TAP devices. */
  readonly root?: boolean;
}

const inCi = process.env.CI === 'true';

export function missing(requirements: Requirements): string[] {
  const absent = (requirements.programs ?? []).filter((program) => !onPath(program));
  if (requirements.root && process.getuid?.() !== 0) absent.push('root');
  return absent;
}

/** `describeWith('curl', { programs: ['curl'] }, () => { … })` */
export function describeWith(name: string, requirements: Requirements, body: () => void): void {
  const absent = missing(requirements);
  if (absent.length === 0 || inCi) describe(name, body);
  else describe.skip(`${name} (needs ${absent.join(', ')})`, body);
}

function onPath(program: string): boolean {
  try {
    execFileSync('/bin/sh', ['-c', 'PATH=$PATH:/usr/sbin:/sbin command -v -- "$1"', 'sh', program], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}
