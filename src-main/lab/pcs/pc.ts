import type { Ipv4, Mac } from '../../base/address.ts';
import type { Clock } from '../../base/clock.ts';
import type { Disposable, Signal } from '../../base/disposable.ts';
import type { ProcessRunner } from '../../base/process-runner.ts';
import type { Random } from '../../base/random.ts';
import type { Fabric } from '../switch/port.ts';
import type { Screen } from './screen.ts';

/**
 * A PC of the lab, whatever runs it. Five kinds implement `PcKind`; all pass `pc.suite.ts`.
 */
export type PcKindName = 'simulated' | 'emulated' | 'qemu' | 'libvirt' | 'virtualbox';

/**
 * What the PC's firmware is:
 * `bios` (SeaBIOS with an iPXE ROM), `uefi` (iPXE in the NIC's option ROM),
 * `uefi-pxe` (the firmware's own PXE client over TFTP), `uefi-http` (the firmware's own HTTP boot),
 * `uefi-secure` (own PXE client, Secure Boot enforced: shim and GRUB only).
 */
export type Firmware = 'bios' | 'uefi' | 'uefi-pxe' | 'uefi-http' | 'uefi-secure';

export type BootDevice = 'network' | 'disk';

export interface NicSpec {
  readonly mac: Mac;
  /** "virtio", "e1000", "ne2k", …; the kind's default when absent. */
  readonly model?: string;
}

export interface DiskSpec {
  /** Names the content: the same id in the same lab folder is the same disk after a power cycle. */
  readonly id: string;
  readonly sizeBytes: number;
  readonly model?: string;
  readonly serial?: string;
}

/** What SMBIOS says of the PC; shows up in option 97, `/sys/class/dmi/id` and the machine's hardware info. */
export interface DmiIdentity {
  /** Lower-case text form. */
  readonly uuid: string;
  readonly vendor: string;
  readonly product: string;
  readonly serial: string;
}

export interface PcSpec {
  readonly id: string;
  readonly name: string;
  readonly kind: PcKindName;
  readonly firmware: Firmware;
  readonly cpus: number;
  readonly memoryMb: number;
  readonly nics: readonly NicSpec[];
  readonly disks: readonly DiskSpec[];
  readonly identity: DmiIdentity;
  readonly bootOrder: readonly BootDevice[];
  /** Simulated PCs: a hardware profile of the catalogue. */
  readonly profile?: string;
  /** Simulated PCs: 1 is real time, 0 waits for nothing. */
  readonly timeScale?: number;
}

/** What a PC is made with. */
export interface PcEnvironment {
  readonly fabric: Fabric;
  /** Folder of this PC's own files (disks, NVRAM, sockets); exists, and is kept after `dispose`. */
  readonly folder: string;
  /** Folder with loaders, ROMs and BIOSes (`resources/firmware`). */
  readonly firmwareFolder: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly runner: ProcessRunner;
}

export type PowerState = 'off' | 'starting' | 'on' | 'stopping';

/** A power change, with its reason where the PC itself caused it ("guest powered off", "qemu ended: …"). */
export interface PowerChange {
  readonly state: PowerState;
  readonly reason: string;
}

export interface Pc extends Disposable {
  readonly spec: PcSpec;
  readonly state: PowerState;
  readonly onPower: Signal<PowerChange>;
  /** Resolves when the PC runs; on a PC that is on, does nothing. Rejects with PC_UNAVAILABLE and the reason. */
  powerOn(): Promise<void>;
  /** Pulls the plug: resolves when nothing of it runs any more. Does nothing on a PC that is off. */
  powerOff(): Promise<void>;
  /** The reset button; PC_STATE when it is off. */
  reset(): Promise<void>;
  /** Holds from the next start or reset on. */
  setBootOrder(order: readonly BootDevice[]): Promise<void>;
  screen(): Promise<Screen>;
  /** Types on the keyboard. */
  type(text: string): Promise<void>;
  readonly serial: SerialPort;
  /** Reads disk `index`; works while the PC is off and, with no promise of freshness, while it is on. */
  readDisk(index: number, offset: number, length: number): Promise<Uint8Array>;
  /** Powers off and frees everything but the files in its folder. */
  dispose(): Promise<void>;
}

export interface SerialPort {
  readonly onOutput: Signal<Uint8Array>;
  /** The last output since power-on, up to 64 KiB. */
  history(): Uint8Array;
  write(data: Uint8Array): void;
}

export interface PcKind {
  readonly name: PcKindName;
  readonly capabilities: PcCapabilities;
  /** Whether PCs of this kind can run on this machine, found out by trying; cached for a while. */
  availability(runner: ProcessRunner): Promise<Availability>;
  /** Begins what the first power-on would otherwise wait for; resolves when it is done, well or badly. */
  prepare?(runner: ProcessRunner): Promise<void>;
  /** Makes the PC, switched off. Rejects with PC_UNSUPPORTED for a spec that the kind can't be. */
  create(spec: PcSpec, environment: PcEnvironment): Promise<Pc>;
}

export interface PcCapabilities {
  readonly firmwares: readonly Firmware[];
  readonly nicModels: readonly [string, ...string[]];
  readonly maxNics: number;
  readonly maxDisks: number;
  readonly maxCpus: number;
  readonly memoryMb: { readonly min: number; readonly max: number; readonly usual: number };
  /** What to say aloud about this kind, in one sentence for people. */
  readonly honestly: string;
}

export type Availability =
  | { readonly ok: true; readonly detail: string }
  | { readonly ok: false; readonly problem: string; readonly hint: string };

/** The address a PC got, when somebody knows. */
export interface PcAddress {
  readonly mac: Mac;
  readonly ip: Ipv4;
}
