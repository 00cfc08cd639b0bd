import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { bootProgram, COUNTER_OFFSET } from '../../../test/support/boot-program.ts';
import { RecordingFabric } from '../../../test/support/recording-fabric.ts';
import { mac } from '../../base/address.ts';
import { type Clock, sleep, systemClock } from '../../base/clock.ts';
import { type ProcessRunner, systemRunner } from '../../base/process-runner.ts';
import { type Random, seededRandom } from '../../base/random.ts';
import type { Pc, PcEnvironment, PcKind, PcSpec, PowerState } from './pc.ts';
import { screenLines } from './screen.ts';

/** What the suite must know of a kind to put it to the test. */
export interface PcSuiteHarness {
  readonly kind: PcKind;
  /** What differs from the suite's usual PC (one NIC, one disk of 8 MiB, 128 MB, first firmware of the kind). */
  readonly spec?: Partial<PcSpec>;
  readonly firmwareFolder: string;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly runner?: ProcessRunner;
  /** Power-on to first DHCPDISCOVER, at most, on a busy machine. */
  readonly discoverWithinMs: number;
  /** Without a DISCOVER for so long after power-on, none will come. */
  readonly quietForMs: number;
  /** Kills what runs the PC (worker, process) from outside. Absent: nothing runs it. */
  readonly kill?: (pc: Pc) => void | Promise<void>;
  /**
   * For kinds that run x86 code: puts `content` at the start of disk 0 of a PC that was never on.
   * The suite then boots a small program from that disk (see test/support/boot-program.ts).
   */
  readonly fillDisk?: (pc: Pc, environment: PcEnvironment, content: Uint8Array) => Promise<void>;
  /** For the others: makes the PC, which is on, write `content` to disk 0 at `offset`. */
  readonly guestWrites?: (pc: Pc, content: Uint8Array, offset: number) => Promise<void>;
  /** Names of what is still there after all PCs were disposed (processes, workers, sockets). */
  readonly leftovers?: () => readonly string[] | Promise<readonly string[]>;
}

const MAC = mac('52:54:00:ab:cd:01');
const UUID = '12345678-9abc-4def-8123-456789abcdef';

