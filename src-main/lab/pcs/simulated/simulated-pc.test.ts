// biome-ignore-all lint/suspicious/noTemplateCurlyInString: iPXE and GRUB write their variables so
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { BootServer, type BootServerScript, bootUrl } from '../../../../test/support/boot-server.ts';
import { BROADCAST_MAC, writeMac } from '../../../base/address.ts';
import { type Clock, ManualClock, systemClock } from '../../../base/clock.ts';
import { systemRunner } from '../../../base/process-runner.ts';
import { seededRandom } from '../../../base/random.ts';
import { OPTION } from '../../../protocol/dhcp-options.ts';
import { readArchitectures } from '../../../protocol/dhcp-pxe.ts';
import { readText } from '../../../protocol/dhcp-values.ts';
import { LabSwitch } from '../../switch/switch.ts';
import type { Firmware, PcSpec } from '../pc.ts';
import { screenLines } from '../screen.ts';
import { encodeBootRecord, UBUNTU_EFI_FILES } from './disk/boot-record.ts';
import { hardwareProfile } from './hardware/catalogue.ts';
import { planHardware } from './hardware/plan.ts';
import type { SimulatedStep } from './machine/machine.ts';
import { createSimulatedKind, type SimulatedKindOptions } from './simulated-kind.ts';
import type { SimulatedPc } from './simulated-pc.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const KERNEL = new Uint8Array(300_000).fill(0x90);
const METADATA = 'MAAS/metadata/2012-03-01';
const PRESEED =
  '#cloud-config\ndatasource:\n  MAAS: {metadata_url: "http://10.77.0.1:5248/MAAS/metadata/"}\n';
const IPXE = `#!ipxe\nkernel ${bootUrl('boot-kernel')} ro cloud-config-url=${bootUrl('preseed')} BOOTIF=01-\${mac:hexhyp}\ninitrd ${bootUrl('boot-initrd')}\nboot`;
const GRUB = `set default=0\nset timeout=0\nmenuentry go {\n linux /boot-kernel cloud-config-url=${bootUrl('preseed')} BOOTIF=01-\${net_default_mac}\n initrd /boot-initrd\n}`;
const PXELINUX = `DEFAULT x\nLABEL x\nKERNEL boot-kernel\nINITRD boot-initrd\nAPPEND cloud-config-url=${bootUrl('preseed')}\nIPAPPEND 2`;

const FILES: Record<string, string | Uint8Array> = {
  'ipxe.cfg': IPXE,
  'grub/grub.cfg': GRUB,
  'pxelinux.cfg/default': PXELINUX,
  'bootx64.efi': 'MZ shim',
  'grubx64.efi': 'MZ grub',
  'lpxelinux.0': 'pxelinux',
  'ldlinux.c32': 'ldlinux',
  'boot-kernel': KERNEL,
  'boot-initrd': KERNEL.subarray(5),
  preseed: PRESEED,
  [`${METADATA}/meta-data/instance-id`]: 'i-one',
  [`${METADATA}/meta-data/local-hostname`]: 'calm-otter',
  [`${METADATA}/user-data`]: '#!/bin/sh\necho hello\n',
};

/** Boot files as a real server picks them. */
const SCRIPT: BootServerScript = {
  files: FILES,
  bootFile: ({ options }) => {
    if (options.has(OPTION.ipxe)) return bootUrl('ipxe.cfg');
    const [arch] = readArchitectures(options);
    if (arch === 16) return bootUrl('bootx64.efi');
    return arch === 7 ? 'bootx64.efi' : arch === 0 ? 'lpxelinux.0' : '';
  },
};

interface Rig {
  readonly pc: SimulatedPc;
  readonly server: BootServer;
  readonly fabric: LabSwitch;
  readonly steps: SimulatedStep[];
}

async function rig(
  spec: Partial<PcSpec> = {},
  script: Partial<BootServerScript> = {},
  options: SimulatedKindOptions = {},
  clock: Clock = systemClock,
): Promise<Rig> {
  const fabric = new LabSwitch({ clock, random: seededRandom(3) });
  const server = await new BootServer(fabric, clock, { ...SCRIPT, ...script }).start();
  const folder = await mkdtemp(path.join(tmpdir(), 'rackbox-simulated-'));
  const hardware = planHardware('pc', hardwareProfile(spec.profile ?? 'nuc'));
  const pc = await createSimulatedKind(options).create(
    {
      id: 'pc',
      name: 'pc',
      kind: 'simulated',
      firmware: 'bios',
      bootOrder: ['network', 'disk'],
      timeScale: 0,
      ...hardware,
      ...spec,
    },
    { fabric, folder, firmwareFolder: '', clock, random: seededRandom(5), runner: systemRunner },
  );
  const steps: SimulatedStep[] = [];
  pc.onStep.on(({ step }) => steps.push(step));
  cleanups.push(async () => {
    await pc.dispose();
    server.dispose();
    await rm(folder, { recursive: true });
  });
  return { pc, server, fabric, steps };
}

