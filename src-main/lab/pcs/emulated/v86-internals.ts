import type { V86, V86Image } from 'v86';

/**
 * Everything of v86 that is not its public API, behind narrow types that are checked when the emulator
 * starts: another version with another shape is refused with the name of what is missing.
 */
export interface V86Internals {
  /** Files that the firmware reads by fw_cfg: option ROMs, boot order, SMBIOS tables. */
  readonly firmwareFiles: FirmwareFile[];
  readonly nic: Ne2000;
  readonly vga: Vga;
  /** Burns the address into the NIC's registers and its PROM. */
  setMac(bytes: Uint8Array): void;
  /** Names what IDE IDENTIFY says of a disk of the primary channel. */
  setDiskIdentity(disk: 0 | 1, model: string, serial: string): void;
  /** The guest wrote SLP_EN to the ACPI power management register (S5, "soft off"). */
  onPowerOff(listener: () => void): void;
  /** The guest reset the PC (keyboard controller, port 0xCF9 or a triple fault); v86's own warm reset is replaced. */
  onReset(listener: () => void): void;
  /** The guest moved the NIC's receive ring, or started the NIC: there may be room for frames. */
  onReceiveRoom(listener: () => void): void;
}

export interface FirmwareFile {
  readonly name: string;
  readonly data: Uint8Array;
}

/** Registers of the DP8390 core and its 32 KiB of packet memory. */
export interface Ne2000 {
  readonly mac: Uint8Array;
  readonly memory: Uint8Array;
  readonly cr: number;
  readonly boundary: number;
  readonly curpg: number;
  readonly pstart: number;
  readonly pstop: number;
  do_interrupt(mask: number): void;
  receive(frame: Uint8Array): void;
}

export interface Vga {
  readonly graphical_mode: boolean;
  readonly max_cols: number;
  readonly max_rows: number;
  /** In units of a character and its attribute. */
  readonly start_address: number;
  /** Row pitch in units of four bytes. */
  readonly offset_register: number;
  readonly vga_memory: Uint8Array;
  readonly svga_enabled: boolean;
  readonly svga_width: number;
  readonly svga_height: number;
  readonly svga_bpp: number;
  readonly svga_offset: number;
  readonly svga_memory: Uint8Array;
}

/** What v86 wants of a disk image that is not one of its own classes. */
export interface DiskBuffer {
  readonly byteLength: number;
  onload: ((event: object) => void) | undefined;
  load(): void;
  get(start: number, length: number, done: (data: Uint8Array) => void): void;
  get_and_cache(start: number, length: number, done: (data: Uint8Array) => void): void;
  get_from_cache(start: number, length: number): Uint8Array;
  set(start: number, data: Uint8Array, done: () => void): void;
}

/** Thrown when v86 does not look as expected. */
export class V86ShapeError extends Error {
  constructor(path: string) {
    super(`this version of v86 has no usable "${path}"`);
    this.name = 'V86ShapeError';
  }
}

/** v86's types know only ArrayBuffers and URLs; its code takes any object with `get`, `set` and `load`. */
export function asImage(disk: DiskBuffer): V86Image {
  return disk as unknown as V86Image;
}

const NIC_PORT = 0x300;
const NIC_COMMAND = NIC_PORT;
const NIC_BOUNDARY = NIC_PORT + 3;
const NIC_ISR = NIC_PORT + 7;
const NIC_STOPPED = 0x01;
const RECEIVED = 0x01;
const PM1A_CONTROL = 0xb004;
const SLEEP_ENABLE = 0x2000;
/** SeaBIOS makes ACPI tables only where it recognises QEMU by the host bridge's subsystem id. */
const QEMU_SUBSYSTEM = 0x11001af4;

