import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mac } from '../../../base/address.ts';
import type { PcSpec } from '../pc.ts';
import { bootIndexes, commandLine, escapeValue, type Machine } from './command-line.ts';

const spec: PcSpec = {
  id: 'a1',
  name: 'node-1',
  kind: 'qemu',
  firmware: 'bios',
  cpus: 1,
  memoryMb: 1024,
  nics: [{ mac: mac('52:54:00:00:00:0a') }],
  disks: [{ id: 'root', sizeBytes: 1 << 30 }],
  identity: {
    uuid: '12345678-9abc-4def-8123-456789abcdef',
    vendor: 'Acme, Inc.',
    product: 'R1',
    serial: 'S,1',
  },
  bootOrder: ['network', 'disk'],
};

const machine: Machine = {
  spec,
  bootOrder: spec.bootOrder,
  version: { major: 7, minor: 2, micro: 22 },
  acceleration: 'tcg',
  pidFile: '/lab/a1/qemu.pid',
  firmware: null,
  diskFiles: ['/lab/a1/root.disk'],
  nics: [{ kind: 'stream', address: { kind: 'fd', fd: 6 } }],
  qmp: { kind: 'fd', fd: 4 },
  serial: { kind: 'fd', fd: 5 },
};

/** The arguments as they would be typed, for reading. */
const typed = (changes: Partial<Machine> = {}) =>
  `\n${commandLine({ ...machine, ...changes })
    .join(' ')
    .replaceAll(' -', '\n-')}\n`;
const line = (option: string, changes: Partial<Machine> = {}) =>
  typed(changes)
    .split('\n')
    .filter((text) => text.startsWith(`-${option} `));

const ovmf = { code: '/usr/share/OVMF/OVMF_CODE_4M.fd', variables: '/lab/a1/nvram-uefi.fd' };
const withFirmware = (firmware: PcSpec['firmware']): Partial<Machine> => ({
  spec: { ...spec, firmware },
  firmware: ovmf,
});

