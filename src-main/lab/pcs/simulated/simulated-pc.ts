import path from 'node:path';
import { Signal } from '../../../base/disposable.ts';
import { rackboxError } from '../../../base/error-catalogue.ts';
import { messageOf } from '../../../base/errors.ts';
import type { BootDevice, Pc, PcEnvironment, PcSpec, PowerChange, PowerState, SerialPort } from '../pc.ts';
import type { Screen } from '../screen.ts';
import { Terminal } from './console/terminal.ts';
import { SparseDisk } from './disk/sparse-disk.ts';
import { runFirmware } from './firmware/firmware.ts';
import { profileOfSpec } from './hardware/plan.ts';
import { hang, type Machine, type SimulatedFaults, type StepEvent } from './machine/machine.ts';
import { Pace } from './machine/pace.ts';
import { NicDevice } from './net/nic-device.ts';
import { runLinux } from './os/linux.ts';
import type { NodeAgent } from './os/node-agent.ts';

/** A warm reset shows nothing for so long; also what keeps a machine that reboots for ever from spinning. */
const RESET_MS = 200;

/** Why a run was cut short. Never seen by people. */
class Cut extends Error {}

export interface SimulatedPcParts {
  readonly agent: NodeAgent;
  readonly faults: SimulatedFaults;
}

/** A PC played in TypeScript: its firmware and its system speak on the switch, everything else is pretence. */
export class SimulatedPc implements Pc {
  readonly spec: PcSpec;
  readonly onPower = new Signal<PowerChange>();
  /** Where it is in its boot. */
  readonly onStep = new Signal<StepEvent>();
  /** Taken into account from the next start or reset on. */
  faults: SimulatedFaults;
  readonly #environment: PcEnvironment;
  readonly #agent: NodeAgent;
  readonly #terminal = new Terminal();
  readonly #disks: readonly SparseDisk[];
  #state: PowerState = 'off';
  #bootOrder: readonly BootDevice[];
  #nics: readonly NicDevice[] = [];
  #run: { readonly controller: AbortController; readonly ended: Promise<void> } | null = null;
  #stopping: Promise<void> | null = null;
  /** Counts what people asked of the power; only the last counts. */
  #requests = 0;
  #disposed = false;

