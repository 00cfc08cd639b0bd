import { formatIpv4, type Mac } from '../../base/address.ts';
import { BOOT_PHASES, type BootEvent, type BootPhase } from '../../base/boot-event.ts';

/** One phase of a machine's present boot. Times are wall-clock milliseconds. */
export interface PhaseProgress {
  readonly phase: BootPhase;
  readonly startedAt: number;
  readonly endedAt: number | null;
  /** The step reported last. */
  readonly step: string;
  readonly detail: BootEvent['detail'];
}

/** How far a machine's present boot has come. */
export interface BootProgress {
  readonly mac: Mac;
  readonly ip: string | null;
  readonly poweredAt: number | null;
  readonly phases: readonly PhaseProgress[];
  /** True once the machine has its user-data: userspace is up and talks to us. */
  readonly booted: boolean;
  /** The newest problem reported and not yet overcome, in words. */
  readonly problem: string | null;
}

interface Expectation {
  /** Steps that end the phase well. */
  readonly done: readonly string[];
  /** Steps that are a problem unless a later one succeeds. */
  readonly failed: Readonly<Record<string, string>>;
  /** What it means when the phase was reached but nothing came after it. */
  readonly missingNext: string;
}

const TRANSFER_FAILURES = {
  missing: 'asked for {file}, which does not exist',
  aborted: 'gave up on {file}',
  timeout: 'stopped answering while it fetched {file}',
};

/** What each phase looks like, and what it means when the one after it does not come. One table for all uses. */
export const BOOT_EXPECTATIONS: Readonly<Record<BootPhase, Expectation>> = {
  power: {
    done: ['on'],
    failed: { failed: 'could not be switched on: {reason}' },
    missingNext:
      'is on, but has not asked for an address: is its cable in, and is the network first in its boot order?',
  },
  dhcp: {
    done: ['ack'],
    failed: {
      exhausted: 'got no address: every address of the pool is taken',
      nak: 'was refused the address it asked for',
      declined: 'found its address used by somebody else',
      'store-failed': 'got no address: the lease could not be saved',
      'no-loader': 'has firmware for which there is no boot loader ({arch})',
      foreign: 'took the offer of another DHCP server ({server})',
    },
    missingNext:
      'has an address, but has not asked for a boot loader: is another DHCP server answering, or is its firmware unknown?',
  },
  loader: {
    done: ['done'],
    failed: TRANSFER_FAILURES,
    missingNext: 'has its boot loader, but the loader has not asked for its configuration',
  },
  config: {
    done: ['done'],
    failed: TRANSFER_FAILURES,
    missingNext: 'has its boot configuration, but has not fetched a kernel',
  },
  kernel: {
    done: ['done'],
    failed: TRANSFER_FAILURES,
    missingNext: 'has the kernel, but not the initrd',
  },
  initrd: {
    done: ['done'],
    failed: TRANSFER_FAILURES,
    missingNext:
      'has kernel and initrd, but nothing was heard since: too little memory for the initrd, or a kernel for another processor?',
  },
  preseed: {
    done: ['done'],
    failed: { missing: 'asked for a preseed that does not exist' },
    missingNext: 'is up and has its preseed, but has not asked for its user-data',
  },
  userdata: { done: ['done'], failed: {}, missingNext: '' },
};

/** Nothing heard yet. */
export function newProgress(mac: Mac): BootProgress {
  return { mac, ip: null, poweredAt: null, phases: [], booted: false, problem: null };
}

/** The progress after one more event of this machine. Power-on starts a new boot; late repeats only update their phase. */
export function advance(progress: BootProgress, event: BootEvent): BootProgress {
  const expectation = BOOT_EXPECTATIONS[event.phase];
  if (event.phase === 'power' && event.step === 'on')
    return { ...newProgress(progress.mac), poweredAt: event.at, phases: [closed(event)] };

  const done = expectation.done.includes(event.step);
  const known = progress.phases.find((entry) => entry.phase === event.phase);
  const entry: PhaseProgress = {
    phase: event.phase,
    startedAt: known?.startedAt ?? event.at,
    endedAt: done ? (known?.endedAt ?? event.at) : (known?.endedAt ?? null),
    step: event.step,
    detail: event.detail,
  };
  const phases = [...progress.phases.filter((other) => other.phase !== event.phase), entry].sort(
    (a, b) => BOOT_PHASES.indexOf(a.phase) - BOOT_PHASES.indexOf(b.phase),
  );
  const failure = Object.hasOwn(expectation.failed, event.step) ? expectation.failed[event.step] : undefined;
  return {
    ...progress,
    ip: event.ip === undefined || event.ip === 0 ? progress.ip : formatIpv4(event.ip),
    phases,
    booted: progress.booted || (event.phase === 'userdata' && done),
    problem: failure ? fill(failure, event.detail) : done ? null : progress.problem,
  };
}

/** Why the machine is where it is: the reported problem, else what should have come next. Null when it has booted. */
export function explain(progress: BootProgress): string | null {
  if (progress.booted) return null;
  if (progress.problem) return progress.problem;
  const last = progress.phases.at(-1);
  return last ? BOOT_EXPECTATIONS[last.phase].missingNext : 'is switched off';
}

function closed(event: BootEvent): PhaseProgress {
  return {
    phase: event.phase,
    startedAt: event.at,
    endedAt: event.at,
    step: event.step,
    detail: event.detail,
  };
}

function fill(template: string, detail: BootEvent['detail']): string {
  return template.replace(/\{(\w+)\}/g, (_, key: string) => String(detail[key] ?? 'something'));
}