function reached(pc: SimulatedPc, wanted: SimulatedStep): Promise<Readonly<Record<string, string | number>>> {
  return new Promise((resolve) => {
    const listening = pc.onStep.on(({ step, detail }) => {
      if (step !== wanted) return;
      void listening.dispose();
      resolve(detail);
    });
  });
}

function wentOff(pc: SimulatedPc): Promise<string> {
  return new Promise((resolve) => {
    const listening = pc.onPower.on(({ state, reason }) => {
      if (state !== 'off') return;
      void listening.dispose();
      resolve(reason);
    });
  });
}

/** Resolves when the serial line has said `text`. */
function says(pc: SimulatedPc, text: string): Promise<void> {
  const said = () => Buffer.from(pc.serial.history()).toString().includes(text);
  return new Promise((resolve) => {
    if (said()) return resolve();
    const listening = pc.serial.onOutput.on(() => {
      if (!said()) return;
      void listening.dispose();
      resolve();
    });
  });
}

const screenText = async (pc: SimulatedPc) => screenLines(await pc.screen()).join('\n');

describe('boots over the network to a login prompt', () => {
  const flavours: [string, Partial<PcSpec>, string[]][] = [
    ['bios', { firmware: 'bios' }, ['GET /ipxe.cfg', 'GET /boot-kernel', 'GET /boot-initrd']],
    ['uefi', { firmware: 'uefi' }, ['GET /ipxe.cfg', 'GET /boot-kernel', 'GET /boot-initrd']],
    [
      'uefi-http',
      { firmware: 'uefi-http' },
      ['HEAD /bootx64.efi', 'GET /bootx64.efi', 'GET /grubx64.efi', 'GET /boot-kernel'],
    ],
    [
      'uefi-pxe',
      { firmware: 'uefi-pxe' },
      ['RRQ bootx64.efi', 'RRQ bootx64.efi', 'RRQ grubx64.efi', 'RRQ /boot-kernel'],
    ],
    ['uefi-secure', { firmware: 'uefi-secure' }, ['RRQ bootx64.efi', 'RRQ grubx64.efi', 'RRQ /boot-initrd']],
    [
      'bios with a plain PXE ROM',
      { firmware: 'bios', profile: 'office-pc' },
      [
        'RRQ lpxelinux.0',
        'RRQ ldlinux.c32',
        'RRQ pxelinux.cfg/default',
        'RRQ boot-kernel',
        'RRQ boot-initrd',
      ],
    ],
  ];

  test.each(flavours)('%s', async (_, spec, wanted) => {
    const { pc, server, steps } = await rig(spec);
    const kernel = reached(pc, 'kernel');
    const userData = reached(pc, 'userdata');
    await pc.powerOn();
    expect(await kernel).toMatchObject({ bytes: KERNEL.length });
    expect(await userData).toEqual({ bytes: 21 });
    await says(pc, 'root@calm-otter:~# ');
    expect(await screenText(pc)).toContain('a script for /bin/sh, 21 bytes');
    expect(server.asked.filter((asked) => wanted.includes(asked))).toEqual(expect.arrayContaining(wanted));
    expect(steps.filter((step, i) => steps.indexOf(step) === i).slice(-6)).toEqual([
      'linux',
      'os-dhcp',
      'preseed',
      'metadata',
      'userdata',
      'login',
    ]);
    const classes = server.dhcpSeen.map(({ options }) => readText(options, OPTION.vendorClass)?.slice(0, 9));
    expect(classes.at(-1)).toBe('udhcp 1.3');
    expect(server.dhcpTypes.slice(-2)).toEqual(['discover', 'request']);
  });

  test('what EDK2, shim and GRUB ask for, in their order', async () => {
    const { pc, server } = await rig({ firmware: 'uefi-pxe' });
    await pc.powerOn();
    await says(pc, 'calm-otter:~# ');
    const rrqs = server.asked.filter((asked) => asked.startsWith('RRQ')).map((asked) => asked.slice(4));
    expect(rrqs).toEqual([
      ...['bootx64.efi', 'bootx64.efi'],
      ...['revocations_sku.efi', 'revocations_sbat.efi', 'shim_certificate_0.efi', 'grubx64.efi'],
      ...['command.lst', 'fs.lst', 'crypto.lst', 'terminal.lst'].map((list) => `/grub/x86_64-efi/${list}`),
      ...['/grub/grub.cfg', '/boot-kernel', '/boot-initrd'],
    ]);
  });
});

