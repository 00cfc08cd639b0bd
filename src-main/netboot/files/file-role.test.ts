import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mac } from '../../base/address.ts';
import { fileRole } from './file-role.ts';

test.each([
  ['undionly.kpxe', 'loader', false],
  ['bootx64.efi', 'loader', false],
  ['revocations_sbat.efi', 'loader', true],
  ['shim_certificate_0.efi', 'loader', true],
  ['grub/x86_64-efi/command.lst', 'loader', true],
  ['grub/x86_64-efi/grub.cfg', 'config', true],
  ['grub/grub.cfg', 'config', false],
  ['ipxe.cfg', 'config', false],
  ['pxelinux.cfg/0A4D', 'config', true],
  ['pxelinux.cfg/default', 'config', false],
  ['images/a1/ubuntu/amd64/ga-22.04/jammy/stable/boot-kernel', 'kernel', false],
  ['images/a1/ubuntu/amd64/ga-22.04/jammy/stable/boot-initrd', 'initrd', false],
  ['images/a1/ubuntu/amd64/ga-22.04/jammy/stable/squashfs', 'initrd', false],
])('%s is of phase %s', (path, phase, optional) => {
  expect(fileRole(path)).toEqual({ phase, optional, mac: null });
});

test('a name with a MAC tells the machine', () => {
  expect(fileRole('pxelinux.cfg/01-52-54-00-00-00-01')).toEqual({
    phase: 'config',
    optional: true,
    mac: mac('52:54:00:00:00:01'),
  });
});

test('other files are no part of a boot', () => expect(fileRole('favicon.ico')).toBeNull());
test('never throws', () => fc.assert(fc.property(fc.string(), (path) => void fileRole(path))));
