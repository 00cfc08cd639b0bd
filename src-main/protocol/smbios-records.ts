import { decodeUuid, END_OF_TABLE, encodeUuid, type SmbiosStructure } from './smbios.ts';

/** What the tables of a plain PC say (DMTF DSP0134 2.8, §7). */
export interface SmbiosMachine {
  /** Text form; the nil UUID when it is not one. */
  readonly uuid: string;
  readonly vendor: string;
  readonly product: string;
  readonly serial: string;
  readonly firmware: { readonly vendor: string; readonly version: string; readonly date: string };
  readonly cpus: number;
  readonly cpuName: string;
  readonly memoryMb: number;
}

/** What `readSystem` finds in a type 1 structure. */
export interface SmbiosSystem {
  readonly vendor: string;
  readonly product: string;
  readonly version: string;
  readonly serial: string;
  readonly uuid: string | null;
}

const CHASSIS_HANDLE = 0x0300;
const MEMORY_ARRAY_HANDLE = 0x1000;
const NO_HANDLE = 0xffff;
const NO_ERROR_HANDLE = 0xfffe;

/** The structures that Linux, iPXE and dmidecode expect of a PC: types 0, 1, 3, 4, 16, 17, 19, 32 and 127. */
export function machineStructures(machine: SmbiosMachine): SmbiosStructure[] {
  return [
    firmware(machine),
    system(machine),
    chassis(machine),
    ...Array.from({ length: machine.cpus }, (_, index) => processor(machine, index)),
    memoryArray(machine),
    memoryDevice(machine),
    mappedMemory(machine),
    record(32, 0x2000, 7, () => undefined), // System Boot: no errors detected
    record(END_OF_TABLE, 0x7f00, 0, () => undefined),
  ];
}

/** Reads the System Information structure; null when the table has none. */
export function readSystem(structures: readonly SmbiosStructure[]): SmbiosSystem | null {
  const found = structures.find(({ type, data }) => type === 1 && data.length >= 4);
  if (!found) return null;
  const text = (at: number) => found.strings[(found.data[at] ?? 0) - 1] ?? '';
  const uuid = decodeUuid(found.data.subarray(4, 20));
  return { vendor: text(0), product: text(1), version: text(2), serial: text(3), uuid };
}

function firmware({ firmware: { vendor, version, date } }: SmbiosMachine): SmbiosStructure {
  return record(0, 0x0000, 20, (put) => {
    put.text(0, vendor);
    put.text(1, version);
    put.u16(2, 0xe800); // starting segment
    put.text(4, date);
    put.u8(6, 0x08); // characteristics: "not supported" (bit 3)
    put.u8(14, 0x01); // extension byte 1: ACPI
    put.u8(15, 0x10); // extension byte 2: a virtual machine (§7.1.2.2)
    for (const release of [16, 17, 18, 19]) put.u8(release, 0xff); // BIOS and controller: unknown
  });
}

function system({ vendor, product, serial, uuid }: SmbiosMachine): SmbiosStructure {
  return record(1, 0x0100, 23, (put) => {
    put.text(0, vendor);
    put.text(1, product);
    put.text(2, '1');
    put.text(3, serial);
    put.bytes(4, encodeUuid(uuid) ?? new Uint8Array(16));
    put.u8(20, 6); // wake-up type: power switch
  });
}

function chassis({ vendor, serial }: SmbiosMachine): SmbiosStructure {
  return record(3, CHASSIS_HANDLE, 17, (put) => {
    put.text(0, vendor);
    put.u8(1, 1); // type: other
    put.text(2, '1');
    put.text(3, serial);
    put.u8(5, 3); // boot-up, power supply and thermal state: safe
    put.u8(6, 3);
    put.u8(7, 3);
    put.u8(8, 2); // security: unknown
  });
}

function processor({ cpuName, vendor }: SmbiosMachine, index: number): SmbiosStructure {
  return record(4, 0x0400 + index, 38, (put) => {
    put.text(0, `CPU ${index}`);
    put.u8(1, 3); // central processor
    put.u8(2, 1); // family: other
    put.text(3, vendor);
    put.text(12, cpuName);
    put.u8(20, 0x41); // socket populated, enabled
    put.u8(21, 1); // upgrade: other
    for (const cache of [22, 24, 26]) put.u16(cache, NO_HANDLE);
    for (const count of [31, 32, 33]) put.u8(count, 1); // cores, enabled cores, threads
    put.u16(34, 0x0002); // characteristics: unknown
  });
}

function memoryArray({ memoryMb }: SmbiosMachine): SmbiosStructure {
  return record(16, MEMORY_ARRAY_HANDLE, 19, (put) => {
    put.u8(0, 1); // location: other
    put.u8(1, 3); // use: system memory
    put.u8(2, 6); // error correction: multi-bit ECC
    put.u32(3, memoryMb * 1024);
    put.u16(7, NO_ERROR_HANDLE);
    put.u16(9, 1);
  });
}

function memoryDevice({ memoryMb, vendor }: SmbiosMachine): SmbiosStructure {
  return record(17, 0x1100, 36, (put) => {
    put.u16(0, MEMORY_ARRAY_HANDLE);
    put.u16(2, NO_ERROR_HANDLE);
    put.u16(4, NO_HANDLE); // widths: unknown
    put.u16(6, NO_HANDLE);
    put.u16(8, memoryMb < 0x7fff ? memoryMb : 0x7fff); // 0x7fff: look at the extended size
    put.u8(10, 9); // form factor: DIMM
    put.text(12, 'DIMM 0');
    put.u8(14, 7); // type: RAM
    put.u16(15, 2); // detail: other
    put.text(19, vendor);
    put.u32(24, memoryMb < 0x7fff ? 0 : memoryMb);
  });
}

function mappedMemory({ memoryMb }: SmbiosMachine): SmbiosStructure {
  return record(19, 0x1300, 27, (put) => {
    put.u32(4, memoryMb * 1024 - 1); // ending address in KiB
    put.u16(8, MEMORY_ARRAY_HANDLE);
    put.u8(10, 1); // partition width
  });
}

interface RecordWriter {
  u8(at: number, value: number): void;
  u16(at: number, value: number): void;
  u32(at: number, value: number): void;
  bytes(at: number, value: Uint8Array): void;
  /** Adds a string and stores its number; an empty one is number 0. Non-Latin-1 characters become "?". */
  text(at: number, value: string): void;
}

function record(
  type: number,
  handle: number,
  length: number,
  fill: (put: RecordWriter) => void,
): SmbiosStructure {
  const data = new Uint8Array(length);
  const view = new DataView(data.buffer);
  const strings: string[] = [];
  fill({
    u8: (at, value) => view.setUint8(at, value),
    u16: (at, value) => view.setUint16(at, value, true),
    u32: (at, value) => view.setUint32(at, value, true),
    bytes: (at, value) => data.set(value, at),
    text(at, value) {
      const printable = value.replace(/[^\u0020-\u007e\u00a0-\u00ff]/g, '?').slice(0, 64);
      if (printable === '') return;
      strings.push(printable);
      data[at] = strings.length;
    },
  });
  return { type, handle, data, strings };
}
