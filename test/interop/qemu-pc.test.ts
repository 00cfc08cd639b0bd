import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { mac } from '../../src-main/base/address.ts';
import { sleep, systemClock } from '../../src-main/base/clock.ts';
import { systemRunner } from '../../src-main/base/process-runner.ts';
import { seededRandom } from '../../src-main/base/random.ts';
import { describePcKind, type PcSuiteHarness } from '../../src-main/lab/pcs/pc.suite.ts';
import type { Pc, PcKind, PcSpec } from '../../src-main/lab/pcs/pc.ts';
import { type Host, thisHost } from '../../src-main/lab/pcs/qemu/host.ts';
import { createQemuKind } from '../../src-main/lab/pcs/qemu/qemu-kind.ts';
import { QemuPc } from '../../src-main/lab/pcs/qemu/qemu-pc.ts';
import { screenLines } from '../../src-main/lab/pcs/screen.ts';
import { childProcesses } from '../support/child-processes.ts';
import { RecordingFabric } from '../support/recording-fabric.ts';
import { describeWith } from '../support/requirements.ts';

const PROGRAM = 'qemu-system-x86_64';
const NEEDS = { programs: [PROGRAM] };
const firmwareFolder = path.resolve('resources/firmware');
/** The same result on every machine. */
const software = { acceleration: 'tcg' } as const;

const usual = {
  firmwareFolder,
  discoverWithinMs: 30_000,
  quietForMs: 5000,
  leftovers: () => childProcesses(PROGRAM),
  kill(pc: Pc) {
    if (pc instanceof QemuPc && pc.pid !== undefined) process.kill(pc.pid, 'SIGKILL');
  },
};

const fillDisk: PcSuiteHarness['fillDisk'] = async (pc, _environment, content) => {
  await pc.readDisk(0, 0, 1); // makes the file
  if (pc instanceof QemuPc) await writeFile(pc.diskFiles[0]!, content, { flag: 'r+' });
};

describeWith('QEMU PCs in the suite', NEEDS, () => {
  describePcKind('qemu, BIOS', { ...usual, kind: createQemuKind(software), fillDisk });
  describePcKind('qemu, BIOS, e1000 and frames by UDP', {
    ...usual,
    kind: createQemuKind({ ...software, cable: 'dgram' }),
    spec: { nics: [{ mac: mac('52:54:00:ab:cd:01'), model: 'e1000' }] },
  });
  describePcKind('qemu, UEFI', {
    ...usual,
    kind: createQemuKind(software),
    spec: { firmware: 'uefi', memoryMb: 512 },
    discoverWithinMs: 60_000,
    quietForMs: 12_000,
  });
});

const MAC = mac('52:54:00:ab:cd:02');
const made: { pc: Pc; folder: string }[] = [];

async function makePc(kind: PcKind, changes: Partial<PcSpec> = {}) {
  const fabric = new RecordingFabric();
  const folder = await mkdtemp(path.join(tmpdir(), 'rackbox-qemu-'));
  const pc = await kind.create(
    {
      id: 'pc',
      name: 'pc',
      kind: 'qemu',
      firmware: 'bios',
      cpus: 1,
      memoryMb: 512,
      nics: [{ mac: MAC }],
      disks: [],
      identity: {
        uuid: '12345678-9abc-4def-8123-456789abcdef',
        vendor: 'Rackbox',
        product: 'PC',
        serial: '1',
      },
      bootOrder: ['network'],
      ...changes,
    },
    { fabric, folder, firmwareFolder, clock: systemClock, random: seededRandom(1), runner: systemRunner },
  );
  made.push({ pc, folder });
  return { pc, fabric, folder };
}

afterEach(async () => {
  for (const { pc, folder } of made.splice(0)) {
    await pc.dispose();
    await rm(folder, { recursive: true, force: true });
  }
  expect(childProcesses(PROGRAM)).toEqual([]);
});

/** Option 93 of the first DISCOVER: what the client says it is (RFC 4578 §2.1). */
const archOf = (frame: Uint8Array) => /5d02(....)/.exec(Buffer.from(frame).toString('hex', 282))?.[1];

