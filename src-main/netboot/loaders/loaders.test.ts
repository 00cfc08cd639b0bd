// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the loaders are written like this
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ipv4 } from '../../base/address.ts';
import type { BootClient, BootPlan } from '../ports.ts';
import { grubChain, grubConfig, grubWords } from './grub.ts';
import { ipxeChain, ipxeScript } from './ipxe.ts';
import { pxelinuxConfig } from './pxelinux.ts';

const server = { address: ipv4('10.77.0.1'), httpPort: 5248 };
const amd64 = { kernel: 'a1/ubuntu/amd64/boot-kernel', initrd: 'a2/ubuntu/amd64/boot-initrd' };
const i386 = { kernel: 'b1/micro/i386/boot-kernel', initrd: 'b2/micro/i386/boot-initrd' };

const plan = (change: Partial<BootPlan> = {}): BootPlan => ({
  purpose: 'commissioning',
  hostname: 'node-1',
  images: { amd64, i386 },
  kernelOptions: ['nomodeset', 'ip=::::node-1:BOOTIF', "cc:{'datasource_list': ['MAAS']}end_cc"],
  ...change,
});
const client = (change: Partial<BootClient> = {}): BootClient => ({
  mac: null,
  uuid: null,
  arch: null,
  loader: 'pxelinux',
  transport: 'http',
  server,
  ...change,
});

