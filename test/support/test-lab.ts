import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_LAB, type LabNetwork } from '../../src-main/app/configuration.ts';
import { findInstallation, type Installation } from '../../src-main/app/installation.ts';
import { type Lab, startLab } from '../../src-main/app/lab/lab-network.ts';
import { type PcRequest, specFor } from '../../src-main/app/lab/pc-defaults.ts';
import type { BootEvent } from '../../src-main/base/boot-event.ts';
import { systemClock } from '../../src-main/base/clock.ts';
import { systemRunner } from '../../src-main/base/process-runner.ts';
import { seededRandom } from '../../src-main/base/random.ts';
import type { BootProgress } from '../../src-main/domain/events/boot-progress.ts';
import { openLeaseBook } from '../../src-main/domain/networks/lease-book.ts';
import { openStore } from '../../src-main/store/store.ts';

export interface TestLab extends Lab {
  add(request: PcRequest): Promise<void>;
  /** The first event that fits, from now on. */
  event(fits: (event: BootEvent) => boolean): Promise<BootEvent>;
  /** Resolves when a PC's progress fits, at once when it does already. */
  progress(pc: string, fits: (progress: BootProgress) => boolean): Promise<BootProgress>;
}

/** A lab of its own in a temporary folder, with the real services. */
export async function startTestLab(
  options: { network?: Partial<LabNetwork>; installation?: Partial<Installation> } = {},
): Promise<TestLab> {
  const folder = await mkdtemp(join(tmpdir(), 'rackbox-test-lab-'));
  const store = await openStore(join(folder, 'rackbox.db'));
  const lab = await startLab({
    network: { ...DEFAULT_LAB, ...options.network },
    installation: { ...findInstallation(import.meta.dirname), ...options.installation },
    leaseBook: await openLeaseBook(store),
    folder: join(folder, 'pcs'),
    clock: systemClock,
    random: seededRandom(1),
    runner: systemRunner,
  });
  const macOf = (name: string) => {
    const pc = lab.service.pcs().find((candidate) => candidate.name === name);
    if (!pc) throw new Error(`no PC ${name}`);
    return Number.parseInt(pc.mac.replaceAll(':', ''), 16);
  };
  return {
    ...lab,
    add: (request) => lab.service.add(specFor(request, lab.service.kind(request.kind))),
    event: (fits) =>
      new Promise((resolve) => {
        const subscription = lab.watch.onEvent.on((event) => {
          if (!fits(event)) return;
          subscription.dispose();
          resolve(event);
        });
      }),
    progress: (pc, fits) =>
      new Promise((resolve) => {
        const mac = macOf(pc);
        const now = lab.watch.progressOf(mac as never);
        if (fits(now)) return resolve(now);
        const subscription = lab.watch.onProgress.on((progress) => {
          if (progress.mac !== mac || !fits(progress)) return;
          subscription.dispose();
          resolve(progress);
        });
      }),
    async dispose() {
      await lab.dispose();
      await store.dispose();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