  constructor(spec: PcSpec, environment: PcEnvironment, parts: SimulatedPcParts) {
    this.spec = spec;
    this.faults = parts.faults;
    this.#environment = environment;
    this.#agent = parts.agent;
    this.#bootOrder = spec.bootOrder;
    this.#disks = spec.disks.map(
      ({ id, sizeBytes }) =>
        new SparseDisk(path.join(environment.folder, `${encodeURIComponent(id)}.pages`), sizeBytes),
    );
  }

  get state(): PowerState {
    return this.#state;
  }

  get serial(): SerialPort {
    return this.#terminal.serial;
  }

  async powerOn(): Promise<void> {
    const request = ++this.#requests;
    if (this.#stopping) await this.#stopping;
    if (this.#disposed) throw rackboxError('DISPOSED', { what: this.spec.name });
    // Somebody has changed their mind while this waited.
    if (this.#state !== 'off' || request !== this.#requests) return;
    this.#change('starting', 'switched on');
    this.#terminal.restart();
    const { fabric } = this.#environment;
    this.#nics = this.spec.nics.map(
      ({ mac }, index) => new NicDevice(fabric, `${this.spec.name}/${index}`, mac, index),
    );
    this.#change('on', 'switched on');
    this.#start(0);
  }

  powerOff(): Promise<void> {
    this.#requests++;
    if (this.#state === 'off') return Promise.resolve();
    return this.#stop('switched off');
  }

  async reset(): Promise<void> {
    if (this.#state !== 'on')
      throw rackboxError('PC_STATE', {
        name: this.spec.name,
        state: this.#state,
        action: 'be reset',
        wanted: 'on',
      });
    await this.#interrupt();
    if (this.#state === 'on') this.#start(RESET_MS);
  }

  setBootOrder(order: readonly BootDevice[]): Promise<void> {
    this.#bootOrder = [...order];
    return Promise.resolve();
  }

  screen(): Promise<Screen> {
    const screen: Screen = this.#state === 'on' ? this.#terminal.screen() : { kind: 'blank' };
    return Promise.resolve(screen);
  }

  type(text: string): Promise<void> {
    if (this.#state === 'on') this.#terminal.type(text);
    return Promise.resolve();
  }

  readDisk(index: number, offset: number, length: number): Promise<Uint8Array> {
    return this.#disk(index).read(offset, length);
  }

  /** Writes a disk as the running system would. */
  writeDisk(index: number, offset: number, data: Uint8Array): Promise<void> {
    return this.#disk(index).write(offset, data);
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    await this.powerOff();
    await Promise.all(this.#disks.map((disk) => disk.close()));
  }

  #disk(index: number): SparseDisk {
    const disk = this.#disks[index];
    if (disk) return disk;
    throw rackboxError('BAD_ARGUMENT', {
      what: 'The disk',
      problem: `${this.spec.name} has no disk ${index}`,
      hint: `It has ${this.#disks.length}.`,
    });
  }

  #change(state: PowerState, reason: string): void {
    this.#state = state;
    this.onPower.emit({ state, reason });
  }

  /** Cables out, program stopped, then off: from the first line on no frame leaves any more. */
  #stop(reason: string): Promise<void> {
    this.#stopping ??= (async () => {
      this.#change('stopping', reason);
      for (const nic of this.#nics) nic.dispose();
      this.#nics = [];
      await this.#interrupt();
      await Promise.all(this.#disks.map((disk) => disk.close()));
      this.#terminal.clear();
      this.#stopping = null;
      this.#change('off', reason);
    })();
    return this.#stopping;
  }

  /** Ends the run, whatever it is doing. */
  async #interrupt(): Promise<void> {
    const run = this.#run;
    this.#run = null;
    run?.controller.abort(new Cut('the power went'));
    await run?.ended;
  }

  #start(afterMs: number): void {
    const controller = new AbortController();
    const run = { controller, ended: this.#play(controller.signal, afterMs) };
    this.#run = run;
    // What ends by itself was the guest; an interrupted run is no longer the current one.
    void run.ended.then(() => {
      if (this.#run !== run) return;
      this.#run = null;
      if (this.#state === 'on') void this.#stop('guest powered off');
    });
  }

  /** Boots again and again until the guest powers off. Never rejects. */
  async #play(power: AbortSignal, afterMs: number): Promise<void> {
    for (let pauseMs = afterMs; ; pauseMs = RESET_MS) {
      const cycle = new AbortController();
      const onCut = () => cycle.abort(power.reason);
      power.addEventListener('abort', onCut, { once: true });
      try {
        if (power.aborted) return;
        if ((await this.#boot(cycle.signal, pauseMs)) === 'poweroff') return;
      } catch (error) {
        if (power.aborted) return;
        await this.#crash(error, power);
        return;
      } finally {
        power.removeEventListener('abort', onCut);
        // Leases being renewed, transfers under way: a reset ends them too.
        cycle.abort(new Cut('reset'));
        for (const nic of this.#nics) nic.close();
      }
    }
  }

  async #boot(signal: AbortSignal, pauseMs: number): Promise<'poweroff' | 'reboot'> {
    const machine = this.#machine(signal);
    // Never in the caller's own turn: powering on returns before anything happens.
    if (pauseMs > 0) await machine.pace.retry(pauseMs);
    else await Promise.resolve();
    const started = await runFirmware(machine);
    if (started.kind === 'poweroff' || started.kind === 'reboot') return started.kind;
    if (started.kind === 'linux') return runLinux(machine, { boot: started.boot });
    if (started.disk.record) return runLinux(machine, { record: started.disk.record });
    machine.terminal.println('This disk holds real machine code, which a simulated PC cannot run.');
    return hang(signal);
  }

  /** A mistake of the simulation looks like a machine that hangs, and says so. */
  #crash(error: unknown, power: AbortSignal): Promise<void> {
    this.#terminal.println(`\n\x1b[31mThe simulated PC stopped: ${messageOf(error)}\x1b[0m`);
    return hang(power).catch(() => undefined);
  }

  #machine(signal: AbortSignal): Machine {
    const { clock, random } = this.#environment;
    const faults = this.faults;
    return {
      spec: this.spec,
      profile: profileOfSpec(this.spec),
      faults,
      clock,
      random,
      pace: new Pace(this.spec.timeScale ?? 1, clock, signal),
      signal,
      terminal: this.#terminal,
      nics: this.#nics,
      disks: this.#disks,
      agent: this.#agent,
      bootOrder: () => this.#bootOrder,
      step: async (step, detail = {}) => {
        signal.throwIfAborted();
        this.onStep.emit({ step, detail });
        if (faults.stopsAt === step) await hang(signal);
      },
    };
  }
}