describe('iPXE', () => {
  test('the chain asks by MAC, then for the default', () => {
    expect(ipxeChain(server)).toBe(
      [
        '#!ipxe',
        'chain --replace --autofree http://10.77.0.1:5248/ipxe.cfg-${mac} ||',
        'chain --replace --autofree http://10.77.0.1:5248/ipxe.cfg-default-amd64',
        '',
      ].join('\n'),
    );
  });

  test('the CPU chooses the image', () => {
    const script = ipxeScript(plan(), server);
    expect(script).toContain('\ncpuid --ext 29 && set arch amd64 || set arch i386\n');
    expect(script).toContain(
      ':boot-amd64\nkernel --name kernel http://10.77.0.1:5248/images/a1/ubuntu/amd64/boot-kernel ' +
        "${initrd-option} nomodeset ip=::::node-1:BOOTIF cc:{'datasource_list': ['MAAS']}end_cc " +
        'BOOTIF=01-${mac:hexhyp} || goto failed\n' +
        'initrd --name initrd http://10.77.0.1:5248/images/a2/ubuntu/amd64/boot-initrd || goto failed\nboot',
    );
    expect(script).toContain(':boot-i386\nkernel --name kernel http://10.77.0.1:5248/images/b1/');
    expect(script).toContain(':boot-arm64\necho No boot image for arm64 machines (there is: amd64, i386).');
  });

  test('a 64-bit CPU takes the i386 image when there is no other, not the other way around', () => {
    expect(ipxeScript(plan({ images: { i386 } }), server)).toMatch(/:boot-amd64\nkernel \S+ \S+ \S+\/b1\//);
    expect(ipxeScript(plan({ images: { amd64 } }), server)).toContain(
      ':boot-i386\necho No boot image for i386',
    );
  });

  test('local boot: BIOS drives, or the next entry of UEFI', () => {
    const script = ipxeScript(plan({ purpose: 'local' }), server);
    expect(script).toContain(
      'iseq ${platform} efi && exit 1 ||\nsanboot --no-describe --drive 0x80 || sanboot',
    );
    expect(script).not.toContain('kernel');
  });

  test('power off waits politely where the command is missing', () => {
    expect(ipxeScript(plan({ purpose: 'poweroff' }), server)).toContain(
      'poweroff ||\n:idle\necho Nothing to do',
    );
  });

  test('every goto has its label, whatever the images', () => {
    const images = fc.dictionary(fc.constantFrom('amd64', 'i386', 'arm64', 'ppc64el'), fc.constant(amd64));
    const purpose = fc.constantFrom<BootPlan['purpose']>('enlist', 'xinstall', 'local', 'poweroff');
    fc.assert(
      fc.property(images, purpose, (some, why) => {
        const script = ipxeScript(plan({ images: some, purpose: why }), server);
        const labels = new Set([...script.matchAll(/^:(\S+)$/gm)].map((match) => match[1]));
        for (const [, target] of script.matchAll(/goto (\S+)/g)) {
          const targets = target === 'boot-${arch}' ? ['boot-amd64', 'boot-i386', 'boot-arm64'] : [target];
          for (const label of targets) expect(labels).toContain(label);
        }
      }),
    );
  });
});

describe('PXELINUX', () => {
  test('ifcpu64 chooses between two images', () => {
    expect(pxelinuxConfig(plan({ kernelOptions: ['quiet'] }), client())).toBe(
      [
        '# commissioning node-1',
        'DEFAULT execute',
        'PROMPT 0',
        '',
        'LABEL execute',
        '  COM32 ifcpu64.c32',
        '  APPEND boot-amd64 -- boot-i386',
        '',
        'LABEL boot-amd64',
        '  LINUX http://10.77.0.1:5248/images/a1/ubuntu/amd64/boot-kernel',
        '  INITRD http://10.77.0.1:5248/images/a2/ubuntu/amd64/boot-initrd',
        '  APPEND quiet',
        '  IPAPPEND 2',
        '',
        'LABEL boot-i386',
        '  LINUX http://10.77.0.1:5248/images/b1/micro/i386/boot-kernel',
        '  INITRD http://10.77.0.1:5248/images/b2/micro/i386/boot-initrd',
        '  APPEND quiet',
        '  IPAPPEND 2',
        '',
      ].join('\n'),
    );
  });

  test('over TFTP the names are TFTP names', () => {
    expect(pxelinuxConfig(plan({ images: { i386 } }), client({ transport: 'tftp' }))).toContain(
      'LABEL execute\n  LINUX ::images/b1/micro/i386/boot-kernel\n',
    );
  });

  test('local boot by chain.c32 on x86, LOCALBOOT elsewhere', () => {
    expect(pxelinuxConfig(plan({ purpose: 'local' }), client())).toContain(
      '  COM32 chain.c32\n  APPEND hd0\n',
    );
    expect(pxelinuxConfig(plan({ purpose: 'local' }), client({ arch: 'ppc64el' }))).toContain('LOCALBOOT 0');
  });

  test('nothing to boot is said on the screen', () => {
    expect(pxelinuxConfig(plan({ images: {} }), client())).toContain('SAY No boot image for x86 machines');
    expect(pxelinuxConfig(plan(), client({ arch: 'ppc64el' }))).toContain(
      'No boot image for ppc64el machines',
    );
  });
});

describe('GRUB', () => {
  const grub = (change: Partial<BootPlan> = {}) => grubConfig(plan(change));

  test('the chain stays on the device that GRUB came from', () => {
    expect(grubChain()).toBe(
      'configfile /grub/grub.cfg-${net_default_mac}\nconfigfile /grub/grub.cfg-default-${grub_cpu}\n',
    );
  });

  test('each CPU has its branch', () => {
    const config = grub();
    expect(config).toContain('if [ "${grub_cpu}" = "x86_64" ]; then');
    expect(config).toContain(
      'linux /images/a1/ubuntu/amd64/boot-kernel nomodeset ip=::::node-1:BOOTIF ' +
        'cc:\\{datasource_list: [MAAS]\\}end_cc BOOTIF=01-${net_default_mac}\n',
    );
    expect(config).toContain('elif [ "${grub_cpu}" = "i386" ]; then');
    expect(config.split('\n').filter((line) => /^\s*if /.test(line)).length).toBe(
      config.split('\n').filter((line) => /^\s*fi$/.test(line)).length,
    );
  });

  test('without an image it says so and leaves', () => {
    expect(grub({ images: {} })).toContain("echo 'No boot image for these machines (there is: none).'");
  });

  test('local boot starts what it finds on a disk', () => {
    const config = grub({ purpose: 'local' });
    expect(config).toContain(
      'if search --no-floppy --set=root --file /efi/boot/bootx64.efi; then chainloader',
    );
    expect(config).toMatch(/exit 1\n}\n$/);
  });

  test.each([
    ['cc:{a: [b]}end_cc', 'cc:\\{a: [b]\\}end_cc'],
    ["x='a b' c", 'x=a\\ b c'],
    ['dyndbg="file x +p"', 'dyndbg=file\\ x\\ +p'],
    ['a;b&c|d$e', 'a\\;b\\&c\\|d\\$e'],
  ])('%s becomes %s', (line, words) => expect(grubWords(line)).toBe(words));

  test('no option can end its line or open a block', () => {
    fc.assert(
      fc.property(fc.string(), (option) => {
        const words = grubWords(option.replaceAll('\n', ' '));
        expect(words.replace(/\\./g, '')).not.toMatch(/['"{};|&<>$()#`]/);
      }),
    );
  });
});

test('options and names from users stay on their line', () => {
  const evil = plan({ hostname: 'x\nreboot', kernelOptions: ['a\nreboot', 'b\r\n}'] });
  for (const text of [ipxeScript(evil, server), pxelinuxConfig(evil, client()), grubConfig(evil)])
    expect(text).not.toMatch(/^\s*(reboot|\}.+)/m);
});
