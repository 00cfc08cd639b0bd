import { open } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { describePcKind } from '../pc.suite.ts';
import { createEmulatedKind, moduleBeside, startEmulatorWorker } from './emulated-kind.ts';

const workers = new Set<Worker>();
const kind = createEmulatedKind({
  startWorker: (config) => {
    const worker = startEmulatorWorker(moduleBeside(import.meta.url, 'emulated-worker'), config);
    workers.add(worker);
    worker.on('exit', () => workers.delete(worker));
    return worker;
  },
});

describePcKind('emulated', {
  kind,
  firmwareFolder: fileURLToPath(new URL('../../../../resources/firmware', import.meta.url)),
  discoverWithinMs: 20_000,
  quietForMs: 5_000,
  kill: async () => {
    for (const worker of workers) await worker.terminate();
  },
  fillDisk: async (pc, environment, content) => {
    const file = await open(path.join(environment.folder, `${pc.spec.disks[0]!.id}.img`), 'r+');
    await file.write(content, 0, content.length, 0);
    await file.close();
  },
  leftovers: () => [...workers].map((worker) => `worker ${worker.threadId}`),
});
