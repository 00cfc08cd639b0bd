import type { CpuParts, DimmPart, DiskPart, NicPart, PciPart, UsbPart } from './profile.ts';

/** Components that the catalogue's machines are put together from: names and ids as real ones report them. */

type CpuRow = readonly [
  model: string,
  cores: number,
  threads: number,
  mhz: number,
  turboMhz: number,
  signature: CpuParts['signature'],
];

const CPUS = {
  n100: ['Intel(R) N100', 4, 1, 800, 3400, [6, 190, 0]],
  i5Nuc: ['12th Gen Intel(R) Core(TM) i5-1240P', 12, 1, 1700, 4400, [6, 154, 3]],
  i5Old: ['Intel(R) Core(TM) i5-3470 CPU @ 3.20GHz', 4, 1, 3200, 3600, [6, 58, 9]],
  xeonE3: ['Intel(R) Xeon(R) CPU E3-1230 v5 @ 3.40GHz', 4, 2, 3400, 3800, [6, 94, 3]],
  xeonE5: ['Intel(R) Xeon(R) CPU E5-2630 v4 @ 2.20GHz', 10, 2, 2200, 3100, [6, 79, 1]],
  xeonSilver: ['Intel(R) Xeon(R) Silver 4214R CPU @ 2.40GHz', 12, 2, 2400, 3500, [6, 85, 7]],
  xeonGold: ['Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz', 20, 2, 2100, 3900, [6, 85, 7]],
  xeonD: ['Intel(R) Xeon(R) D-2123IT CPU @ 2.20GHz', 4, 2, 2200, 3000, [6, 85, 4]],
  ryzen5: ['AMD Ryzen 5 5600G with Radeon Graphics', 6, 2, 3900, 4400, [25, 80, 0]],
  epycRome: ['AMD EPYC 7402P 24-Core Processor', 24, 2, 2800, 3350, [23, 49, 0]],
  epycMilan: ['AMD EPYC 7543 32-Core Processor', 32, 2, 2800, 3700, [25, 1, 1]],
  gx424: ['AMD GX-424CC SOC with Radeon(TM) R5E Graphics', 4, 1, 2400, 2400, [22, 48, 1]],
} as const satisfies Record<string, CpuRow>;

export function cpu(name: keyof typeof CPUS, sockets = 1): CpuParts {
  const [model, coresPerSocket, threadsPerCore, mhz, turboMhz, signature] = CPUS[name];
  const vendor = model.startsWith('AMD') ? 'AuthenticAMD' : 'GenuineIntel';
  return { vendor, model, sockets, coresPerSocket, threadsPerCore, mhz, turboMhz, signature };
}

const DIMM_PARTS = {
  DDR3: ['Samsung', 'M378B5173', 1600],
  DDR4: ['Micron Technology', '18ASF2G72', 2933],
  DDR5: ['SK Hynix', 'HMCG78AEB', 4800],
} as const;

/** `count` equal modules, named in the way of the board. */
export function dimms(count: number, sizeGb: number, type: DimmPart['type'], slot = 'DIMM_'): DimmPart[] {
  const [vendor, part, mhz] = DIMM_PARTS[type];
  return Array.from({ length: count }, (_, i) => ({
    slot: `${slot}${String.fromCharCode(65 + (i >> 1))}${(i & 1) + 1}`,
    sizeMb: sizeGb * 1024,
    type,
    mhz,
    vendor,
    part,
  }));
}

type DiskRow = readonly [
  vendor: string,
  model: string,
  gigabytes: number,
  bus: DiskPart['bus'],
  rpm: number,
  firmware: string,
  serialPattern: string,
];

const DISKS = {
  nvme500: ['Samsung', 'Samsung SSD 980 500GB', 500, 'nvme', 0, '3B4QFXO7', 'S64DNL0T######@'],
  nvme960: ['Intel', 'INTEL SSDPE2KX010T8', 960, 'nvme', 0, 'VDV10131', 'PHLJ########1P0FGN'],
  nvme3840: ['Micron', 'Micron_7300_MTFDHBE3T8TDF', 3840, 'nvme', 0, '95420260', '########@#@#'],
  sata128: ['Transcend', 'TS128GMTS430S', 128, 'sata', 0, '02J0S86A', '@######-####'],
  sata240: ['Kingston', 'KINGSTON SA400S37240G', 240, 'sata', 0, 'SBFKB1D1', '50026B77########'],
  sata480: ['Samsung', 'SAMSUNG MZ7LH480HAHQ-00005', 480, 'sata', 0, 'HXT7404Q', 'S45PNA0M######'],
  sata960: ['Intel', 'INTEL SSDSC2KB960G8', 960, 'sata', 0, 'XCV10132', 'PHYF########960CGN'],
  hdd500: ['Seagate', 'ST500DM002-1BD142', 500, 'sata', 7200, 'KC45', 'Z3T@@###'],
  hdd4000: ['Western Digital', 'WDC WD4003FRYZ-01F0DB0', 4000, 'sata', 7200, '01.01H01', 'V1@@####'],
  hdd12000: ['HGST', 'HGST HUH721212ALE600', 12000, 'sata', 7200, 'LEGNT3D0', '8D@@###H'],
  sas600: ['Seagate', 'ST600MM0009', 600, 'sas', 10000, 'N004', 'W0M#####'],
} as const satisfies Record<string, DiskRow>;

