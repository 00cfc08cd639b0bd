import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BootWatch } from '../../src-main/app/boot-watch.ts';
import { findInstallation } from '../../src-main/app/installation.ts';
import { type SegmentServices, startSegmentServices } from '../../src-main/app/segment-services.ts';
import { cidr, ipv4, type Mac } from '../../src-main/base/address.ts';
import { systemClock } from '../../src-main/base/clock.ts';
import { systemRunner } from '../../src-main/base/process-runner.ts';
import { secureRandom } from '../../src-main/base/random.ts';
import { BUILT_IN_OS, BUILT_IN_RELEASE, builtInImages } from '../../src-main/domain/images/built-in-image.ts';
import { ImageStore } from '../../src-main/domain/images/image-store.ts';
import { createBootDirectory } from '../../src-main/domain/machines/boot-directory.ts';
import { type LabSegment, openLabSegment } from '../../src-main/lab/host/lab-segment.ts';
import type { PcSpec } from '../../src-main/lab/pcs/pc.ts';
import { screenLines } from '../../src-main/lab/pcs/screen.ts';
import { hardwareProfile } from '../../src-main/lab/pcs/simulated/hardware/catalogue.ts';
import { planHardware } from '../../src-main/lab/pcs/simulated/hardware/plan.ts';
import { createSimulatedKind } from '../../src-main/lab/pcs/simulated/simulated-kind.ts';
import type { SimulatedPc } from '../../src-main/lab/pcs/simulated/simulated-pc.ts';
import { LabSwitch } from '../../src-main/lab/switch/switch.ts';
import { memoryLeaseBook } from '../../src-main/netboot/dhcp/memory-lease-book.ts';

const installation = findInstallation(import.meta.dirname);
const clock = systemClock;
const random = secureRandom;
const kind = createSimulatedKind();

let fabric: LabSwitch;
let watch: BootWatch;
let segment: LabSegment;
let services: SegmentServices;
let folder: string;
const pcs: SimulatedPc[] = [];
const hashes = new Map<string, string>();

beforeEach(async () => {
  fabric = new LabSwitch({ clock, random });
  watch = new BootWatch();
  folder = await mkdtemp(path.join(tmpdir(), 'rackbox-boot-'));
  const images = new ImageStore();
  for (const image of await builtInImages(installation.microLinux)) {
    images.add(image);
    for (const { name, sha256 } of image.files) hashes.set(sha256, `${image.arch} ${name}`);
  }
  segment = openLabSegment({
    fabric,
    name: 'lab',
    cidr: cidr('10.77.0.0/24'),
    address: ipv4('10.77.0.1'),
    clock,
    random,
  });
  services = await startSegmentServices({
    segment,
    pool: { first: ipv4('10.77.0.20'), last: ipv4('10.77.0.200') },
    leaseBook: memoryLeaseBook(),
    directory: createBootDirectory({
      images,
      commissioning: { os: BUILT_IN_OS, release: BUILT_IN_RELEASE },
    }),
    images,
    firmwareFolder: installation.firmware,
    watch,
    clock,
  });
});

afterEach(async () => {
  await Promise.all(pcs.splice(0).map((pc) => pc.dispose()));
  await services.dispose();
  segment.dispose();
  await rm(folder, { recursive: true, force: true });
});

async function add(id: string, changes: Partial<PcSpec>): Promise<SimulatedPc> {
  const hardware = planHardware(id, hardwareProfile(changes.profile ?? 'nuc'));
  const pc = await kind.create(
    {
      ...hardware,
      id,
      name: id,
      kind: 'simulated',
      firmware: 'bios',
      bootOrder: ['network', 'disk'],
      timeScale: 0,
      ...changes,
    },
    { fabric, folder, firmwareFolder: installation.firmware, clock, random, runner: systemRunner },
  );
  pcs.push(pc);
  return pc;
}

/** What it loaded as kernel and initrd, when it has come to its user-data. */
function booted(pc: SimulatedPc): Promise<string[]> {
  const loaded: string[] = [];
  return new Promise((resolve, reject) => {
    const limit = setTimeout(async () => {
      const screen = screenLines(await pc.screen()).join('\n');
      reject(new Error(`${pc.spec.name} is not up. Its screen:\n${screen}`));
    }, 60_000);
    pc.onStep.on(({ step, detail }) => {
      if (step === 'kernel' || step === 'initrd') loaded.push(hashes.get(String(detail.sha256)) ?? 'unknown');
      if (step !== 'login') return;
      clearTimeout(limit);
      resolve(loaded);
    });
  });
}

const FLAVOURS: [string, Partial<PcSpec>][] = [
  ['bios', { firmware: 'bios' }],
  ['bios with a plain PXE ROM', { firmware: 'bios', profile: 'office-pc' }],
  ['uefi', { firmware: 'uefi' }],
  ['uefi-pxe', { firmware: 'uefi-pxe' }],
  ['uefi-http', { firmware: 'uefi-http' }],
  ['uefi-secure', { firmware: 'uefi-secure' }],
];

const hasBooted = (mac: Mac) => watch.progressOf(mac).booted;

describe('a simulated PC enlists from the controller', () => {
  test.each(FLAVOURS)('%s', async (_, changes) => {
    const pc = await add('pc', changes);
    const up = booted(pc);
    await pc.powerOn();
    expect(await up).toEqual(['amd64 boot-kernel', 'amd64 boot-initrd']);
    expect(hasBooted(pc.spec.nics[0]!.mac)).toBe(true);
  });

  test.each(FLAVOURS)(
    '%s, over a bad cable',
    async (_, changes) => {
      const pc = await add('pc', changes);
      const up = booted(pc);
      await pc.powerOn();
      const port = fabric.ports().find(({ name }) => name.startsWith('pc'));
      // TFTP in lock step loses a fifth of a second with each packet: the whole kernel goes that way.
      const rate = changes.firmware === 'uefi-pxe' || changes.firmware === 'uefi-secure' ? 0.0005 : 0.01;
      if (port) fabric.setImpairment(port, { lossRate: rate, duplicateRate: rate, reorderRate: rate });
      expect(await up).toEqual(['amd64 boot-kernel', 'amd64 boot-initrd']);
    },
    90_000,
  );

  test('twenty at once, of all flavours', async () => {
    const all = await Promise.all(
      Array.from({ length: 20 }, (__, i) => add(`pc${i}`, FLAVOURS[i % FLAVOURS.length]?.[1] ?? {})),
    );
    const up = all.map(booted);
    await Promise.all(all.map((pc) => pc.powerOn()));
    await Promise.all(up);
    for (const { spec } of all) expect(hasBooted(spec.nics[0]!.mac)).toBe(true);
  });
});
