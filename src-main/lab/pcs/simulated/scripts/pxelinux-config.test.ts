import fc from 'fast-check';
import { expect, test } from 'vitest';
import { defaultPxelinuxLabel, pxelinuxConfigNames } from './pxelinux-config.ts';

test('reads the default label', () => {
  const text = `DEFAULT execute
LABEL other
  KERNEL x
LABEL execute
  SAY Booting under MAAS direction...
  KERNEL http://10.77.0.1:5248/images/boot-kernel
  INITRD http://10.77.0.1:5248/images/boot-initrd
  APPEND nomodeset ro
  IPAPPEND 2
`;
  expect(defaultPxelinuxLabel(text)).toEqual({
    kernel: 'http://10.77.0.1:5248/images/boot-kernel',
    initrds: ['http://10.77.0.1:5248/images/boot-initrd'],
    append: 'nomodeset ro',
    ipAppend: 2,
    localBoot: false,
  });
});

test('boots the disk for LOCALBOOT and chain.c32, and picks by the CPU', () => {
  expect(defaultPxelinuxLabel('label a\nlocalboot 0')?.localBoot).toBe(true);
  expect(defaultPxelinuxLabel('label a\nkernel chain.c32\nappend hd0')?.localBoot).toBe(true);
  const cpu =
    'default d\nlabel d\nkernel ifcpu64.c32\nappend amd64 -- i386\nlabel amd64\nkernel k\nlabel i386\nkernel i';
  expect(defaultPxelinuxLabel(cpu)?.kernel).toBe('k');
  expect(defaultPxelinuxLabel('label a\nkernel k\nappend initrd=a,b quiet')?.initrds).toEqual(['a', 'b']);
  expect(defaultPxelinuxLabel('prompt 0')).toBeNull();
});

test('any text is read', () => {
  fc.assert(fc.property(fc.string(), (text) => void defaultPxelinuxLabel(`label a\n${text}`)));
});

test('asks for the names in order', () => {
  const names = pxelinuxConfigNames('1234', '52-54-00-aa-bb-01', 0x0a4d0014);
  expect(names.slice(0, 4)).toEqual(['1234', '01-52-54-00-aa-bb-01', '0A4D0014', '0A4D001']);
  expect(names.slice(-2)).toEqual(['0', 'default']);
  expect(names).toHaveLength(11);
});
