import { formatMac } from '../../../../base/address.ts';
import type { DiskSpec, PcSpec } from '../../pc.ts';
import type { DiskPart, HardwareProfile, NicPart, PciPart } from './profile.ts';

/** Any JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** What the running system knows beside the hardware. */
export interface SystemFacts {
  readonly hostname: string;
  readonly kernelVersion: string;
  readonly osName: string;
  readonly osVersion: string;
  /** Addresses by NIC index, as `{ address, prefix }`. */
  readonly addresses: ReadonlyMap<number, { readonly address: string; readonly prefix: number }>;
}

/**
 * The document of LXD's resources API (`lxd init --dump` and MAAS's `machine-resources` write it), which
 * commissioning sends as the output of `50-maas-01-commissioning`. The spec says how much there is of everything,
 * the profile what it is called.
 */
export function resourcesOf(profile: HardwareProfile, spec: PcSpec, facts: SystemFacts): Json {
  return {
    api_version: '1.0',
    api_extensions: ['resources', 'resources_v2', 'api_os', 'resources_system', 'resources_usb_pci'],
    environment: {
      kernel: 'Linux',
      kernel_architecture: 'x86_64',
      kernel_version: facts.kernelVersion,
      os_name: facts.osName,
      os_version: facts.osVersion,
      server: 'maas-machine-resources',
      server_name: facts.hostname,
      server_version: '5.0',
    },
    networks: networksOf(profile, spec, facts),
    resources: {
      cpu: cpuOf(profile, spec),
      memory: memoryOf(profile, spec),
      gpu: { cards: profile.gpus.map(gpuCard), total: profile.gpus.length },
      network: { cards: networkCards(profile, spec), total: spec.nics.length },
      storage: {
        disks: spec.disks.map((disk, index) => diskOf(profile, disk, index)),
        total: spec.disks.length,
      },
      pci: pciOf(profile, spec),
      usb: usbOf(profile),
      system: systemOf(profile, spec),
    },
  };
}

/** The NIC that stands at `index` in a spec; specs with more NICs than the profile repeat its last one. */
export function nicPartOf(profile: HardwareProfile, index: number): NicPart {
  const part = profile.nics[index] ?? profile.nics.at(-1);
  if (!part) throw new TypeError(`the profile ${profile.name} has no NIC`);
  if (index < profile.nics.length) return part;
  const bus = 0xc0 + index;
  return { ...part, device: `enp${bus}s0`, pciAddress: `0000:${bus.toString(16)}:00.0` };
}

function diskPartOf(profile: HardwareProfile, index: number): DiskPart | undefined {
  return profile.disks[index] ?? profile.disks.at(-1);
}

/** The kernel's name of disk `index`: `nvme0n1`, `sda`, … counted by kind. */
export function diskDevice(profile: HardwareProfile, index: number): string {
  const isNvme = (i: number) => diskPartOf(profile, i)?.bus === 'nvme';
  let before = 0;
  for (let i = 0; i < index; i++) if (isNvme(i) === isNvme(index)) before++;
  if (isNvme(index)) return `nvme${before}n1`;
  const letter = (n: number): string =>
    (n < 26 ? '' : letter(Math.floor(n / 26) - 1)) + String.fromCharCode(97 + (n % 26));
  return `sd${letter(before)}`;
}

function networksOf(profile: HardwareProfile, spec: PcSpec, facts: SystemFacts): Json {
  const entries = spec.nics.map(({ mac }, index): [string, Json] => {
    const configured = facts.addresses.get(index);
    const addresses = configured
      ? [{ family: 'inet', address: configured.address, netmask: String(configured.prefix), scope: 'global' }]
      : [];
    return [
      nicPartOf(profile, index).device,
      {
        addresses,
        hwaddr: formatMac(mac),
        state: configured ? 'up' : 'down',
        type: 'broadcast',
        mtu: 1500,
        bond: null,
        bridge: null,
        vlan: null,
      },
    ];
  });
  const loopback: Json = {
    addresses: [{ family: 'inet', address: '127.0.0.1', netmask: '8', scope: 'local' }],
    hwaddr: '',
    state: 'up',
    type: 'loopback',
    mtu: 65536,
    bond: null,
    bridge: null,
    vlan: null,
  };
  return Object.fromEntries([['lo', loopback], ...entries]);
}

function cpuOf({ cpu }: HardwareProfile, spec: PcSpec): Json {
  const sockets = Math.min(cpu.sockets, spec.cpus);
  const perCore = spec.cpus % cpu.threadsPerCore === 0 ? cpu.threadsPerCore : 1;
  const cores = Array.from({ length: Math.ceil(spec.cpus / perCore) }, (_, core) => core);
  const perSocket = Math.ceil(cores.length / sockets);
  return {
    architecture: 'x86_64',
    total: spec.cpus,
    sockets: Array.from({ length: sockets }, (_, socket) => ({
      name: cpu.model,
      vendor: cpu.vendor,
      socket,
      frequency: cpu.mhz,
      frequency_minimum: Math.min(800, cpu.mhz),
      frequency_turbo: cpu.turboMhz,
      cores: cores.slice(socket * perSocket, (socket + 1) * perSocket).map((core, index) => ({
        core: index,
        die: 0,
        frequency: cpu.mhz,
        numa_node: socket,
        threads: Array.from({ length: perCore }, (_, thread) => ({
          // Linux counts the first thread of every core before the second ones.
          id: core + thread * cores.length,
          thread,
          numa_node: socket,
          online: true,
          isolated: false,
        })),
      })),
    })),
  };
}

