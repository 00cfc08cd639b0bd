import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mac } from '../../base/address.ts';
import { parseConfigPath } from './config-path.ts';

const uuid = 'deadbeef-0001-0002-0003-0123456789ab';
const machine = { kind: 'machine', mac: mac('52:54:00:0a:0b:0c'), uuid: null, arch: null };
const byUuid = { kind: 'machine', mac: null, uuid, arch: null };

test.each([
  ['ipxe.cfg', { loader: 'ipxe', kind: 'chain' }],
  ['ipxe.cfg-52:54:00:0a:0b:0c', { loader: 'ipxe', ...machine }],
  ['ipxe.cfg-52-54-00-0A-0B-0C', { loader: 'ipxe', ...machine }],
  ['ipxe.cfg-default-amd64', { loader: 'ipxe', kind: 'default', arch: 'amd64' }],
  ['grub/grub.cfg', { loader: 'grub', kind: 'chain' }],
  ['debian-installer/amd64/grub/grub.cfg', { loader: 'grub', kind: 'chain' }],
  ['EFI/debian/grub.cfg', { loader: 'grub', kind: 'chain' }],
  ['boot/grub/grub.cfg', { loader: 'grub', kind: 'chain' }],
  ['grub.cfg', { loader: 'grub', kind: 'chain' }],
  ['grub/grub.cfg-52:54:00:0a:0b:0c', { loader: 'grub', ...machine }],
  ['grub/grub.cfg-52-54-00-0a-0b-0c', { loader: 'grub', ...machine }],
  ['grub/grub.cfg-default-x86_64', { loader: 'grub', kind: 'default', arch: 'amd64' }],
  ['grub/grub.cfg-default-powerpc', { loader: 'grub', kind: 'default', arch: 'ppc64el' }],
  ['pxelinux.cfg/01-52-54-00-0a-0b-0c', { loader: 'pxelinux', ...machine }],
  [`pxelinux.cfg/${uuid.toUpperCase()}`, { loader: 'pxelinux', ...byUuid }],
  ['pxelinux.cfg/default', { loader: 'pxelinux', kind: 'default', arch: null }],
  ['pxelinux.cfg/default.i386', { loader: 'pxelinux', kind: 'default', arch: 'i386' }],
  ['pxelinux.cfg/default-arm64-generic', { loader: 'pxelinux', kind: 'default', arch: 'arm64' }],
  ['ppc64el/pxelinux.cfg/01-52-54-00-0a-0b-0c', { loader: 'pxelinux', ...machine, arch: 'ppc64el' }],
  ['ppc64el/pxelinux.cfg/default', { loader: 'pxelinux', kind: 'default', arch: 'ppc64el' }],
  ['pxelinux.cfg/0A000005', { loader: 'pxelinux', kind: 'unserved' }],
  ['pxelinux.cfg/52-54-00-0a-0b-0c', { loader: 'pxelinux', kind: 'unserved' }],
  ['grub/grub.cfg-something', { loader: 'grub', kind: 'unserved' }],
])('%s', (path, request) => expect(parseConfigPath(path)).toEqual(request));

test.each([
  'grub/x86_64-efi/grub.cfg',
  'grub/x86_64-efi/command.lst',
  'lpxelinux.0',
  'images/a/ipxe.cfg',
  '',
])('%j is no configuration', (path) => expect(parseConfigPath(path)).toBeNull());

test('an architecture that nobody knows is none, even one that every object has', () => {
  expect(parseConfigPath('grub/grub.cfg-default-constructor')).toMatchObject({ kind: 'default', arch: null });
});

test('never throws', () => {
  const part = fc.constantFrom(
    'pxelinux.cfg/',
    'grub.cfg-',
    'ipxe.cfg-',
    'default',
    '-',
    '.',
    '01-',
    uuid,
    'grub/',
  );
  const path = fc.oneof(
    fc.string(),
    fc.array(fc.oneof(part, fc.string({ maxLength: 5 }))).map((p) => p.join('')),
  );
  fc.assert(fc.property(path, (text) => void parseConfigPath(text)));
});