/** The conformance suite of `PcKind`: each kind's test calls it once for each firmware worth testing. */
export function describePcKind(name: string, harness: PcSuiteHarness): void {
  const timeout = 4 * harness.discoverWithinMs + 2 * harness.quietForMs + 10_000;
  const clock = harness.clock ?? systemClock;
  const folders: string[] = [];
  const pcs: Pc[] = [];

  const spec: PcSpec = {
    id: 'pc-under-test',
    name: 'pc-under-test',
    kind: harness.kind.name,
    firmware: harness.kind.capabilities.firmwares[0] ?? 'bios',
    cpus: 1,
    memoryMb: 128,
    nics: [{ mac: MAC }],
    disks: [{ id: 'disk0', sizeBytes: 8 << 20 }],
    identity: { uuid: UUID, vendor: 'Rackbox', product: 'Lab PC', serial: 'LAB-0001' },
    bootOrder: ['network', 'disk'],
    ...harness.spec,
  };

  async function make(changes: Partial<PcSpec> = {}, folder?: string): Promise<Made> {
    const fabric = new RecordingFabric();
    const own = folder ?? (await mkdtemp(path.join(tmpdir(), 'rackbox-pc-')));
    if (folder === undefined) folders.push(own);
    const environment: PcEnvironment = {
      fabric,
      folder: own,
      firmwareFolder: harness.firmwareFolder,
      clock,
      random: harness.random ?? seededRandom(7),
      runner: harness.runner ?? systemRunner,
    };
    const pc = await harness.kind.create({ ...spec, ...changes }, environment);
    pcs.push(pc);
    const states: PowerState[] = [];
    const reasons: string[] = [];
    pc.onPower.on((change) => {
      states.push(change.state);
      reasons.push(change.reason);
    });
    return { pc, fabric, environment, states, reasons };
  }

  const discover = ({ fabric }: Made, skip = 0) => fabric.discoverOf(MAC, harness.discoverWithinMs, skip);

  /** Boots the program of test/support/boot-program.ts from disk 0, alone or after an empty network. */
  async function bootFromDisk(made: Made, expected: string): Promise<void> {
    await made.pc.powerOn();
    await serialShows(made.pc, expected, harness.discoverWithinMs);
  }

  describe(`PcKind: ${name}`, { timeout }, () => {
    afterEach(async () => {
      await Promise.all(pcs.splice(0).map((pc) => pc.dispose()));
      await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })));
      expect(await harness.leftovers?.()).toSatisfy((left) => left === undefined || left.length === 0);
    }, 30_000);

    it('is switched off when made, and takes being switched off again', async () => {
      const { pc, fabric, states } = await make();
      expect(pc.state).toBe('off');
      await pc.powerOff();
      await expect(pc.reset()).rejects.toMatchObject({ code: 'PC_STATE' });
      expect(await pc.screen()).toEqual({ kind: 'blank' });
      expect(pc.serial.history()).toHaveLength(0);
      expect(states).toEqual([]);
      expect(fabric.frames).toEqual([]);
    });

    it('refuses what it says it cannot be', async () => {
      const { maxCpus, maxNics, maxDisks, memoryMb } = harness.kind.capabilities;
      const nics = Array.from({ length: maxNics + 1 }, (_, i) => ({ mac: (MAC + i) as typeof MAC }));
      const disks = Array.from({ length: maxDisks + 1 }, (_, i) => ({ id: `d${i}`, sizeBytes: 1 << 20 }));
      const unsupported = { code: 'PC_UNSUPPORTED' };
      await expect(make({ cpus: maxCpus + 1 })).rejects.toMatchObject(unsupported);
      await expect(make({ memoryMb: memoryMb.max + 1 })).rejects.toMatchObject(unsupported);
      await expect(make({ nics })).rejects.toMatchObject(unsupported);
      await expect(make({ disks })).rejects.toMatchObject(unsupported);
    });

    it('runs its firmware, asks for an address as itself, resets, and falls silent without power', async () => {
      const made = await make();
      const { pc, fabric, states } = made;
      await pc.powerOn();
      expect(pc.state).toBe('on');
      expect(await discover(made)).toEqual({ mac: MAC, uuid: UUID });
      expect(await visible(pc)).toBe(true);

      await pc.powerOn();
      expect(states).toEqual(['starting', 'on']);

      const before = fabric.frames.length;
      await pc.reset();
      expect(pc.state).toBe('on');
      await discover(made, before);

      await pc.powerOff();
      expect(pc.state).toBe('off');
      expect(states).toEqual(['starting', 'on', 'stopping', 'off']);
      expect(await pc.screen()).toEqual({ kind: 'blank' });
      const silentFrom = fabric.frames.length;
      await sleep(clock, 300);
      expect(fabric.frames).toHaveLength(silentFrom);
      expect(fabric.ports).toHaveLength(0);
    });

    it('does not ask the network when the boot order leaves it out', async () => {
      const [fromDisk, fromNothing] = [await make(), await make({ bootOrder: [], id: 'other' })];
      await fromDisk.pc.setBootOrder(['disk']);
      await Promise.all([fromDisk.pc.powerOn(), fromNothing.pc.powerOn()]);
      await sleep(clock, harness.quietForMs);
      expect(fromDisk.fabric.discovers()).toEqual([]);
      expect(fromNothing.fabric.discovers()).toEqual([]);
      expect(fromDisk.pc.state).toBe('on');
    });

    it('is gone when disposed while on, and keeps its files', async () => {
      const { pc, fabric, environment } = await make();
      await pc.powerOn();
      await pc.dispose();
      await pc.dispose();
      expect(pc.state).toBe('off');
      expect(fabric.ports).toHaveLength(0);
      expect(await readdir(environment.folder)).toBeDefined();
      await expect(pc.powerOn()).rejects.toMatchObject({ code: 'DISPOSED' });
    });

    it('can be switched off at once after being switched on', async () => {
      const { pc, fabric } = await make();
      const starting = pc.powerOn().catch(() => undefined);
      await pc.powerOff();
      await starting;
      expect(pc.state).toBe('off');
      expect(fabric.ports).toHaveLength(0);
    });

    const { kill, fillDisk, guestWrites } = harness;

    if (kill)
      it('goes off with a reason when what runs it dies, and starts again', async () => {
        const made = await make();
        await made.pc.powerOn();
        const off = nextOff(made.pc);
        await kill(made.pc);
        expect((await off).length).toBeGreaterThan(0);
        expect(made.pc.state).toBe('off');
        expect(made.fabric.ports).toHaveLength(0);
        await made.pc.powerOn();
        await discover(made, made.fabric.frames.length);
      });

    if (guestWrites)
      it('keeps what the guest wrote to its disk', async () => {
        const { pc, environment } = await make();
        const content = Uint8Array.from({ length: 5000 }, (_, i) => (i * 7) & 255);
        await pc.powerOn();
        await guestWrites(pc, content, 4096);
        await pc.powerOff();
        expect(await pc.readDisk(0, 4096, content.length)).toEqual(content);
        await pc.dispose();
        const again = await make({}, environment.folder);
        expect(await again.pc.readDisk(0, 4096, content.length)).toEqual(content);
        expect(await again.pc.readDisk(0, 64 << 10, 4)).toEqual(new Uint8Array(4));
      });

    if (fillDisk)
      it('runs a guest from its disk: disk, serial line, keyboard, reboot and power-off by the guest', async () => {
        const made = await make({ bootOrder: ['disk'] });
        const { pc, environment, fabric, reasons } = made;
        await fillDisk(pc, environment, bootProgram());
        await bootFromDisk(made, 'boot 1');
        expect(screenLines(await pc.screen()).join('\n')).toMatch(/boot 1|^$/);

        pc.serial.write(Buffer.from('echo'));
        await serialShows(pc, 'echo', 5000);
        await pc.type('Rk7');
        await serialShows(pc, '<R><k><7>', 5000);

        pc.serial.write(Buffer.from('!'));
        await serialShows(pc, 'boot 2', harness.discoverWithinMs);
        expect(pc.state).toBe('on');

        const off = nextOff(pc);
        pc.serial.write(Buffer.from('.'));
        expect(await off).toBe('guest powered off');
        expect(reasons.at(-1)).toBe('guest powered off');
        expect(await pc.readDisk(0, COUNTER_OFFSET, 1)).toEqual(Uint8Array.of(2));

        await bootFromDisk(made, 'boot 3');
        expect(Buffer.from(pc.serial.history()).toString('latin1')).not.toContain('boot 1');
        await pc.powerOff();
        await pc.dispose();
        const again = await make({ bootOrder: ['disk'] }, environment.folder);
        expect(await again.pc.readDisk(0, COUNTER_OFFSET, 1)).toEqual(Uint8Array.of(3));
        await bootFromDisk(again, 'boot 4');
        expect(fabric.discovers()).toEqual([]);
      });
  });
}

