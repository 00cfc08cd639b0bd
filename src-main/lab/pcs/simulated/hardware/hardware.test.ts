import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatMac } from '../../../../base/address.ts';
import type { PcSpec } from '../../pc.ts';
import { hardwareProfile, hardwareProfiles, profileFor } from './catalogue.ts';
import { planHardware, profileOfSpec } from './plan.ts';
import { memoryMbOf, threadsOf } from './profile.ts';
import { diskDevice, resourcesOf, type SystemFacts } from './resources.ts';

function specOf(id: string, profile = profileFor(id)): PcSpec {
  const hardware = planHardware(id, profile);
  return { id, name: id, kind: 'simulated', firmware: 'bios', bootOrder: ['network'], ...hardware };
}

const FACTS: SystemFacts = {
  hostname: 'node',
  kernelVersion: '6.8.0-45-generic',
  osName: 'ubuntu',
  osVersion: '24.04',
  addresses: new Map([[0, { address: '10.77.0.20', prefix: 24 }]]),
};

describe('catalogue', () => {
  test('has a dozen different machines whose parts have ids', () => {
    const profiles = hardwareProfiles();
    expect(profiles.length).toBeGreaterThanOrEqual(12);
    expect(new Set(profiles.map(({ name }) => name)).size).toBe(profiles.length);
    for (const { nics, gpus, pci, usb, cpu, memory, disks } of profiles) {
      for (const { pciId } of [...nics, ...gpus, ...pci]) expect(pciId).toMatch(/^[0-9a-f]{4}:[0-9a-f]{4}$/);
      for (const { id } of usb) expect(id).toMatch(/^[0-9a-f]{4}:[0-9a-f]{4}$/);
      expect(cpu.turboMhz).toBeGreaterThanOrEqual(cpu.mhz);
      expect([memory.length, nics.length, disks.length]).not.toContain(0);
      expect(new Set(nics.map(({ pciAddress }) => pciAddress)).size).toBe(nics.length);
      for (const { sizeBytes } of disks) expect(sizeBytes % 512).toBe(0);
    }
  });

  test('gives every id a machine, always the same, and different ones to many', () => {
    expect(profileFor('pc-1')).toBe(profileFor('pc-1'));
    const names = new Set(Array.from({ length: 100 }, (_, i) => profileFor(`pc-${i}`).name));
    expect(names.size).toBeGreaterThan(8);
    expect(profileOfSpec({ id: 'x', profile: 'blade' })).toBe(hardwareProfile('blade'));
    expect(profileOfSpec({ id: 'x', profile: 'no such' })).toBe(profileFor('x'));
  });
});

test('planned hardware is repeatable, whole, and unlike that of others', () => {
  const [one, again, other] = [planHardware('a'), planHardware('a'), planHardware('b', profileFor('a'))];
  expect(one).toEqual(again);
  expect(other.identity.uuid).not.toBe(one.identity.uuid);
  expect(other.nics[0]?.mac).not.toBe(one.nics[0]?.mac);
  expect(one.identity.uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  for (const profile of hardwareProfiles()) {
    const plan = planHardware('x', profile);
    expect([plan.cpus, plan.memoryMb]).toEqual([threadsOf(profile.cpu), memoryMbOf(profile)]);
    expect(new Set(plan.nics.map(({ mac }) => mac)).size).toBe(profile.nics.length);
    for (const { serial } of plan.disks) expect(serial).toMatch(/^[A-Z0-9-]+$/);
    expect(formatMac(plan.nics[0]!.mac).startsWith(profile.nics[0]!.oui)).toBe(true);
  }
});

// biome-ignore lint/suspicious/noExplicitAny: the document is JSON
const document = (spec: PcSpec): any => resourcesOf(profileOfSpec(spec), spec, FACTS);

describe('resources document', () => {
  test('has what the controller reads', () => {
    const spec = specOf('x', hardwareProfile('rack-1u'));
    const { api_version, api_extensions, environment, networks, resources } = document(spec);
    expect(api_version).toBe('1.0');
    expect(api_extensions).toContain('resources_usb_pci');
    expect(environment).toMatchObject({ kernel_architecture: 'x86_64', server_name: 'node' });
    expect(networks.enp25s0f0).toMatchObject({
      hwaddr: formatMac(spec.nics[0]!.mac),
      state: 'up',
      addresses: [{ family: 'inet', address: '10.77.0.20', netmask: '24' }],
    });
    expect(resources.cpu.sockets).toHaveLength(2);
    expect(resources.memory.total).toBe(192 * 2 ** 30);
    expect(resources.network.cards).toHaveLength(4);
    expect(resources.network.cards[0]).toMatchObject({
      driver: 'i40e',
      vendor_id: '8086',
      product_id: '1572',
    });
    expect(resources.storage.disks[0]).toMatchObject({ id: 'sda', type: 'sata', rpm: 0, block_size: 512 });
    expect(resources.storage.disks[1].device_id).toMatch(/^ata-SAMSUNG_MZ7LH480HAHQ-00005_S45PNA0M\d{6}$/);
    expect(resources.system).toMatchObject({
      uuid: spec.identity.uuid,
      type: 'physical',
      product: 'PowerEdge R640',
    });
    expect(resources.pci.total).toBe(resources.pci.devices.length);
  });

  test('every thread has its own number, whatever the spec', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...hardwareProfiles()),
        fc.integer({ min: 1, max: 130 }),
        (profile, cpus) => {
          const { cpu } = document({ ...specOf('x', profile), cpus }).resources;
          const ids = [...JSON.stringify(cpu).matchAll(/"id":(\d+),"thread"/g)].map(([, id]) => Number(id));
          expect([...ids].sort((a, b) => a - b)).toEqual(Array.from({ length: cpus }, (_, i) => i));
        },
      ),
    );
  });

  test('follows the spec where it has more or less than the profile', () => {
    const spec = specOf('x', hardwareProfile('nuc'));
    const more = document({ ...spec, nics: [...spec.nics, { mac: spec.nics[0]!.mac }], disks: [] });
    expect(more.resources.network.total).toBe(2);
    expect(Object.keys(more.networks)).toHaveLength(3);
    expect(more.resources.storage.disks).toEqual([]);
  });

  test('disks are counted by kind', () => {
    const profile = hardwareProfile('gpu-node')!;
    expect([0, 1, 2].map((index) => diskDevice(profile, index))).toEqual(['nvme0n1', 'sda', 'sdb']);
  });
});
