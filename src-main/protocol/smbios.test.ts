import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeEntryPoint,
  decodeStructures,
  decodeUuid,
  END_OF_TABLE,
  encodeEntryPoint,
  encodeStructures,
  encodeTable,
  encodeUuid,
} from './smbios.ts';
import { machineStructures, readSystem } from './smbios-records.ts';

const latin1 = fc
  .array(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength: 20 })
  .map((codes) => String.fromCharCode(...codes));
const structure = fc.record({
  type: fc.integer({ min: 0, max: 255 }).filter((type) => type !== END_OF_TABLE),
  handle: fc.integer({ min: 0, max: 0xffff }),
  data: fc.uint8Array({ maxLength: 251 }),
  strings: fc.array(latin1, { maxLength: 5 }),
});
const u16 = fc.integer({ min: 0, max: 0xffff });
const entryPoint = fc.record({
  major: fc.integer({ min: 0, max: 15 }),
  minor: fc.integer({ min: 0, max: 15 }),
  maxStructureSize: u16,
  tableLength: u16,
  tableAddress: fc.integer({ min: 0, max: 0xffffffff }),
  structureCount: u16,
});

const MACHINE = {
  uuid: '12345678-9abc-4def-8123-456789abcdef',
  vendor: 'Rackbox',
  product: 'Lab PC',
  serial: 'LAB-0001',
  firmware: { vendor: 'SeaBIOS', version: '1.16.2', date: '04/01/2014' },
  cpus: 1,
  cpuName: 'v86',
  memoryMb: 128,
};

describe('SMBIOS structures', () => {
  it('come back as they went', () => {
    fc.assert(
      fc.property(fc.array(structure, { maxLength: 6 }), (structures) => {
        expect(decodeStructures(encodeStructures(structures))).toEqual(structures);
      }),
    );
  });

  it('never throw on random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const decoded = decodeStructures(bytes);
        expect(decoded === null || Array.isArray(decoded)).toBe(true);
      }),
    );
  });

  it('stop at the end-of-table structure', () => {
    const end = { type: END_OF_TABLE, handle: 1, data: new Uint8Array(), strings: [] };
    const bytes = encodeStructures([end, { ...end, type: 1 }]);
    expect(decodeStructures(bytes)).toEqual([end]);
  });

  it.each([
    ['a length below the header', [1, 3, 0, 0, 0, 0]],
    ['data past the end', [1, 40, 0, 0, 0, 0]],
    ['a string set without its end', [1, 4, 0, 0, 65, 0]],
    ['one zero byte where two belong', [1, 4, 0, 0, 0, 1]],
  ])('are refused: %s', (_, bytes) => {
    expect(decodeStructures(Uint8Array.from(bytes))).toBeNull();
  });

  it('refuse to be written when they cannot be expressed', () => {
    const base = { type: 1, handle: 0, data: new Uint8Array(), strings: [] };
    expect(() => encodeStructures([{ ...base, strings: [''] }])).toThrow(RangeError);
    expect(() => encodeStructures([{ ...base, strings: ['a\0b'] }])).toThrow(RangeError);
    expect(() => encodeStructures([{ ...base, data: new Uint8Array(252) }])).toThrow(RangeError);
  });
});

describe('the SMBIOS entry point', () => {
  it('comes back as it went, both checksums being zero', () => {
    fc.assert(
      fc.property(entryPoint, (entry) => {
        const bytes = encodeEntryPoint(entry);
        expect(decodeEntryPoint(bytes)).toEqual(entry);
        expect(bytes.reduce((a, b) => a + b, 0) & 255).toBe(0);
        expect(bytes.subarray(16).reduce((a, b) => a + b, 0) & 255).toBe(0);
      }),
    );
  });

  it('is refused when any byte was damaged', () => {
    fc.assert(
      fc.property(entryPoint, fc.nat(30), fc.integer({ min: 1, max: 255 }), (entry, at, change) => {
        const bytes = encodeEntryPoint(entry);
        bytes[at] = (bytes[at]! + change) & 255;
        expect(decodeEntryPoint(bytes)).toBeNull();
      }),
    );
  });

  it('never throws on random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(decodeEntryPoint(bytes)).toBeNull();
      }),
    );
  });

  it('describes its table', () => {
    const { table, entryPoint: bytes } = encodeTable(machineStructures(MACHINE));
    const structures = decodeStructures(table)!;
    expect(decodeEntryPoint(bytes)).toMatchObject({
      major: 2,
      minor: 8,
      tableLength: table.length,
      structureCount: structures.length,
    });
  });
});

describe('UUIDs', () => {
  it('keep SMBIOS byte order', () => {
    const bytes = encodeUuid('00112233-4455-6677-8899-aabbccddeeff')!;
    expect(Buffer.from(bytes).toString('hex')).toBe('33221100554477668899aabbccddeeff');
  });

  it('come back as they went', () => {
    fc.assert(fc.property(fc.uuid(), (uuid) => decodeUuid(encodeUuid(uuid)!) === uuid));
  });

  it('are null when they are none', () => {
    expect(encodeUuid('not a uuid')).toBeNull();
    expect(decodeUuid(new Uint8Array(15))).toBeNull();
  });
});

describe("a PC's records", () => {
  it('carry its identity', () => {
    const structures = decodeStructures(encodeStructures(machineStructures(MACHINE)))!;
    expect(structures.map(({ type }) => type)).toEqual([0, 1, 3, 4, 16, 17, 19, 32, 127]);
    expect(readSystem(structures)).toEqual({
      vendor: 'Rackbox',
      product: 'Lab PC',
      version: '1',
      serial: 'LAB-0001',
      uuid: MACHINE.uuid,
    });
  });

  it('have unique handles and the lengths of their types', () => {
    const structures = machineStructures({ ...MACHINE, cpus: 4 });
    expect(new Set(structures.map(({ handle }) => handle)).size).toBe(structures.length);
    const lengths = new Map(structures.map(({ type, data }) => [type, data.length + 4]));
    expect(Object.fromEntries(lengths)).toEqual({
      0: 24,
      1: 27,
      3: 21,
      4: 42,
      16: 23,
      17: 40,
      19: 31,
      32: 11,
      127: 4,
    });
  });

  it('replace what SMBIOS cannot say', () => {
    const structures = machineStructures({ ...MACHINE, product: 'PC €\n', serial: '' });
    expect(readSystem(structures)).toMatchObject({ product: 'PC ??', serial: '' });
  });

  it('say nothing of a table without a system', () => {
    expect(readSystem([])).toBeNull();
  });
});
