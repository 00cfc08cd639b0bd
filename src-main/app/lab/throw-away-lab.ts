import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { systemClock } from '../../base/clock.ts';
import { Disposables } from '../../base/disposable.ts';
import { systemRunner } from '../../base/process-runner.ts';
import { secureRandom } from '../../base/random.ts';
import { openLeaseBook } from '../../domain/networks/lease-book.ts';
import { startCapture } from '../../lab/capture/capture.ts';
import { openStore } from '../../store/store.ts';
import { DEFAULT_LAB } from '../configuration.ts';
import { findInstallation } from '../installation.ts';
import { startLab } from './lab-network.ts';
import { driveToBooted, type PcOutcome } from './lab-run.ts';
import { specFor } from './pc-defaults.ts';
import type { PcSelection } from './pc-selection.ts';

export interface RunLabOptions {
  readonly selections: readonly PcSelection[];
  /** Of simulated PCs: 0 waits for nothing, 1 is real time. */
  readonly timeScale: number;
  readonly timeoutMs: number;
  readonly captureFile?: string;
  readonly onNews?: (line: string) => void;
  readonly signal?: AbortSignal;
  readonly moduleFolder?: string;
}

export interface RunLabResult {
  /** True when every PC got there. */
  readonly ok: boolean;
  readonly pcs: readonly PcOutcome[];
  /** From the start of the lab to the end of the last boot. */
  readonly totalMs: number;
  readonly eventLoopDelayP99Ms: number;
  readonly rssMb: number;
}

/** Brings up a lab that nobody keeps, boots its PCs, and takes it down again. */
export async function runLab(options: RunLabOptions): Promise<RunLabResult> {
  const began = systemClock.now();
  const stack = new Disposables();
  const delay = monitorEventLoopDelay({ resolution: 5 });
  try {
    const folder = await mkdtemp(join(tmpdir(), 'rackbox-lab-'));
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    const store = stack.add(await openStore(join(folder, 'rackbox.db')));
    const lab = stack.add(
      await startLab({
        network: DEFAULT_LAB,
        installation: findInstallation(options.moduleFolder ?? import.meta.dirname),
        leaseBook: await openLeaseBook(store),
        folder: join(folder, 'pcs'),
        clock: systemClock,
        random: secureRandom,
        runner: systemRunner,
      }),
    );
    if (options.captureFile !== undefined)
      stack.add(await startCapture({ fabric: lab.fabric, file: options.captureFile, clock: systemClock }));
    for (const { label, kind, firmware, count } of options.selections) {
      const model = lab.service.kind(kind);
      for (let i = 1; i <= count; i++)
        await lab.service.add(
          specFor(
            {
              kind,
              name: `${label}-${i}`,
              timeScale: options.timeScale,
              ...(firmware === undefined ? {} : { firmware }),
            },
            model,
          ),
        );
    }
    delay.enable();
    const pcs = await driveToBooted(lab.service, {
      timeoutMs: options.timeoutMs,
      clock: systemClock,
      ...(options.onNews ? { onNews: options.onNews } : {}),
      ...(options.signal ? { signal: options.signal } : {}),
    });
    delay.disable();
    return {
      ok: pcs.length > 0 && pcs.every((pc) => pc.booted),
      pcs,
      totalMs: Math.round(systemClock.now() - began),
      eventLoopDelayP99Ms: Math.round(delay.percentile(99) / 1e4) / 100,
      rssMb: Math.round(process.memoryUsage.rss() / 2 ** 20),
    };
  } finally {
    await stack.dispose();
  }
}