export function disks(...names: (keyof typeof DISKS)[]): DiskPart[] {
  return names.map((name) => {
    const [vendor, model, gigabytes, bus, rpm, firmware, serialPattern] = DISKS[name];
    // Drive makers' gigabytes, rounded down to whole MiB.
    const sizeBytes = Math.floor((gigabytes * 1e9) / (1 << 20)) * (1 << 20);
    return { vendor, model, sizeBytes, bus, rpm, firmware, serialPattern };
  });
}

type NicRow = readonly [
  vendor: string,
  product: string,
  pciId: string,
  driver: string,
  mbps: number,
  oui: string,
];

const NICS = {
  i219: ['Intel Corporation', 'Ethernet Connection I219-LM', '8086:15b7', 'e1000e', 1000, '1c:69:7a'],
  i225: ['Intel Corporation', 'Ethernet Controller I225-V', '8086:15f3', 'igc', 2500, '88:ae:dd'],
  i226: ['Intel Corporation', 'Ethernet Controller I226-V', '8086:125c', 'igc', 2500, 'a8:b8:e0'],
  i210: ['Intel Corporation', 'I210 Gigabit Network Connection', '8086:1533', 'igb', 1000, 'ac:1f:6b'],
  i350: ['Intel Corporation', 'I350 Gigabit Network Connection', '8086:1521', 'igb', 1000, 'b4:96:91'],
  x550: ['Intel Corporation', 'Ethernet Controller 10G X550T', '8086:1563', 'ixgbe', 10000, '3c:ec:ef'],
  x710: [
    'Intel Corporation',
    'Ethernet Controller X710 for 10GbE SFP+',
    '8086:1572',
    'i40e',
    10000,
    '3c:fd:fe',
  ],
  bcm5720: ['Broadcom Inc.', 'NetXtreme BCM5720 Gigabit Ethernet PCIe', '14e4:165f', 'tg3', 1000, 'b0:26:28'],
  cx5: ['Mellanox Technologies', 'MT27800 Family [ConnectX-5]', '15b3:1017', 'mlx5_core', 25000, '0c:42:a1'],
  r8168: [
    'Realtek Semiconductor Co., Ltd.',
    'RTL8111/8168/8411 PCI Express Gigabit Ethernet Controller',
    '10ec:8168',
    'r8169',
    1000,
    '00:e0:4c',
  ],
  e1000: ['Intel Corporation', '82579LM Gigabit Network Connection', '8086:1502', 'e1000e', 1000, '90:b1:1c'],
} as const satisfies Record<string, NicRow>;

/** `count` ports of one controller at PCI bus `bus`. */
export function nics(name: keyof typeof NICS, bus: number, count = 1): NicPart[] {
  const [vendor, product, pciId, driver, mbps, oui] = NICS[name];
  return Array.from({ length: count }, (_, port) => ({
    vendor,
    product,
    pciId,
    driver,
    mbps,
    firmware: '1.63, 0x80000a05',
    pciAddress: `0000:${bus.toString(16).padStart(2, '0')}:00.${port}`,
    oui,
    device: count === 1 ? `enp${bus}s0` : `enp${bus}s0f${port}`,
  }));
}

export const USB_KEYBOARD: UsbPart = {
  bus: 1,
  device: 2,
  id: '046d:c31c',
  vendor: 'Logitech, Inc.',
  product: 'Keyboard K120',
  driver: 'usbhid',
};
export const USB_BMC: UsbPart = {
  bus: 1,
  device: 2,
  id: '046b:ff10',
  vendor: 'American Megatrends, Inc.',
  product: 'Virtual Keyboard and Mouse',
  driver: 'usbhid',
};

export const VGA_BMC: PciPart = {
  address: '0000:03:00.0',
  pciId: '1a03:2000',
  vendor: 'ASPEED Technology, Inc.',
  product: 'ASPEED Graphics Family',
  driver: 'ast',
};
export const VGA_INTEL: PciPart = {
  address: '0000:00:02.0',
  pciId: '8086:46a6',
  vendor: 'Intel Corporation',
  product: 'Alder Lake-P Integrated Graphics Controller',
  driver: 'i915',
};
export const VGA_AMD: PciPart = {
  address: '0000:05:00.0',
  pciId: '1002:1638',
  vendor: 'Advanced Micro Devices, Inc. [AMD/ATI]',
  product: 'Cezanne [Radeon Vega Series]',
  driver: 'amdgpu',
};
export const RAID: PciPart = {
  address: '0000:18:00.0',
  pciId: '1000:005d',
  vendor: 'Broadcom / LSI',
  product: 'MegaRAID SAS-3 3108 [Invader]',
  driver: 'megaraid_sas',
};
export const HBA: PciPart = {
  address: '0000:17:00.0',
  pciId: '1000:0097',
  vendor: 'Broadcom / LSI',
  product: 'SAS3008 PCI-Express Fusion-MPT SAS-3',
  driver: 'mpt3sas',
};

/** A compute accelerator in slot `slot`. */
export function tesla(slot: number): PciPart {
  return {
    address: `0000:${(0x3b + slot * 0x20).toString(16)}:00.0`,
    pciId: '10de:1eb8',
    vendor: 'NVIDIA Corporation',
    product: 'TU104GL [Tesla T4]',
    driver: 'nvidia',
  };
}
