import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hasCode } from '../../base/errors.ts';
import { parsePcSelections } from './pc-selection.ts';

test('reads kinds, firmwares and counts', () => {
  expect(parsePcSelections('simulated:20, emulated ,qemu-uefi:2,qemu-secure:1')).toEqual([
    { label: 'simulated', kind: 'simulated', count: 20 },
    { label: 'emulated', kind: 'emulated', count: 1 },
    { label: 'qemu-uefi', kind: 'qemu', firmware: 'uefi', count: 2 },
    { label: 'qemu-secure', kind: 'qemu', firmware: 'uefi-secure', count: 1 },
  ]);
});

test.each([
  '',
  'toaster:1',
  'qemu-coreboot',
  'simulated:-1',
  'simulated:0',
  'simulated:1001',
  'simulated:x',
])('refuses "%s"', (text) => {
  expect(() => parsePcSelections(text)).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
});

test('any text is read or refused with the same code', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        expect(parsePcSelections(text).length).toBeGreaterThan(0);
      } catch (error) {
        expect(hasCode(error, 'BAD_ARGUMENT')).toBe(true);
      }
    }),
  );
});