/** Looks into a ready emulator (NE2000 NIC, ACPI on). Throws V86ShapeError. */
export function openInternals(emulator: V86): V86Internals {
  const cpu = child(child(emulator, 'v86'), 'v86.cpu', ['option_roms', 'io', 'devices', 'reboot_internal']);
  const devices = child(cpu, 'v86.cpu.devices', ['net', 'vga', 'pci', 'ide']);
  const nic = shape<Ne2000>(devices.net, 'cpu.devices.net', {
    mac: 'bytes',
    memory: 'bytes',
    cr: 'number',
    boundary: 'number',
    curpg: 'number',
    pstart: 'number',
    pstop: 'number',
    do_interrupt: 'function',
    receive: 'function',
  });
  const vga = shape<Vga>(devices.vga, 'cpu.devices.vga', {
    graphical_mode: 'boolean',
    max_cols: 'number',
    max_rows: 'number',
    start_address: 'number',
    offset_register: 'number',
    vga_memory: 'bytes',
    svga_enabled: 'boolean',
    svga_width: 'number',
    svga_height: 'number',
    svga_bpp: 'number',
    svga_offset: 'number',
    svga_memory: 'bytes',
  });
  const ports = child(cpu.io, 'cpu.io.ports');
  if (!Array.isArray(cpu.option_roms)) throw new V86ShapeError('cpu.option_roms');
  const hostBridge = child(child(devices.pci, 'cpu.devices.pci.device_spaces'), '0');
  if (!(hostBridge instanceof Int32Array)) throw new V86ShapeError('cpu.devices.pci.device_spaces[0]');
  hostBridge[0x2c >> 2] = QEMU_SUBSYSTEM;

  return {
    firmwareFiles: cpu.option_roms as FirmwareFile[],
    nic,
    vga,
    setMac(bytes) {
      bytes.forEach((byte, i) => {
        nic.mac[i] = byte;
        // The PROM is read a word at a time; each byte is there twice.
        nic.memory[2 * i] = byte;
        nic.memory[2 * i + 1] = byte;
      });
    },
    setDiskIdentity(disk, model, serial) {
      const primary = child(devices.ide, 'cpu.devices.ide.primary');
      const drive = child(primary, disk === 0 ? 'ide.primary.master' : 'ide.primary.slave');
      nameDrive(drive, model, serial);
    },
    onPowerOff(listener) {
      afterWrite(ports, PM1A_CONTROL, 'write16', (value) => {
        if (value & SLEEP_ENABLE) listener();
      });
    },
    onReset(listener) {
      cpu.reboot_internal = listener;
    },
    onReceiveRoom(listener) {
      afterWrite(ports, NIC_BOUNDARY, 'write8', listener);
      afterWrite(ports, NIC_COMMAND, 'write8', listener);
      afterWrite(ports, NIC_ISR, 'write8', () => {
        // Linux's driver acknowledges after it looked at the ring, at most ten frames a turn: what is
        // still there must interrupt again, or it waits for the next frame to come in.
        if (!(nic.cr & NIC_STOPPED) && hasFrames(nic)) nic.do_interrupt(RECEIVED);
      });
    },
  };
}

/** Drivers keep the boundary one page behind the next frame to read. */
function hasFrames({ boundary, curpg, pstart, pstop }: Ne2000): boolean {
  const next = boundary + 1 >= pstop ? pstart : boundary + 1;
  return curpg !== boundary && curpg !== next;
}

type Kind = 'number' | 'boolean' | 'function' | 'bytes';
type Shapeless = Record<string, unknown>;

function shape<T extends object>(value: unknown, path: string, kinds: Record<keyof T & string, Kind>): T {
  const object = asObject(value, path);
  for (const [key, kind] of Object.entries<Kind>(kinds)) {
    const property = object[key];
    // v86 wraps views of its growing memory in proxies, so only length and elements tell a byte array.
    const fits =
      kind === 'bytes'
        ? typeof property === 'object' && typeof (property as ArrayLike<number> | null)?.length === 'number'
        : typeof property === kind;
    if (!fits) throw new V86ShapeError(`${path}.${key}`);
  }
  return object as T;
}

/** The property named by the last part of `path`, an object that has all of `keys`. */
function child(parent: unknown, path: string, keys: readonly string[] = []): Shapeless {
  const name = path.slice(path.lastIndexOf('.') + 1);
  const object = asObject(asObject(parent, path)[name], path);
  for (const key of keys) if (object[key] === undefined) throw new V86ShapeError(`${path}.${key}`);
  return object;
}

function asObject(value: unknown, path: string): Shapeless {
  if (typeof value !== 'object' || value === null) throw new V86ShapeError(path);
  return value as Shapeless;
}

/** Calls `listener` after each write to an I/O port. The entry object stays the port's own when the BAR moves. */
function afterWrite(
  ports: Shapeless,
  port: number,
  width: 'write8' | 'write16',
  listener: (value: number) => void,
): void {
  const entry = asObject(ports[port], `cpu.io.ports[${port}]`);
  const original = entry[width];
  if (typeof original !== 'function') throw new V86ShapeError(`cpu.io.ports[${port}].${width}`);
  entry[width] = function (this: unknown, value: number) {
    original.call(this, value);
    listener(value);
  };
}

/**
 * ATA IDENTIFY DEVICE: words 10–19 serial number, 27–46 model (ATA-6 §8.15). Drives are sealed objects,
 * so their class is patched, once for each drive.
 */
function nameDrive(drive: Shapeless, model: string, serial: string): void {
  const drives = asObject(Object.getPrototypeOf(drive), 'ide.primary.master');
  const original = drives.create_identify_packet;
  if (typeof original !== 'function') throw new V86ShapeError('ide.primary.master.create_identify_packet');
  drives.create_identify_packet = function (this: { readonly data: Uint8Array }) {
    original.call(this);
    if ((this as unknown) !== drive) return;
    putAtaText(this.data, 10, 10, serial);
    putAtaText(this.data, 27, 20, model);
  };
}

/** ATA strings are padded with blanks, and the two characters of each word are swapped. */
function putAtaText(data: Uint8Array, word: number, words: number, text: string): void {
  for (let i = 0; i < 2 * words; i++)
    data[2 * word + (i ^ 1)] = i < text.length ? text.charCodeAt(i) & 127 : 32;
}
