import { sleep } from '../../../base/clock.ts';
import { Signal } from '../../../base/disposable.ts';
import { rackboxError } from '../../../base/error-catalogue.ts';
import { messageOf } from '../../../base/errors.ts';
import type { BootDevice, Pc, PcEnvironment, PcSpec, PowerChange, PowerState, SerialPort } from '../pc.ts';
import type { Screen } from '../screen.ts';
import { SerialHistory } from '../serial-history.ts';
import { bootIndexes } from './command-line.ts';
import { diskFileOf, ensureDisk, readDiskFile } from './disk-file.ts';
import type { Host } from './host.ts';
import type { Installation, NoInstallation } from './installation.ts';
import { keyPresses } from './keymap.ts';
import { launchQemu, type RunningQemu } from './qemu-launch.ts';
import { readScreen } from './qemu-screen.ts';

/** What the kind gives to each of its PCs. */
export interface QemuSetting {
  readonly host: Host;
  readonly cable: 'stream' | 'dgram';
  readonly installation: () => Promise<Installation | NoInstallation>;
}

/** Firmware takes a key a few times a second at worst; faster ones would overflow its 16-key buffer. */
const KEY_HOLD_MS = 20;
/** A PC that is a QEMU process while it is on. Power changes happen one after the other. */
export class QemuPc implements Pc {
  readonly spec: PcSpec;
  readonly onPower = new Signal<PowerChange>();
  readonly serial: SerialPort;
  readonly #environment: PcEnvironment;
  readonly #setting: QemuSetting;
  readonly #history = new SerialHistory();
  /** Raw disk images, in order of the spec. */
  readonly diskFiles: readonly string[];
  #state: PowerState = 'off';
  #bootOrder: readonly BootDevice[];
  #run: RunningQemu | null = null;
  #queue: Promise<unknown> = Promise.resolve();
  #screen: Promise<Screen> | null = null;
  #disposed = false;

  constructor(spec: PcSpec, environment: PcEnvironment, setting: QemuSetting) {
    this.spec = spec;
    this.#environment = environment;
    this.#setting = setting;
    this.#bootOrder = spec.bootOrder;
    this.diskFiles = spec.disks.map((disk) => diskFileOf(environment.folder, disk));
    this.serial = {
      onOutput: new Signal<Uint8Array>(),
      history: () => this.#history.bytes(),
      write: (data) => void this.#run?.serial.write(data),
    };
  }

  get state(): PowerState {
    return this.#state;
  }

  /** The process that runs the PC, while it is on. */
  get pid(): number | undefined {
    return this.#run?.process.pid;
  }

  powerOn(): Promise<void> {
    return this.#exclusively(async () => {
      if (this.#disposed) throw rackboxError('DISPOSED', { what: this.spec.name });
      if (this.#state === 'on') return;
      this.#history.clear();
      this.#change('starting', '');
      try {
        const run = await this.#start();
        this.#run = run;
        this.#change('on', '');
        void run.process.ended.then((reason) => this.#exclusively(() => this.#cleanUp(run, reason)));
      } catch (error) {
        this.#change('off', messageOf(error));
        throw error;
      }
    });
  }

  powerOff(): Promise<void> {
    return this.#exclusively(async () => {
      const run = this.#run;
      if (!run) return;
      this.#change('stopping', '');
      await this.#cleanUp(run, '');
    });
  }

  reset(): Promise<void> {
    return this.#exclusively(async () => {
      await this.#running('be reset').process.qmp.execute('system_reset');
    });
  }

  setBootOrder(order: readonly BootDevice[]): Promise<void> {
    return this.#exclusively(async () => {
      this.#bootOrder = order;
      if (!this.#run) return;
      const { qmp } = this.#run.process;
      const set = (id: string, value: number) =>
        qmp.execute('qom-set', { path: `/machine/peripheral/${id}`, property: 'bootindex', value });
      const indexes = [...bootIndexes(this.spec, order)];
      // Two devices must not have the same index, not even for a moment.
      for (const [id] of indexes) await set(id, -1);
      for (const [id, index] of indexes) if (index > 0) await set(id, index);
    });
  }

  screen(): Promise<Screen> {
    const run = this.#run;
    if (!run) return Promise.resolve({ kind: 'blank' });
    // Several viewers share one look: the dump goes through one file.
    this.#screen ??= readScreen(run.process.qmp, this.#environment.folder)
      .catch((error: unknown): Screen => {
        if (this.#run === run) throw error;
        return { kind: 'blank' };
      })
      .finally(() => {
        this.#screen = null;
      });
    return this.#screen;
  }

  async type(text: string): Promise<void> {
    const { qmp } = this.#running('be typed on').process;
    for (const { key, shift } of keyPresses(text)) {
      const keys = [...(shift ? ['shift'] : []), key].map((data) => ({ type: 'qcode', data }));
      await qmp.execute('send-key', { keys, 'hold-time': KEY_HOLD_MS });
      await sleep(this.#environment.clock, 2 * KEY_HOLD_MS);
    }
  }

  async readDisk(index: number, offset: number, length: number): Promise<Uint8Array> {
    const [file, disk] = [this.diskFiles[index], this.spec.disks[index]];
    if (file === undefined || !disk)
      throw rackboxError('BAD_ARGUMENT', {
        what: `Disk ${index}`,
        problem: `${this.spec.name} has ${this.spec.disks.length}`,
        hint: 'Disks are numbered from 0.',
      });
    const { runner } = this.#environment;
    await ensureDisk(file, disk.sizeBytes, runner, this.#setting.host.platform);
    return readDiskFile(file, offset, length);
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    await this.powerOff();
  }

  async #start(): Promise<RunningQemu> {
    const found = await this.#setting.installation();
    if ('problem' in found)
      throw rackboxError('PC_UNAVAILABLE', { kind: 'qemu', problem: found.problem, hint: found.hint });
    const { spec, diskFiles } = this;
    const { host, cable } = this.#setting;
    const bootOrder = this.#bootOrder;
    const environment = this.#environment;
    const run = await launchQemu({ spec, bootOrder, diskFiles, environment, host, cable, found });
    run.serial.on('data', (data: Uint8Array) => this.#hear(data));
    return run;
  }

  #hear(data: Uint8Array): void {
    this.#history.add(data);
    this.serial.onOutput.emit(data);
  }

  /** Once for each run: when we switch the PC off, or when it ended by itself. */
  async #cleanUp(run: RunningQemu, reason: string): Promise<void> {
    if (this.#run !== run) return;
    this.#run = null;
    await run.parts.dispose();
    run.process.qmp.dispose();
    run.serial.destroy();
    this.#change('off', reason);
  }

  #running(action: string): RunningQemu {
    if (this.#run) return this.#run;
    throw rackboxError('PC_STATE', { name: this.spec.name, state: this.#state, action, wanted: 'on' });
  }

  #change(state: PowerState, reason: string): void {
    this.#state = state;
    this.onPower.emit({ state, reason });
  }

  #exclusively<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(action);
    this.#queue = result.catch(() => {});
    return result;
  }
}
