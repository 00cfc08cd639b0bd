import type { PcView } from '../../api/contract/lab.ts';
import type { Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { LabService } from './lab-service.ts';

/** What `rackbox lab run` found out about one PC. */
export interface PcOutcome {
  readonly name: string;
  readonly kind: string;
  readonly firmware: string;
  readonly mac: string;
  readonly ip: string | null;
  readonly booted: boolean;
  /** Why it did not get there; null when it did. */
  readonly explanation: string | null;
  /** Power-on to the end of each phase, in milliseconds. */
  readonly phases: readonly {
    readonly phase: string;
    readonly endedAtMs: number | null;
    readonly detail: Record<string, unknown>;
  }[];
  /** Power-on to booted, in milliseconds; null when it did not get there. */
  readonly totalMs: number | null;
}

export interface DriveOptions {
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Called whenever a PC reaches its end, and for each failed power-on. */
  readonly onNews?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** Powers all PCs on at once and waits until each has booted, or the time is over. Never rejects. */
export async function driveToBooted(lab: LabService, options: DriveOptions): Promise<PcOutcome[]> {
  const waiting = new Set(lab.pcs().map((pc) => pc.id));
  const finished = new Promise<void>((resolve) => {
    const stop = () => {
      subscription.dispose();
      timer.cancel();
      options.signal?.removeEventListener('abort', stop);
      resolve();
    };
    const subscription = lab.onChange.on((pc) => {
      if (!pc.boot.booted || !waiting.delete(pc.id)) return;
      options.onNews?.(`${pc.name} booted after ${seconds(totalMs(pc))}`);
      if (waiting.size === 0) stop();
    });
    const timer = options.clock.after(options.timeoutMs, stop);
    options.signal?.addEventListener('abort', stop, { once: true });
    if (waiting.size === 0) stop();
  });
  const powering = lab
    .pcs()
    .map((pc) =>
      lab
        .power(pc.id, 'on')
        .catch((error) => options.onNews?.(`${pc.name} could not be switched on: ${messageOf(error)}`)),
    );
  await Promise.race([finished, Promise.all(powering).then(() => finished)]);
  return lab.pcs().map(outcomeOf);
}

function outcomeOf(pc: PcView): PcOutcome {
  const start = pc.boot.poweredAt ?? 0;
  return {
    name: pc.name,
    kind: pc.kind,
    firmware: pc.firmware,
    mac: pc.mac,
    ip: pc.ip,
    booted: pc.boot.booted,
    explanation: pc.boot.explanation,
    phases: pc.boot.phases.map(({ phase, endedAt, detail }) => ({
      phase,
      endedAtMs: endedAt === null ? null : endedAt - start,
      detail,
    })),
    totalMs: pc.boot.booted ? totalMs(pc) : null,
  };
}

function totalMs(pc: PcView): number {
  const end = pc.boot.phases.find((phase) => phase.phase === 'userdata')?.endedAt ?? 0;
  return end - (pc.boot.poweredAt ?? end);
}

/** The outcomes as a table for a terminal: one line a PC, one column a phase. */
export function outcomeTable(outcomes: readonly PcOutcome[]): string {
  const phases = ['dhcp', 'loader', 'config', 'kernel', 'initrd', 'preseed', 'userdata'];
  const rows = outcomes.map((outcome) => [
    outcome.name,
    outcome.ip ?? '-',
    ...phases.map((name) => {
      const at = outcome.phases.find((phase) => phase.phase === name)?.endedAtMs;
      return at === undefined || at === null ? '-' : seconds(at);
    }),
    outcome.booted ? 'booted' : (outcome.explanation ?? 'did not boot'),
  ]);
  const table = [['PC', 'address', ...phases, 'result'], ...rows];
  const widths =
    table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  return table
    .map((row) =>
      row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0))).join('  '),
    )
    .join('\n');
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