describe('user-data and power', () => {
  const withPower = (state: string, keys = '') =>
    `#cloud-config\ndatasource: {MAAS: {metadata_url: "http://10.77.0.1:5248/MAAS/metadata/"${keys}}}\nreporting: {maas: {type: webhook, endpoint: "http://10.77.0.1:5248/status/x"${keys}}}\npower_state: ${state}\n`;
  const KEYS = ', consumer_key: ck, token_key: tk, token_secret: ts';

  test('runs the agent, reports, signs its requests, powers off', async () => {
    const files = { ...FILES, preseed: withPower('{mode: poweroff, delay: now}', KEYS) };
    const ran: string[] = [];
    const agent = {
      run: async (userData: Uint8Array, context: { hostname?: string; instanceId: string }) => {
        ran.push(`${context.instanceId}: ${Buffer.from(userData)}`);
        return { ok: true, honoursPowerState: true };
      },
    };
    const { pc, server } = await rig({}, { files }, { agent });
    const off = wentOff(pc);
    await pc.powerOn();
    expect(await off).toBe('guest powered off');
    expect(ran).toEqual(['i-one: #!/bin/sh\necho hello\n']);
    expect(server.asked.filter((asked) => asked.startsWith('POST'))).toHaveLength(4);
    expect(JSON.parse(server.bodies.at(-1) ?? '')).toMatchObject({
      name: 'modules-final',
      event_type: 'finish',
      result: 'SUCCESS',
      origin: 'cloudinit',
    });
    expect(server.headers.at(-1)?.authorization).toMatch(
      /^OAuth .*oauth_consumer_key="ck".*oauth_signature="%26ts"$/,
    );
  });

  test('stays up when the agent blocks the power-off; the shell looks around and reboots', async () => {
    const files = { ...FILES, preseed: withPower('{mode: poweroff}') };
    const agent = { run: async () => ({ ok: true, honoursPowerState: false }) };
    const { pc, steps } = await rig({}, { files }, { agent });
    await pc.powerOn();
    await says(pc, 'root@calm-otter:~# ');
    pc.serial.write(Buffer.from('unamee\b -a\r'));
    await says(pc, 'Linux calm-otter 6.1.0-simulated');
    await pc.type('ip addr\n');
    await says(pc, 'inet 10.77.0.20/24');
    await pc.type('cat /proc/cpuinfo\n');
    await says(pc, 'i5-1240P');
    await pc.type('frobnicate\n');
    await says(pc, 'frobnicate: not found');
    steps.length = 0;
    const again = reached(pc, 'post');
    await pc.type('reboot\n');
    await again;
    expect(pc.state).toBe('on');
    const login = reached(pc, 'login');
    await login;
    await says(pc, '~# ');
    const off = wentOff(pc);
    await pc.type('poweroff\n');
    expect(await off).toBe('guest powered off');
  });

  test('a refused signature teaches the time', async () => {
    const skew = 3_600_000;
    const stamps: number[] = [];
    const { pc } = await rig(
      {},
      {
        files: { ...FILES, preseed: withPower('{mode: poweroff}', KEYS) },
        onRequest: ({ url, headers }, response) => {
          if (!url?.includes('/meta-data/instance-id')) return false;
          stamps.push(Number(/oauth_timestamp="(\d+)"/.exec(headers.authorization ?? '')?.[1]));
          if (stamps.length > 1) return false;
          response.setHeader('Date', new Date(Date.now() + skew).toUTCString());
          response.writeHead(401).end();
          return true;
        },
      },
    );
    const off = wentOff(pc);
    await pc.powerOn();
    await off;
    expect((stamps[1] ?? 0) - (stamps[0] ?? 0)).toBeGreaterThan(3500);
  });
});

