/** What a machine is made of: enough for its firmware screens, `/proc`, and the hardware report of commissioning. */
export interface HardwareProfile {
  readonly name: string;
  /** One line for people who choose one. */
  readonly summary: string;
  readonly system: SystemParts;
  readonly cpu: CpuParts;
  readonly memory: readonly DimmPart[];
  readonly disks: readonly DiskPart[];
  readonly nics: readonly NicPart[];
  readonly gpus: readonly PciPart[];
  readonly pci: readonly PciPart[];
  readonly usb: readonly UsbPart[];
  /** Its BIOS boots by the card maker's PXE ROM instead of iPXE: no HTTP, no scripts. Only for PCs that name it. */
  readonly plainPxeRom?: boolean;
}

export interface SystemParts {
  readonly vendor: string;
  readonly product: string;
  readonly family: string;
  readonly version: string;
  readonly sku: string;
  /** How the vendor's serial numbers look: `#` a digit, `@` a letter. */
  readonly serialPattern: string;
  readonly firmware: { readonly vendor: string; readonly version: string; readonly date: string };
  readonly chassis: { readonly type: string; readonly vendor: string };
  readonly board: { readonly vendor: string; readonly product: string; readonly version: string };
}

export interface CpuParts {
  readonly vendor: 'GenuineIntel' | 'AuthenticAMD';
  readonly model: string;
  readonly sockets: number;
  readonly coresPerSocket: number;
  readonly threadsPerCore: number;
  readonly mhz: number;
  readonly turboMhz: number;
  /** CPUID display family, model, stepping. */
  readonly signature: readonly [family: number, model: number, stepping: number];
}

export interface DimmPart {
  readonly slot: string;
  readonly sizeMb: number;
  readonly type: 'DDR3' | 'DDR4' | 'DDR5';
  readonly mhz: number;
  readonly vendor: string;
  readonly part: string;
}

export interface DiskPart {
  readonly vendor: string;
  readonly model: string;
  readonly sizeBytes: number;
  readonly bus: 'nvme' | 'sata' | 'sas';
  /** Revolutions per minute; 0 for flash. */
  readonly rpm: number;
  readonly firmware: string;
  readonly serialPattern: string;
}

export interface NicPart {
  readonly vendor: string;
  readonly product: string;
  /** `vvvv:dddd`, lower-case hex. */
  readonly pciId: string;
  readonly driver: string;
  readonly mbps: number;
  readonly firmware: string;
  readonly pciAddress: string;
  /** First three octets of its MAC address. */
  readonly oui: string;
  /** The name Linux gives it. */
  readonly device: string;
}

export interface PciPart {
  readonly address: string;
  readonly pciId: string;
  readonly vendor: string;
  readonly product: string;
  readonly driver: string;
}

export interface UsbPart {
  readonly bus: number;
  readonly device: number;
  /** `vvvv:dddd`, lower-case hex. */
  readonly id: string;
  readonly vendor: string;
  readonly product: string;
  readonly driver: string;
}

/** Fills a serial pattern: `#` a digit, `@` a letter without I and O. */
export function fillPattern(pattern: string, random: { int(min: number, max: number): number }): string {
  const letters = 'ABCDEFGHJKLMNPQRSTUVWXYZ';
  return pattern.replace(/[#@]/g, (place) =>
    place === '#' ? String(random.int(0, 9)) : (letters[random.int(0, letters.length - 1)] ?? 'A'),
  );
}

/** Hardware threads of a profile. */
export function threadsOf(cpu: CpuParts): number {
  return cpu.sockets * cpu.coresPerSocket * cpu.threadsPerCore;
}

export function memoryMbOf(profile: HardwareProfile): number {
  return profile.memory.reduce((sum, dimm) => sum + dimm.sizeMb, 0);
}