interface Made {
  readonly pc: Pc;
  readonly fabric: RecordingFabric;
  readonly environment: PcEnvironment;
  readonly states: PowerState[];
  readonly reasons: string[];
}

/** Whether the PC shows anything: a text screen with text, or any picture. */
async function visible(pc: Pc): Promise<boolean> {
  const screen = await pc.screen();
  return screen.kind === 'graphics' || screenLines(screen).some((line) => line !== '');
}

/** Resolves when the serial line has said `expected` since power-on. */
function serialShows(pc: Pc, expected: string, withinMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const said = () => Buffer.from(pc.serial.history()).toString('latin1');
    const stop = () => {
      clearTimeout(limit);
      listener.dispose();
      power.dispose();
    };
    const check = () => {
      if (!said().includes(expected)) return;
      stop();
      resolve();
    };
    const fail = (why: string) => {
      stop();
      reject(new Error(`${why}; wanted "${expected}", the serial line said ${JSON.stringify(said())}`));
    };
    const listener = pc.serial.onOutput.on(check);
    const power = pc.onPower.on(({ state, reason }) => state === 'off' && fail(`went off: ${reason}`));
    const limit = setTimeout(() => fail(`waited ${withinMs} ms`), withinMs);
    check();
  });
}

/** The reason with which the PC next goes off. */
function nextOff(pc: Pc): Promise<string> {
  return new Promise((resolve) => {
    const listener = pc.onPower.on(({ state, reason }) => {
      if (state !== 'off') return;
      listener.dispose();
      resolve(reason);
    });
  });
}