describe('the command line', () => {
  it('of a BIOS PC', () => {
    expect(typed()).toBe(`
-name guest=node-1
-nodefaults
-no-user-config
-S
-machine pc
-m 1024
-smp 1
-accel tcg,thread=single,tb-size=256
-uuid 12345678-9abc-4def-8123-456789abcdef
-smbios type=1,manufacturer=Acme,, Inc.,product=R1,serial=S,,1,uuid=12345678-9abc-4def-8123-456789abcdef
-smbios type=2,manufacturer=Acme,, Inc.,product=R1,serial=S,,1
-smbios type=3,manufacturer=Acme,, Inc.,serial=S,,1
-rtc base=utc
-object rng-builtin,id=rng
-device virtio-rng-pci,rng=rng
-display none
-vga std
-chardev socket,id=qmp,fd=4
-mon chardev=qmp,mode=control
-chardev socket,id=serial,fd=5
-serial chardev:serial
-pidfile /lab/a1/qemu.pid
-device ide-cd,bus=ide.1,bootindex=99
-boot strict=on,reboot-timeout=10000
-netdev stream,id=net0,server=off,addr.type=fd,addr.str=6
-device virtio-net-pci,id=nic0,netdev=net0,mac=52:54:00:00:00:0a,bootindex=1
-blockdev driver=raw,node-name=file0,discard=unmap,file.driver=file,file.filename=/lab/a1/root.disk
-device virtio-blk-pci,id=disk0,drive=file0,serial=root,bootindex=2
`);
  });

  it('gives UEFI its two flash chips and leaves iPXE in the NIC', () => {
    const changes = withFirmware('uefi');
    expect(line('machine', changes)).toEqual(['-machine q35']);
    expect(line('drive', changes)).toEqual([
      '-drive if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd',
      '-drive if=pflash,unit=1,format=raw,file=/lab/a1/nvram-uefi.fd',
    ]);
    expect(typed(changes)).not.toMatch(/romfile|fw_cfg|smm/);
  });

  it('takes iPXE away and turns PXE off for UEFI HTTP boot', () => {
    const changes = withFirmware('uefi-http');
    expect(line('fw_cfg', changes)).toEqual([
      '-fw_cfg name=opt/org.tianocore/IPv6PXESupport,string=no',
      '-fw_cfg name=opt/org.tianocore/IPv4PXESupport,string=no',
    ]);
    expect(line('device', changes)).toContain(
      '-device virtio-net-pci,id=nic0,netdev=net0,mac=52:54:00:00:00:0a,bootindex=1,romfile=',
    );
  });

  it('protects the variables of a Secure Boot PC', () => {
    const changes = withFirmware('uefi-secure');
    expect(line('machine', changes)).toEqual(['-machine q35,smm=on']);
    expect(line('global', changes)).toEqual([
      '-global driver=cfi.pflash01,property=secure,value=on',
      '-global ICH9-LPC.disable_s3=1',
    ]);
  });

  it.each([
    [
      'stream',
      [7, 2],
      { kind: 'stream', address: { kind: 'tcp', port: 9000 } },
      'stream,id=net0,server=off,addr.type=inet,addr.host=127.0.0.1,addr.port=9000',
    ],
    ['old stream', [6, 2], { kind: 'stream', address: { kind: 'fd', fd: 6 } }, 'socket,id=net0,fd=6'],
    [
      'old TCP stream',
      [6, 2],
      { kind: 'stream', address: { kind: 'tcp', port: 9000 } },
      'socket,id=net0,connect=127.0.0.1:9000',
    ],
    [
      'dgram',
      [8, 0],
      { kind: 'dgram', ourPort: 9001, itsPort: 9101 },
      'dgram,id=net0,local.type=inet,local.host=127.0.0.1,local.port=9101,remote.type=inet,remote.host=127.0.0.1,remote.port=9001',
    ],
    [
      'old dgram',
      [6, 2],
      { kind: 'dgram', ourPort: 9001, itsPort: 9101 },
      'socket,id=net0,udp=127.0.0.1:9001,localaddr=127.0.0.1:9101',
    ],
  ] as const)('knows the NIC back-end of each version: %s', (_name, [major, minor], backend, expected) => {
    expect(line('netdev', { version: { major, minor, micro: 0 }, nics: [backend] })).toEqual([
      `-netdev ${expected}`,
    ]);
  });

  it('makes a disk that has a model a SATA disk', () => {
    const disks = [
      { id: 'root', sizeBytes: 1, model: 'Samsung SSD 870, 1TB', serial: 'a-serial-of-more-than-20' },
    ];
    expect(line('device', { spec: { ...spec, disks } }).slice(-2)).toEqual([
      '-device ich9-ahci,id=sata',
      '-device ide-hd,bus=sata.0,id=disk0,drive=file0,serial=a-serial-of-more-tha,model=Samsung SSD 870,, 1TB,bootindex=2',
    ]);
  });

  it('uses the real CPU with a hypervisor, and threads with several CPUs', () => {
    expect(line('accel', { acceleration: 'kvm' })).toEqual(['-accel kvm']);
    expect(line('cpu', { acceleration: 'kvm' })).toEqual(['-cpu host']);
    expect(line('accel', { spec: { ...spec, cpus: 2 } })).toEqual(['-accel tcg,thread=multi,tb-size=256']);
  });

  it('connects to our ports where descriptors cannot be inherited', () => {
    expect(line('chardev', { qmp: { kind: 'tcp', port: 1 }, serial: { kind: 'tcp', port: 2 } })).toEqual([
      '-chardev socket,id=qmp,host=127.0.0.1,port=1,nodelay=on',
      '-chardev socket,id=serial,host=127.0.0.1,port=2,nodelay=on',
    ]);
  });

  it('numbers boot devices by the order, and leaves the others out', () => {
    const pc = { ...spec, nics: [...spec.nics, { mac: mac('52:54:00:00:00:0b') }] };
    const indexes = (order: PcSpec['bootOrder']) => Object.fromEntries(bootIndexes(pc, order));
    expect(indexes(['network', 'disk'])).toEqual({ nic0: 1, nic1: 2, disk0: 3 });
    expect(indexes(['disk', 'network'])).toEqual({ nic0: 2, nic1: 3, disk0: 1 });
    expect(indexes(['disk', 'disk'])).toEqual({ nic0: -1, nic1: -1, disk0: 1 });
    expect(indexes([])).toEqual({ nic0: -1, nic1: -1, disk0: -1 });
  });

  it('lets no name add an option', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        const value = escapeValue(text);
        expect(value.replaceAll(',,', '')).not.toContain(',');
        expect(value).not.toMatch(/\p{Cc}/u);
      }),
    );
  });
});
