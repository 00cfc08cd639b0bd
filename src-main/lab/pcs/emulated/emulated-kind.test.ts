import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { RecordingFabric } from '../../../../test/support/recording-fabric.ts';
import { mac } from '../../../base/address.ts';
import { systemClock } from '../../../base/clock.ts';
import { systemRunner } from '../../../base/process-runner.ts';
import { seededRandom } from '../../../base/random.ts';
import { describePcKind } from '../pc.suite.ts';
import type { PcSpec } from '../pc.ts';
import { createEmulatedKind, moduleBeside, startEmulatorWorker } from './emulated-kind.ts';

const FIRMWARE = fileURLToPath(new URL('../../../../resources/firmware', import.meta.url));
const MAC = mac('52:54:00:00:00:01');
const SURROUNDINGS = { clock: systemClock, random: seededRandom(1), runner: systemRunner };
const SPEC: PcSpec = {
  id: 'pc',
  name: 'pc',
  kind: 'emulated',
  firmware: 'bios',
  cpus: 1,
  memoryMb: 64,
  nics: [{ mac: MAC }],
  disks: [],
  identity: { uuid: '', vendor: '', product: '', serial: '' },
  bootOrder: ['network'],
};

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
  firmwareFolder: FIRMWARE,
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

describe('createEmulatedKind', () => {
  it('is available where v86 is as expected', async () => {
    expect(await kind.availability(systemRunner)).toEqual({
      ok: true,
      detail: expect.stringContaining('v86'),
    });
    expect(workers.size).toBe(0);
  });

  it('says what is missing, and looks again later', async () => {
    const without = createEmulatedKind({ wasmPath: '/nowhere/v86.wasm' });
    const found = await without.availability(systemRunner);
    expect(found).toMatchObject({ ok: false, problem: expect.stringContaining('/nowhere/v86.wasm') });
    expect(without.availability(systemRunner)).not.toBe(found);
  });

  it('names a missing firmware file, and is off then', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'rackbox-pc-'));
    const environment = { fabric: new RecordingFabric(), folder, firmwareFolder: folder };
    const pc = await kind.create(SPEC, { ...environment, ...SURROUNDINGS });
    const reasons: string[] = [];
    pc.onPower.on(({ state, reason }) => reasons.push(`${state}: ${reason}`));
    await expect(pc.powerOn()).rejects.toMatchObject({
      code: 'PC_UNAVAILABLE',
      message: expect.stringContaining('bios-256k.bin'),
    });
    expect(pc.state).toBe('off');
    expect(reasons).toEqual(['starting: switched on', expect.stringMatching(/^off: .*bios-256k\.bin/)]);
    await pc.dispose();
    await rm(folder, { recursive: true });
  });

  it.each([
    ['UEFI', { firmware: 'uefi' as const }],
    ['another network card', { nics: [{ mac: MAC, model: 'virtio' }] }],
    ['no network card', { nics: [] }],
    ['half a sector', { disks: [{ id: 'a', sizeBytes: 700 }] }],
    ['a disk outside its folder', { disks: [{ id: '../a', sizeBytes: 1024 }] }],
  ])('refuses %s', async (_, changes) => {
    const environment = { fabric: new RecordingFabric(), folder: tmpdir(), firmwareFolder: FIRMWARE };
    await expect(
      kind.create({ ...SPEC, ...changes }, { ...environment, ...SURROUNDINGS }),
    ).rejects.toMatchObject({ code: 'PC_UNSUPPORTED' });
  });
});

describe('moduleBeside', () => {
  it.each([
    [
      'file:///app/src-main/lab/pcs/emulated/emulated-kind.ts',
      'file:///app/src-main/lab/pcs/emulated/worker.ts',
    ],
    ['file:///app/out/main/serve.js', 'file:///app/out/main/worker.js'],
    [
      'file:///C:/Program%20Files/app.asar/out/main/shell.js?t=1',
      'file:///C:/Program%20Files/app.asar/out/main/worker.js',
    ],
  ])('of %s', (from, expected) => {
    expect(moduleBeside(from, 'worker').href).toBe(expected);
  });
});