describe('boots from its disk', () => {
  const record = encodeBootRecord({
    os: 'ubuntu',
    release: 'noble',
    hostname: 'deployed',
    kernelVersion: '6.8.0-45-generic',
    efiFiles: UBUNTU_EFI_FILES,
    datasource: null,
  });
  const local: Record<string, Partial<BootServerScript>> = {
    bios: {
      files: {
        'ipxe.cfg': '#!ipxe\nsanboot --no-describe --drive 0x80 || sanboot --no-describe --drive 0x81',
      },
    },
    uefi: { files: { 'ipxe.cfg': '#!ipxe\nexit 1' } },
    'uefi-pxe': {
      files: {
        ...FILES,
        'grub/grub.cfg':
          'set timeout=0\nmenuentry local {\n if search --no-floppy --set=root --file /efi/ubuntu/shimx64.efi; then chainloader /efi/ubuntu/shimx64.efi; boot; fi\n exit 1\n}',
      },
    },
  };

  test.each(Object.keys(local))('%s, told so by its configuration', async (firmware) => {
    const { pc, server } = await rig({ firmware: firmware as Firmware }, local[firmware]);
    await pc.writeDisk(0, 0, record);
    await pc.powerOn();
    await says(pc, 'ubuntu noble deployed ttyS0');
    expect(readText(server.dhcpSeen.at(-1)!.options, OPTION.hostname)).toBe('deployed');
  });

  test('first, without asking the network, when the boot order says so', async () => {
    const { pc, server } = await rig({ bootOrder: ['disk', 'network'] });
    await pc.writeDisk(0, 0, record);
    await pc.powerOn();
    await says(pc, 'root@deployed:~# ');
    expect(server.asked).toEqual([]);
  });

  test('an empty disk is passed over, a foreign boot sector is not run', async () => {
    const { pc } = await rig({ bootOrder: ['disk', 'network'] });
    await pc.powerOn();
    await says(pc, 'Boot failed: not a bootable disk');
    await says(pc, 'root@calm-otter:~# ');
    await pc.powerOff();
    await pc.writeDisk(0, 510, Uint8Array.of(0x55, 0xaa));
    await pc.powerOn();
    await says(pc, 'a simulated PC cannot run');
  });
});

describe('says what goes wrong, and tries again', () => {
  const silent = { silent: () => true };
  const missing = { files: {} };
  const cases: [string, Partial<PcSpec>, Partial<BootServerScript>, string][] = [
    ['iPXE without an answer', { firmware: 'bios' }, silent, 'No configuration methods succeeded'],
    [
      'iPXE without a boot file',
      { firmware: 'bios' },
      { bootFile: () => '' },
      'No filename or root path specified',
    ],
    ['iPXE with a missing script', { firmware: 'uefi' }, missing, 'No such file or directory'],
    ['EDK2 without an answer', { firmware: 'uefi-pxe' }, silent, 'PXE-E16: No valid offer received.'],
    ['EDK2 with a missing loader', { firmware: 'uefi-pxe' }, missing, 'PXE-E23: Client received TFTP error'],
    [
      'EDK2 HTTP with a missing loader',
      { firmware: 'uefi-http' },
      missing,
      'Could not retrieve NBP file size',
    ],
    ['a PXE ROM without an answer', { profile: 'office-pc' }, silent, 'PXE-E51: No DHCP or proxyDHCP offers'],
    [
      'a PXE ROM without a boot file',
      { profile: 'office-pc' },
      { bootFile: () => '' },
      'PXE-E53: No boot filename',
    ],
    ['a PXE ROM with a missing loader', { profile: 'office-pc' }, missing, 'PXE-T01: File not found'],
  ];

  test.each(cases)('%s', async (_, spec, script, expected) => {
    const clock = new ManualClock();
    const { pc, server } = await rig({ ...spec, timeScale: 1 }, script, {}, clock);
    await pc.powerOn();
    await advanceUntil(clock, async () => (await serialText(pc)).includes(expected));
    expect(await serialText(pc)).toContain(expected);
    const before = server.dhcpSeen.length;
    await advanceUntil(clock, async () => server.dhcpSeen.length > before);
    expect(server.dhcpSeen.length).toBeGreaterThan(before);
    await pc.powerOff();
  });

  test('in the time that real firmware takes', async () => {
    const clock = new ManualClock();
    const at: number[] = [];
    const { pc } = await rig(
      { firmware: 'uefi-pxe', timeScale: 1 },
      { silent: () => at.push(clock.now()) > 0 },
      {},
      clock,
    );
    await pc.powerOn();
    await advanceUntil(clock, async () => at.length === 4);
    expect(at.map((ms) => Math.round((ms - (at[0] ?? 0)) / 1000))).toEqual([0, 4, 12, 28]);
  });
});

async function serialText(pc: SimulatedPc): Promise<string> {
  return Buffer.from(pc.serial.history()).toString();
}

/** Moves time from timer to timer, letting promises and streams have their turns between, for an hour at most. */
async function advanceUntil(clock: ManualClock, done: () => Promise<boolean>): Promise<void> {
  const end = clock.now() + 3_600_000;
  while (clock.now() < end) {
    for (let turn = 0; turn < 12; turn++) await new Promise((resolve) => setImmediate(resolve));
    if (await done()) return;
    clock.advance(clock.untilNext ?? 1000);
  }
}

