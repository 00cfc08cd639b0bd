import { copyFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { sleep } from '../../../base/clock.ts';
import { Disposables, Signal } from '../../../base/disposable.ts';
import { rackboxError } from '../../../base/error-catalogue.ts';
import { messageOf } from '../../../base/errors.ts';
import type { BootDevice, Pc, PcEnvironment, PcSpec, PowerChange, PowerState, SerialPort } from '../pc.ts';
import type { Screen } from '../screen.ts';
import { SerialHistory } from '../serial-history.ts';
import { type Cabling, cableUp } from './cabling.ts';
import { openChannels } from './channels.ts';
import { bootIndexes, commandLine } from './command-line.ts';
import { diskFileOf, ensureDisk, readDiskFile } from './disk-file.ts';
import { type FirmwareFiles, findFirmware, firmwareHint } from './firmware-files.ts';
import type { Host } from './host.ts';
import type { Installation, NoInstallation } from './installation.ts';
import { keyPresses } from './keymap.ts';
import { endOrphan, pidFileOf } from './orphan-guard.ts';
import { QemuProcess } from './qemu-process.ts';
import { readScreen } from './qemu-screen.ts';

/** What the kind gives to each of its PCs. */
export interface QemuSetting {
  readonly host: Host;
  readonly cable: 'stream' | 'dgram';
  readonly installation: () => Promise<Installation | NoInstallation>;
}

/** What exists while the PC is on. */
interface Run {
  readonly process: QemuProcess;
  readonly serial: Duplex;
  /** Ends QEMU, then unplugs the NICs. */
  readonly parts: Disposables;
}

/** Firmware takes a key a few times a second at worst; faster ones would overflow its 16-key buffer. */
const KEY_HOLD_MS = 20;
/** The chosen UDP ports may be taken by somebody else just before QEMU binds them. */
const START_TRIES = 3;

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
  #run: Run | null = null;
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

  async #start(): Promise<Run> {
    const found = await this.#setting.installation();
    if ('problem' in found)
      throw rackboxError('PC_UNAVAILABLE', { kind: 'qemu', problem: found.problem, hint: found.hint });
    const firmware = await this.#firmware(found);
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#launch(found, firmware);
      } catch (error) {
        if (attempt < START_TRIES && /Address already in use/.test(messageOf(error))) continue;
        throw rackboxError(
          'PC_UNAVAILABLE',
          {
            kind: 'qemu',
            problem: messageOf(error),
            hint: 'Check the PC’s settings against what QEMU says here.',
          },
          error,
        );
      }
    }
  }

  async #launch(found: Installation, firmware: FirmwareFiles | null): Promise<Run> {
    const { folder, runner, clock, fabric } = this.#environment;
    const { host, cable } = this.#setting;
    const onWindows = host.platform === 'win32';
    const { spec } = this;
    await endOrphan(folder, runner, host.platform, clock);
    for (const [i, disk] of spec.disks.entries())
      await ensureDisk(this.diskFiles[i] ?? '', disk.sizeBytes, runner, host.platform);

    const parts = new Disposables();
    try {
      const nicChannels = cable === 'stream' ? spec.nics.length : 0;
      const channels = await openChannels(2 + nicChannels, onWindows ? 'tcp' : 'inherited');
      parts.add(channels);
      const [qmp, serial, ...frames] = channels.addresses;
      if (!qmp || !serial) throw new TypeError('no channels');
      const cabling: Cabling = await cableUp(fabric, spec, cable, frames);
      parts.add(cabling);
      const args = commandLine({
        spec,
        bootOrder: this.#bootOrder,
        version: found.version,
        acceleration: found.acceleration,
        pidFile: pidFileOf(folder),
        firmware,
        diskFiles: this.diskFiles,
        nics: cabling.backends,
        qmp,
        serial,
      });
      const { program, guard } = found;
      const started = await QemuProcess.start({ runner, clock, program, args, guard, channels, onWindows });
      parts.defer(() => started.stop());
      const [serialStream, ...frameStreams] = started.streams;
      if (!serialStream) throw new TypeError('no serial line');
      const run: Run = { process: started, serial: serialStream, parts };
      cabling.plugIn(frameStreams);
      serialStream.on('data', (data: Uint8Array) => this.#hear(data));
      await started.qmp.execute('cont');
      return run;
    } catch (error) {
      await parts.dispose();
      throw error;
    }
  }

  /** This PC's own variable store, made from the template the first time. */
  async #firmware({ program }: Installation): Promise<FirmwareFiles | null> {
    const { firmware } = this.spec;
    if (firmware === 'bios') return null;
    const files = await findFirmware(this.#setting.host, program, firmware);
    if (!files)
      throw rackboxError('PC_UNAVAILABLE', {
        kind: 'qemu',
        problem: `the UEFI firmware for "${firmware}" was not found`,
        hint: firmwareHint(this.#setting.host, firmware),
      });
    const variables = path.join(this.#environment.folder, `nvram-${firmware}.fd`);
    const [own, template] = await Promise.all([stat(variables).catch(() => null), stat(files.variables)]);
    // A copy cut short, or one of another build, has another size: the firmware would not start with it.
    if (own?.size !== template.size) await copyFile(files.variables, variables);
    return { code: files.code, variables };
  }

  #hear(data: Uint8Array): void {
    this.#history.add(data);
    this.serial.onOutput.emit(data);
  }

  /** Once for each run: when we switch the PC off, or when it ended by itself. */
  async #cleanUp(run: Run, reason: string): Promise<void> {
    if (this.#run !== run) return;
    this.#run = null;
    await run.parts.dispose();
    run.process.qmp.dispose();
    run.serial.destroy();
    this.#change('off', reason);
  }

  #running(action: string): Run {
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
