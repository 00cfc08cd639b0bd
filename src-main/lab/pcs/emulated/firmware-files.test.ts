import { expect, it } from 'vitest';
import { decodeEntryPoint, decodeStructures } from '../../../protocol/smbios.ts';
import { readSystem } from '../../../protocol/smbios-records.ts';
import { bootOrderFile, nicRomFile, smbiosFiles } from './firmware-files.ts';

const text = (data: Uint8Array) => Buffer.from(data).toString('latin1');

it('lists boot devices as SeaBIOS names them, and nothing after them', () => {
  expect(text(bootOrderFile(['disk', 'network']).data)).toBe(
    '/pci@i0cf8/*@1e/drive@0/disk@0\n/pci@i0cf8/*@5\nHALT\0',
  );
  expect(text(bootOrderFile([]).data)).toBe('HALT\0');
});

it('gives the NIC its option ROM', () => {
  const rom = Uint8Array.of(0x55, 0xaa);
  expect(nicRomFile(rom)).toEqual({ name: 'pci10ec,8029.rom', data: rom });
});

it('says who the PC is', () => {
  const uuid = '12345678-9abc-4def-8123-456789abcdef';
  const identity = { uuid, vendor: 'Rackbox', product: 'Lab PC', serial: 'LAB-1' };
  const files = new Map(smbiosFiles(identity, 128).map(({ name, data }) => [name, data]));
  const table = files.get('etc/smbios/smbios-tables')!;
  expect(readSystem(decodeStructures(table)!)).toMatchObject(identity);
  expect(decodeEntryPoint(files.get('etc/smbios/smbios-anchor')!)).toMatchObject({
    tableLength: table.length,
  });
});
