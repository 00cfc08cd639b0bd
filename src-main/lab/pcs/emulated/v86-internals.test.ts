import type { V86 } from 'v86';
import { describe, expect, it } from 'vitest';
import { openInternals, V86ShapeError } from './v86-internals.ts';

type Writer = (value: number) => void;

function entry(): { write8: Writer; write16: Writer; written: number[] } {
  const written: number[] = [];
  return { written, write8: (value) => written.push(value), write16: (value) => written.push(value) };
}

/** As much of v86 as we look at. */
function fakeV86() {
  const interrupts: number[] = [];
  const net = {
    mac: new Uint8Array(6),
    memory: new Uint8Array(32768),
    cr: 0x22,
    boundary: 76,
    curpg: 77,
    pstart: 76,
    pstop: 128,
    do_interrupt: (mask: number) => interrupts.push(mask),
    receive: () => {},
  };
  const vga = {
    graphical_mode: false,
    max_cols: 80,
    max_rows: 25,
    start_address: 0,
    offset_register: 40,
    vga_memory: new Uint8Array(8),
    svga_enabled: false,
    svga_width: 0,
    svga_height: 0,
    svga_bpp: 32,
    svga_offset: 0,
    svga_memory: new Uint8Array(8),
  };
  class Drive {
    data = new Uint8Array(512);
    create_identify_packet(): void {
      this.data.fill(0xee);
    }
  }
  const primary = { master: Object.seal(new Drive()), slave: Object.seal(new Drive()) };
  const ports: Record<number, ReturnType<typeof entry>> = {
    768: entry(),
    771: entry(),
    775: entry(),
    45060: entry(),
  };
  const hostBridge = new Int32Array(64);
  const cpu = {
    option_roms: [] as unknown[],
    io: { ports },
    devices: { net, vga, pci: { device_spaces: [hostBridge] }, ide: { primary } },
    reboot_internal: () => {},
  };
  return { v86: { cpu }, net, vga, primary, ports, hostBridge, interrupts };
}

const open = (fake: object) => openInternals(fake as unknown as V86);

describe('openInternals', () => {
  it('lets SeaBIOS recognise QEMU, so that it makes ACPI tables', () => {
    const fake = fakeV86();
    open(fake);
    expect(fake.hostBridge[0x2c >> 2]).toBe(0x11001af4);
  });

  it('burns the MAC address into registers and PROM', () => {
    const fake = fakeV86();
    open(fake).setMac(Uint8Array.of(1, 2, 3, 4, 5, 6));
    expect([...fake.net.mac]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...fake.net.memory.subarray(0, 13)]).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 0]);
  });

  it('tells power-off by the SLP_EN bit alone, and passes the write on', () => {
    const fake = fakeV86();
    let offs = 0;
    open(fake).onPowerOff(() => offs++);
    fake.ports[0xb004]!.write16(0x1c00);
    expect(offs).toBe(0);
    fake.ports[0xb004]!.write16(0x3c00);
    expect(offs).toBe(1);
    expect(fake.ports[0xb004]!.written).toEqual([0x1c00, 0x3c00]);
  });

  it('takes over the reset', () => {
    const fake = fakeV86();
    let resets = 0;
    open(fake).onReset(() => resets++);
    fake.v86.cpu.reboot_internal();
    expect(resets).toBe(1);
  });

  it('tells when the guest moved the ring', () => {
    const fake = fakeV86();
    let moves = 0;
    open(fake).onReceiveRoom(() => moves++);
    fake.ports[0x303]!.write8(80);
    fake.ports[0x300]!.write8(0x22);
    expect(moves).toBe(2);
    expect(fake.ports[0x303]!.written).toEqual([80]);
  });

  it.each([
    ['frames left in the ring', { curpg: 90 }, [1]],
    ['an empty ring', { curpg: 77 }, []],
    ['an empty ring at its end', { boundary: 127, curpg: 76 }, []],
    ['a stopped NIC', { cr: 0x21, curpg: 90 }, []],
  ])('interrupts again after an acknowledgement: %s', (_, registers, expected) => {
    const fake = fakeV86();
    open(fake).onReceiveRoom(() => {});
    Object.assign(fake.net, registers);
    fake.ports[0x307]!.write8(1);
    expect(fake.interrupts).toEqual(expected);
  });

  it('names disks as ATA does, each its own', () => {
    const fake = fakeV86();
    const internals = open(fake);
    internals.setDiskIdentity(0, 'Model', 'SN1');
    internals.setDiskIdentity(1, 'Other', 'SN2');
    for (const drive of [fake.primary.master, fake.primary.slave]) drive.create_identify_packet();
    const words = (data: Uint8Array, from: number, count: number) =>
      Buffer.from(data.subarray(2 * from, 2 * (from + count)))
        .swap16()
        .toString('latin1');
    expect(words(fake.primary.master.data, 27, 20)).toBe('Model'.padEnd(40));
    expect(words(fake.primary.master.data, 10, 10)).toBe('SN1'.padEnd(20));
    expect(words(fake.primary.slave.data, 27, 20)).toBe('Other'.padEnd(40));
    expect(fake.primary.master.data[0]).toBe(0xee);
  });

  it.each([
    ['v86.cpu', (fake: ReturnType<typeof fakeV86>) => Reflect.deleteProperty(fake.v86, 'cpu')],
    ['v86.cpu.option_roms', (fake) => Reflect.deleteProperty(fake.v86.cpu, 'option_roms')],
    ['cpu.devices.net.boundary', (fake) => Reflect.deleteProperty(fake.net, 'boundary')],
    ['cpu.devices.vga.vga_memory', (fake) => Object.assign(fake.vga, { vga_memory: 7 })],
    [
      'cpu.devices.pci.device_spaces[0]',
      (fake) => Object.assign(fake.v86.cpu.devices.pci, { device_spaces: [{}] }),
    ],
  ] as [
    string,
    (fake: ReturnType<typeof fakeV86>) => unknown,
  ][])('names what another version of v86 lacks: %s', (path, spoil) => {
    const fake = fakeV86();
    spoil(fake);
    expect(() => open(fake)).toThrow(new V86ShapeError(path));
  });

  it('names a port without its writer', () => {
    const fake = fakeV86();
    Reflect.deleteProperty(fake.ports, 0x303);
    expect(() => open(fake).onReceiveRoom(() => {})).toThrow('cpu.io.ports[771]');
  });
});