test('renews its lease at half time, asks for a new one when it was lost', async () => {
  const clock = new ManualClock();
  let deaf = false;
  const { pc, server } = await rig({}, { leaseSeconds: 600, silent: () => deaf }, {}, clock);
  await pc.powerOn();
  await advanceUntil(clock, async () => (await serialText(pc)).includes('calm-otter:~# '));
  const seen = server.dhcpSeen.length;
  const start = clock.now();
  await advanceUntil(clock, async () => server.dhcpSeen.length > seen);
  expect(Math.round((clock.now() - start) / 1000)).toBe(300);
  expect(server.dhcpTypes.at(-1)).toBe('request');
  expect(server.dhcpSeen.at(-1)?.ciaddr).toBeGreaterThan(0);
  deaf = true;
  await advanceUntil(clock, async () => server.dhcpTypes.at(-1) === 'discover');
  expect((clock.now() - start) / 1000).toBeGreaterThan(890);
  await pc.dispose();
  server.dispose();
  expect(clock.pending).toBe(0);
});

test('a fault stops it where it should', async () => {
  const { pc, server } = await rig({}, {}, { faults: () => ({ stopsAt: 'initrd', memoryMb: 8192 }) });
  const initrd = reached(pc, 'initrd');
  await pc.powerOn();
  await initrd;
  expect(await serialText(pc)).toContain('Memory: 8192 MB');
  expect(server.asked.at(-1)).toBe('GET /boot-initrd');
});

test('no frame from the network throws or hangs it', async () => {
  const frame = fc.tuple(
    fc.constantFrom(0x0800, 0x0806, 0x86dd, 0x1234),
    fc.constantFrom(17, 6, 1),
    fc.constantFrom(68, 69, 5248),
    fc.boolean(),
    fc.uint8Array({ minLength: 20, maxLength: 400 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { minLength: 20, maxLength: 60 }), async (frames) => {
      const clock = new ManualClock();
      const { pc, fabric, server } = await rig({ firmware: 'uefi-pxe' }, {}, {}, clock);
      await pc.powerOn();
      const noise = fabric.attach('noise', () => undefined);
      for (const [etherType, protocol, port, broadcast, rest] of frames) {
        const bytes = new Uint8Array(60 + rest.length);
        bytes.set(rest, 42);
        writeMac(bytes, 0, broadcast ? BROADCAST_MAC : pc.spec.nics[0]!.mac);
        bytes.set(
          [etherType >> 8, etherType & 255, 0x45, 0, (rest.length + 28) >> 8, (rest.length + 28) & 255],
          12,
        );
        bytes.set([protocol], 23);
        bytes.set([port >> 8, port & 255], 36);
        noise.transmit(bytes);
        await new Promise((resolve) => setImmediate(resolve));
        clock.advance(1);
      }
      void noise.dispose();
      await advanceUntil(clock, async () => (await serialText(pc)).includes('calm-otter:~# '));
      await pc.powerOff();
      server.dispose();
      expect(clock.pending).toBe(0);
    }),
    { numRuns: 6 },
  );
});

test('whatever the line does and whenever the power goes: no throw, no timer, no frame after', async () => {
  const firmwares: Firmware[] = ['bios', 'uefi', 'uefi-pxe', 'uefi-http'];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...firmwares),
      fc.nat({ max: 1500 }),
      fc.constantFrom(0, 0.02, 0.2),
      fc.boolean(),
      async (firmware, timers, rate, reset) => {
        const clock = new ManualClock();
        const { pc, server, fabric } = await rig({ firmware }, {}, {}, clock);
        await pc.powerOn();
        for (const port of fabric.ports())
          fabric.setImpairment(port, { lossRate: rate, duplicateRate: rate, reorderRate: rate, delayMs: 1 });
        for (let i = 0; i < timers; i++) {
          await new Promise((resolve) => setImmediate(resolve));
          clock.advance(clock.untilNext ?? 100);
          if (reset && i === 100) await pc.reset();
        }
        await pc.powerOff();
        let frames = 0;
        fabric.tap((_frame, port) => {
          if (port.name !== 'server') frames++;
        });
        expect(await serialText(pc)).not.toContain('simulated PC stopped');
        server.dispose();
        for (const port of fabric.ports()) fabric.setImpairment(port, null);
        await new Promise((resolve) => setImmediate(resolve));
        expect(frames).toBe(0);
        expect(fabric.ports()).toHaveLength(0);
        expect(clock.pending).toBe(0);
      },
    ),
    { numRuns: 25 },
  );
}, 60_000);