describeWith('QEMU firmware', NEEDS, () => {
  const kind = createQemuKind(software);

  it.each([
    ['uefi-pxe', '0007'],
    ['uefi-http', '0010'],
    ['uefi-secure', '0007'],
  ] as const)('%s asks as itself, and shows a picture', async (firmware, arch) => {
    const { pc, fabric } = await makePc(kind, { firmware });
    await pc.powerOn();
    expect(await fabric.discoverOf(MAC, 90_000)).toMatchObject({ mac: MAC });
    expect(archOf(fabric.frames.find((frame) => frame[23] === 17)!)).toBe(arch);
    const screen = await pc.screen();
    expect(screen).toMatchObject({ kind: 'graphics', width: expect.any(Number) });
  });

  it('follows a boot order changed while it runs', async () => {
    const { pc, fabric } = await makePc(kind, { disks: [{ id: 'root', sizeBytes: 1 << 20 }] });
    await pc.setBootOrder(['disk']);
    await pc.powerOn();
    await until(async () =>
      screenLines(await pc.screen()).some((line) => line.includes('Booting from Hard Disk')),
    );
    expect(fabric.discovers()).toEqual([]);
    await pc.setBootOrder(['network', 'disk']);
    await pc.reset();
    await fabric.discoverOf(MAC, 30_000);
  });

  it('says what QEMU said when a PC cannot start', async () => {
    const { pc } = await makePc(kind, {
      identity: { uuid: 'not-a-uuid', vendor: '', product: '', serial: '' },
    });
    const reasons: string[] = [];
    pc.onPower.on(({ state, reason }) => reasons.push(`${state}: ${reason}`));
    await expect(pc.powerOn()).rejects.toMatchObject({
      code: 'PC_UNAVAILABLE',
      message: expect.stringMatching(/uuid/i),
    });
    expect(pc.state).toBe('off');
    expect(reasons.at(-1)).toMatch(/^off: .*uuid/i);
  });
});

describeWith('QEMU on other systems', NEEDS, () => {
  const as = (platform: NodeJS.Platform): Host => ({ ...thisHost, platform });
  const program = `/usr/bin/${PROGRAM}`;

  it.each([
    ['a shell as watchdog, as on macOS', 'darwin'],
    ['channels by TCP, as on Windows', 'win32'],
  ] as const)('%s', async (_what, platform) => {
    const { pc, fabric } = await makePc(createQemuKind({ ...software, program, host: as(platform) }));
    await pc.powerOn();
    await fabric.discoverOf(MAC, 30_000);
    await pc.powerOff();
    expect(fabric.ports).toEqual([]);
    await pc.powerOn();
    await pc.powerOff();
  });
});

describeWith('QEMU and the app', NEEDS, () => {
  it('finds out what runs a guest', async () => {
    const availability = await createQemuKind().availability(systemRunner);
    expect(availability).toMatchObject({ ok: true, detail: expect.stringMatching(/^QEMU \d+\.\d+/) });
  });

  it('runs several PCs at once', async () => {
    const kind = createQemuKind(software);
    const all = await Promise.all(
      [1, 2, 3].map((i) => makePc(kind, { id: `pc${i}`, name: `pc, ${i}`, memoryMb: 128 })),
    );
    await Promise.all(all.map(({ pc }) => pc.powerOn()));
    await Promise.all(all.map(({ fabric }) => fabric.discoverOf(MAC, 60_000)));
  });

  it('ends QEMU when the app is killed, and starts the PC again afterwards', async () => {
    const { pc, folder } = await makePc(createQemuKind(software), { memoryMb: 128 });
    const app = path.join(folder, 'app.mjs');
    const here = JSON.stringify(path.resolve('src-main'));
    await writeFile(
      app,
      `const load = (file) => import(${here} + '/' + file);
       const { createQemuKind } = await load('lab/pcs/qemu/qemu-kind.ts');
       const { systemClock } = await load('base/clock.ts');
       const { systemRunner } = await load('base/process-runner.ts');
       const fabric = { attach: (name) => ({ name, transmit() {}, dispose() {} }) };
       const pc = await createQemuKind({ acceleration: 'tcg' }).create(${JSON.stringify(pc.spec)},
         { fabric, folder: ${JSON.stringify(folder)}, firmwareFolder: '', clock: systemClock, random: null, runner: systemRunner });
       await pc.powerOn();
       setInterval(() => {}, 1000);`,
    );
    const child = spawn(process.execPath, [app], { stdio: ['ignore', 'ignore', 'inherit'] });
    try {
      const pidFile = path.join(folder, 'qemu.pid');
      let pid = 0;
      await until(async () => {
        pid = Number.parseInt(await readFile(pidFile, 'latin1').catch(() => ''), 10);
        return pid > 1;
      });
      expect(existsSync(`/proc/${pid}`)).toBe(true);
      child.kill('SIGKILL');
      await until(async () => !existsSync(`/proc/${pid}`));
      await pc.powerOn();
      expect(pc.state).toBe('on');
    } finally {
      child.kill('SIGKILL');
    }
  });
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await condition()); tries++) {
    if (tries > 1000) throw new Error('waited in vain');
    await sleep(systemClock, 30);
  }
}