function memoryOf({ cpu }: HardwareProfile, spec: PcSpec): Json {
  const total = spec.memoryMb * (1 << 20);
  const used = Math.floor(total / 16);
  const nodes = Math.min(cpu.sockets, spec.cpus);
  return {
    total,
    used,
    hugepages_total: 0,
    hugepages_used: 0,
    hugepages_size: 2 << 20,
    nodes: Array.from({ length: nodes }, (_, numa_node) => ({
      numa_node,
      total: Math.floor(total / nodes),
      used: Math.floor(used / nodes),
      hugepages_total: 0,
      hugepages_used: 0,
    })),
  };
}

function splitId(id: string): { vendor_id: string; product_id: string } {
  const [vendor_id = '', product_id = ''] = id.split(':');
  return { vendor_id, product_id };
}

function gpuCard({ address, vendor, product, driver, pciId }: PciPart): Json {
  return {
    pci_address: address,
    vendor,
    product,
    driver,
    driver_version: '6.8.0',
    numa_node: 0,
    ...splitId(pciId),
  };
}

function networkCards(profile: HardwareProfile, spec: PcSpec): Json {
  return spec.nics.map(({ mac }, index) => {
    const part = nicPartOf(profile, index);
    const modes =
      part.mbps >= 10000
        ? [`${part.mbps}baseT/Full`]
        : ['10baseT/Full', '100baseT/Full', `${part.mbps}baseT/Full`];
    return {
      driver: part.driver,
      driver_version: '6.8.0',
      vendor: part.vendor,
      product: part.product,
      ...splitId(part.pciId),
      firmware_version: part.firmware,
      numa_node: 0,
      pci_address: part.pciAddress,
      ports: [
        {
          id: part.device,
          address: formatMac(mac),
          port: 0,
          protocol: 'ethernet',
          supported_modes: modes,
          supported_ports: [part.mbps >= 10000 ? 'fibre' : 'twisted pair'],
          port_type: part.mbps >= 10000 ? 'fibre' : 'twisted pair',
          transceiver_type: 'internal',
          auto_negotiation: true,
          link_detected: true,
          link_speed: part.mbps,
          link_duplex: 'full',
        },
      ],
    };
  });
}

function diskOf(profile: HardwareProfile, disk: DiskSpec, index: number): Json {
  const part = diskPartOf(profile, index);
  const id = diskDevice(profile, index);
  const model = disk.model ?? part?.model ?? 'Disk';
  const serial = disk.serial ?? '';
  const bus = part?.bus ?? 'sata';
  const name = `${model}_${serial}`.replaceAll(' ', '_');
  const kind = bus === 'nvme' ? 'nvme' : bus === 'sas' ? 'scsi' : 'ata';
  return {
    id,
    device: bus === 'nvme' ? `259:${index}` : `8:${index * 16}`,
    device_id: serial === '' ? '' : `${kind}-${name}`,
    device_path: `pci-0000:00:17.0-${kind}-${index + 1}`,
    model,
    serial,
    size: disk.sizeBytes,
    block_size: 512,
    rpm: part?.rpm ?? 0,
    read_only: false,
    removable: false,
    type: bus === 'sas' ? 'scsi' : bus,
    numa_node: 0,
    wwn: '',
    firmware_version: part?.firmware ?? '',
    partitions: [],
  };
}

function pciOf(profile: HardwareProfile, spec: PcSpec): Json {
  const parts = spec.nics.map((_, index): PciPart => {
    const { pciAddress, pciId, vendor, product, driver } = nicPartOf(profile, index);
    return { address: pciAddress, pciId, vendor, product, driver };
  });
  const devices = [...parts, ...profile.gpus, ...profile.pci].map(
    ({ address, vendor, product, driver, pciId }): Json => ({
      pci_address: address,
      vendor,
      product,
      driver,
      driver_version: '6.8.0',
      numa_node: 0,
      iommu_group: 0,
      vpd: {},
      ...splitId(pciId),
    }),
  );
  return { devices, total: devices.length };
}

function usbOf({ usb }: HardwareProfile): Json {
  const devices = usb.map(
    ({ bus, device, id, vendor, product, driver }): Json => ({
      bus_address: bus,
      device_address: device,
      interfaces: [
        {
          class: 'Human Interface Device',
          class_id: 3,
          driver,
          driver_version: '6.8.0',
          number: 0,
          subclass: 'Boot Interface Subclass',
          subclass_id: 1,
        },
      ],
      vendor,
      product,
      speed: 12,
      ...splitId(id),
    }),
  );
  return { devices, total: devices.length };
}

function systemOf({ system }: HardwareProfile, spec: PcSpec): Json {
  const { identity } = spec;
  return {
    uuid: identity.uuid,
    vendor: identity.vendor,
    product: identity.product,
    family: system.family,
    version: system.version,
    sku: system.sku,
    serial: identity.serial,
    type: 'physical',
    firmware: { ...system.firmware },
    chassis: {
      vendor: system.chassis.vendor,
      type: system.chassis.type,
      serial: identity.serial,
      version: system.version,
    },
    motherboard: { ...system.board, serial: `.${identity.serial}.` },
  };
}
