import fc from 'fast-check';
import { expect, test } from 'vitest';
import { normalizeBootPath } from './boot-path.ts';

test.each([
  ['lpxelinux.0', 'lpxelinux.0'],
  ['/lpxelinux.0', 'lpxelinux.0'],
  ['//grub//grub.cfg', 'grub/grub.cfg'],
  ['\\EFI\\BOOT\\grubx64.efi', 'EFI/BOOT/grubx64.efi'],
  ['./pxelinux.cfg/default', 'pxelinux.cfg/default'],
  ['grubx64.efi\xff\xfe\x03', 'grubx64.efi'],
  ['/grubx64.efi bootx64.efi', 'grubx64.efi'],
  ['pxelinux.cfg/default\xff', 'pxelinux.cfg/default'],
  ['bootx64.efi.signed', 'bootx64.efi.signed'],
  ['a.efi/b.cfg', 'a.efi/b.cfg'],
  ['ubuntu/amd64/ga-22.04/jammy/stable/boot-kernel', 'ubuntu/amd64/ga-22.04/jammy/stable/boot-kernel'],
])('%j is %j', (raw, path) => expect(normalizeBootPath(raw)).toBe(path));

test.each([
  '',
  '/',
  '..',
  '../etc/passwd',
  'a/../../b',
  '\\..\\x',
  'a\nb',
  '\xff',
  'x'.repeat(600),
])('%j is refused', (raw) => expect(normalizeBootPath(raw)).toBeNull());

test('never throws, and what comes out is safe and stable', () => {
  const raw = fc
    .array(fc.constantFrom('.', '..', '/', '\\', 'a', 'x.efi', '\0', '\xff', ' '))
    .map((p) => p.join(''));
  fc.assert(
    fc.property(fc.oneof(raw, fc.string()), (text) => {
      const path = normalizeBootPath(text);
      if (path === null) return;
      expect(path.split('/')).not.toContain('..');
      expect(path.startsWith('/')).toBe(false);
      expect(path).toMatch(/^[\x20-\x7e]+$/);
      expect(normalizeBootPath(path)).toBe(path);
    }),
  );
});
