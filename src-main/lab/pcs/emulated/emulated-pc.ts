import { open } from 'node:fs/promises';
import { Signal } from '../../../base/disposable.ts';
import { rackboxError } from '../../../base/error-catalogue.ts';
import { messageOf } from '../../../base/errors.ts';
import type { CableTraits, SwitchPort } from '../../switch/port.ts';
import type { BootDevice, Pc, PcEnvironment, PcSpec, PowerChange, PowerState, SerialPort } from '../pc.ts';
import type { Screen } from '../screen.ts';
import { SerialHistory } from '../serial-history.ts';
import { EmulatorThread, type StartWorker } from './emulator-thread.ts';
import type { MachineConfig } from './messages.ts';

/** Half of what the receive queue holds; and on a busy machine an answer takes its time. */
const CABLE: CableTraits = { maxInFlightBytes: 128 << 10, dupThreshold: 1, minRtoMs: 1000 };

export interface EmulatedPcParts {
  readonly environment: PcEnvironment;
  readonly startWorker: StartWorker;
  /** The machine as it starts, with this boot order. */
  readonly config: (bootOrder: readonly BootDevice[]) => Promise<MachineConfig>;
  readonly diskPaths: readonly string[];
}

/**
 * A PC on v86 in a thread of its own. Power off ends the thread; every reset, by the button or by the
 * guest, starts a new one, so no device keeps a state that a real reset would have cleared.
 */
export class EmulatedPc implements Pc {
  readonly spec: PcSpec;
  readonly onPower = new Signal<PowerChange>();
  readonly serial: SerialPort;
  readonly #parts: EmulatedPcParts;
  readonly #output = new Signal<Uint8Array>();
  readonly #history = new SerialHistory();
  #state: PowerState = 'off';
  #bootOrder: readonly BootDevice[];
  #thread: EmulatorThread | null = null;
  #port: SwitchPort | null = null;
  #disposed = false;
  /** Power changes happen one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(spec: PcSpec, parts: EmulatedPcParts) {
    this.spec = spec;
    this.#parts = parts;
    this.#bootOrder = spec.bootOrder;
    this.serial = {
      onOutput: this.#output,
      history: () => this.#history.bytes(),
      write: (data) => this.#thread?.serial(data),
    };
  }

  get state(): PowerState {
    return this.#state;
  }

  powerOn(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#disposed) throw rackboxError('DISPOSED', { what: this.spec.name });
      if (this.#state !== 'off') return;
      this.#history.clear();
      this.#change('starting', 'switched on');
      await this.#start();
      this.#change('on', 'running');
    });
  }

  powerOff(): Promise<void> {
    return this.#inTurn(() => this.#shutDown('switched off'));
  }

  reset(): Promise<void> {
    return this.#inTurn(async () => {
      this.#mustBeOn('be reset');
      await this.#restart();
    });
  }

  setBootOrder(order: readonly BootDevice[]): Promise<void> {
    // Every reset starts a new thread, which is given the order of that moment.
    this.#bootOrder = order;
    return Promise.resolve();
  }

  screen(): Promise<Screen> {
    return this.#thread?.screen() ?? Promise.resolve({ kind: 'blank' });
  }

  async type(text: string): Promise<void> {
    this.#mustBeOn('be typed on');
    await this.#thread?.type(text);
  }

  async readDisk(index: number, offset: number, length: number): Promise<Uint8Array> {
    const path = this.#parts.diskPaths[index];
    if (path === undefined)
      throw rackboxError('BAD_ARGUMENT', {
        what: `disk ${index}`,
        problem: `${this.spec.name} has ${this.#parts.diskPaths.length}`,
        hint: 'Disks are counted from 0.',
      });
    const file = await open(path);
    try {
      const { bytesRead, buffer } = await file.read(new Uint8Array(length), 0, length, offset);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  }

  dispose(): Promise<void> {
    this.#disposed = true;
    return this.powerOff();
  }

  async #start(): Promise<void> {
    const { environment, startWorker, config } = this.#parts;
    try {
      const thread = await EmulatorThread.start(
        startWorker,
        await config(this.#bootOrder),
        {
          frame: (frame) => this.#port?.transmit(frame),
          serial: (data) => {
            this.#history.add(data);
            this.#output.emit(data);
          },
          guest: (wants) => void this.#inTurn(() => this.#guestWants(thread, wants)),
          ended: (reason) => this.#powerLost(`the emulator ended: ${reason}`),
        },
        environment.clock,
      );
      this.#thread = thread;
      this.#port = environment.fabric.attach(this.spec.name, (frame) => thread.transmit(frame), CABLE);
    } catch (error) {
      const problem = messageOf(error);
      this.#powerLost(problem);
      const hint = 'Reinstall Rackbox; if that does not help, use simulated PCs or QEMU.';
      throw rackboxError('PC_UNAVAILABLE', { kind: 'emulated', problem, hint }, error);
    }
  }

  async #guestWants(thread: EmulatorThread, wants: 'off' | 'reset'): Promise<void> {
    if (this.#thread !== thread) return;
    if (wants === 'off') await this.#shutDown('guest powered off');
    // A failed restart has already told why the PC is off now.
    else await this.#restart().catch(() => undefined);
  }

  async #restart(): Promise<void> {
    await this.#unplug();
    await this.#start();
  }

  async #shutDown(reason: string): Promise<void> {
    if (this.#state === 'off') return;
    this.#change('stopping', reason);
    await this.#unplug();
    this.#change('off', reason);
  }

  async #unplug(): Promise<void> {
    const thread = this.#thread;
    this.#thread = null;
    await this.#port?.dispose();
    this.#port = null;
    await thread?.stop();
  }

  /** Nothing runs any more, and it was nobody's wish. */
  #powerLost(reason: string): void {
    this.#thread = null;
    void this.#port?.dispose();
    this.#port = null;
    this.#change('off', reason);
  }

  #mustBeOn(action: string): void {
    if (this.#state !== 'on')
      throw rackboxError('PC_STATE', { name: this.spec.name, state: this.#state, action, wanted: 'on' });
  }

  #change(state: PowerState, reason: string): void {
    this.#state = state;
    this.onPower.emit({ state, reason });
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(action);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}
