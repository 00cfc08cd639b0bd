import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type {
  ImpairmentView,
  PcView,
  PowerAction,
  ScreenView,
  SwitchPortView,
} from '../../api/contract/lab.ts';
import type { LabControl } from '../../api/lab/lab-control.ts';
import { formatMac } from '../../base/address.ts';
import type { Clock } from '../../base/clock.ts';
import { type Disposable, Disposables, Signal } from '../../base/disposable.ts';
import { rackboxError } from '../../base/error-catalogue.ts';
import { messageOf } from '../../base/errors.ts';
import type { ProcessRunner } from '../../base/process-runner.ts';
import type { Random } from '../../base/random.ts';
import { explain } from '../../domain/events/boot-progress.ts';
import type { Pc, PcKind, PcKindName, PcSpec, PowerChange } from '../../lab/pcs/pc.ts';
import { screenLines } from '../../lab/pcs/screen.ts';
import type { LabSwitch } from '../../lab/switch/switch.ts';
import type { BootWatch } from '../boot-watch.ts';

export interface LabServiceOptions {
  readonly fabric: LabSwitch;
  readonly kinds: ReadonlyMap<PcKindName, PcKind>;
  /** Holds one folder a PC. */
  readonly folder: string;
  readonly firmwareFolder: string;
  readonly watch: BootWatch;
  readonly clock: Clock;
  readonly random: Random;
  readonly runner: ProcessRunner;
}

/** The PCs of the lab: makes, powers and shows them. */
export class LabService implements LabControl, Disposable {
  readonly onChange = new Signal<PcView>();
  readonly #options: LabServiceOptions;
  readonly #pcs = new Map<string, Pc>();
  readonly #prepared = new Map<PcKindName, Promise<void>>();
  readonly #running = new Disposables();

  constructor(options: LabServiceOptions) {
    this.#options = options;
    this.#running.add(
      options.watch.onProgress.on((progress) => {
        for (const pc of this.#pcs.values()) if (pc.spec.nics[0]?.mac === progress.mac) this.#changed(pc);
      }),
    );
  }

  kind(name: PcKindName): PcKind {
    const kind = this.#options.kinds.get(name);
    if (!kind)
      throw rackboxError('PC_UNSUPPORTED', {
        kind: name,
        what: 'a place in this lab yet',
        hint: `The kinds are: ${[...this.#options.kinds.keys()].join(', ')}.`,
      });
    return kind;
  }

  /** Makes a PC, switched off. */
  async add(spec: PcSpec): Promise<void> {
    if (this.#pcs.has(spec.id)) throw rackboxError('ALREADY_EXISTS', { what: 'PC', name: spec.name });
    const folder = join(this.#options.folder, spec.id);
    await mkdir(folder, { recursive: true });
    const { fabric, firmwareFolder, clock, random, runner } = this.#options;
    const pc = await this.kind(spec.kind).create(spec, {
      fabric,
      folder,
      firmwareFolder,
      clock,
      random,
      runner,
    });
    this.#pcs.set(spec.id, pc);
    this.#prepare(spec.kind);
    this.#running.add(pc.onPower.on((change) => this.#powerChanged(pc, change)));
    this.#changed(pc);
  }

  pcs(): PcView[] {
    return [...this.#pcs.values()].map((pc) => this.#view(pc));
  }

  pc(id: string): PcView | undefined {
    const pc = this.#pcs.get(id);
    return pc && this.#view(pc);
  }

  async power(id: string, action: PowerAction): Promise<void> {
    const pc = this.#required(id);
    if (action === 'off') return pc.powerOff();
    if (action === 'reset') return pc.reset();
    try {
      await pc.powerOn();
    } catch (error) {
      this.#report(pc, 'failed', { reason: messageOf(error) });
      throw error;
    }
  }

  async screen(id: string): Promise<ScreenView> {
    const screen = await this.#required(id).screen();
    return {
      kind: screen.kind,
      lines: screenLines(screen),
      png: screen.kind === 'graphics' ? Buffer.from(screen.png).toString('base64') : null,
    };
  }

  ports(): SwitchPortView[] {
    return this.#options.fabric.ports().map(({ name, counters }) => ({
      name,
      framesIn: counters.framesIn,
      framesOut: counters.framesOut,
      bytesIn: counters.bytesIn,
      bytesOut: counters.bytesOut,
      dropped: Object.values(counters.dropped).reduce((sum, count) => sum + count, 0),
    }));
  }

  impair(name: string, impairment: ImpairmentView): boolean {
    const port = this.#options.fabric.ports().find((candidate) => candidate.name === name);
    if (port) this.#options.fabric.setImpairment(port, impairment);
    return port !== undefined;
  }

  async dispose(): Promise<void> {
    await this.#running.dispose();
    await Promise.all(this.#prepared.values());
    const results = await Promise.allSettled([...this.#pcs.values()].map((pc) => pc.dispose()));
    this.#pcs.clear();
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** Once for each kind; `dispose` waits for it, so that nothing outlives the lab. */
  #prepare(name: PcKindName): void {
    if (this.#prepared.has(name)) return;
    const preparing = this.kind(name).prepare?.(this.#options.runner) ?? Promise.resolve();
    this.#prepared.set(
      name,
      preparing.catch(() => undefined),
    );
  }

  #required(id: string): Pc {
    const pc = this.#pcs.get(id);
    if (!pc) throw rackboxError('NOT_FOUND', { what: 'PC', name: id });
    return pc;
  }

  #powerChanged(pc: Pc, change: PowerChange): void {
    if (change.state === 'starting') this.#report(pc, 'on', { reason: change.reason });
    else if (change.state === 'off') this.#report(pc, 'off', { reason: change.reason });
    this.#changed(pc);
  }

  #report(pc: Pc, step: string, detail: Record<string, string>): void {
    const mac = pc.spec.nics[0]?.mac;
    if (mac !== undefined)
      this.#options.watch.log({ at: this.#options.clock.wallNow(), mac, phase: 'power', step, detail });
  }

  #changed(pc: Pc): void {
    this.onChange.emit(this.#view(pc));
  }

  #view(pc: Pc): PcView {
    const { spec } = pc;
    const mac = spec.nics[0]?.mac;
    const progress = mac === undefined ? null : this.#options.watch.progressOf(mac);
    return {
      id: spec.id,
      name: spec.name,
      kind: spec.kind,
      firmware: spec.firmware,
      cpus: spec.cpus,
      memoryMb: spec.memoryMb,
      mac: mac === undefined ? '' : formatMac(mac),
      ip: progress?.ip ?? null,
      power: pc.state,
      honestly: this.kind(spec.kind).capabilities.honestly,
      boot: {
        poweredAt: progress?.poweredAt ?? null,
        phases: progress ? progress.phases.map((phase) => ({ ...phase, detail: { ...phase.detail } })) : [],
        booted: progress?.booted ?? false,
        explanation: progress ? explain(progress) : null,
      },
    };
  }
}
