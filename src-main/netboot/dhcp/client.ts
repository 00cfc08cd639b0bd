import type { DhcpMessage } from '../../protocol/dhcp.ts';
import { OPTION } from '../../protocol/dhcp-options.ts';
import {
  ARCH,
  isFullIpxe,
  readArchitectures,
  readIpxeOptions,
  readUserClasses,
} from '../../protocol/dhcp-pxe.ts';
import { readText } from '../../protocol/dhcp-values.ts';
import type { ClientArch } from '../ports.ts';

/** What a DHCP client is, as far as network boot is concerned. */
export interface BootingClient {
  readonly arch: ClientArch;
  /** The number in option 93 that decided, or -1 when there was none that we know. */
  readonly archCode: number;
  /** 'full' fetches scripts by HTTP and starts kernels; 'small' only loads PXE boot loaders by TFTP. */
  readonly ipxe: 'no' | 'small' | 'full';
  /** Vendor class begins with "PXE": short leases. */
  readonly pxe: boolean;
  /** UEFI HTTP boot, which wants its vendor class back. */
  readonly http: boolean;
  /** False for an operating system's client, which gets no boot file. */
  readonly boots: boolean;
}

const ARCH_NAMES: ReadonlyMap<number, ClientArch> = new Map([
  [ARCH.bios, 'bios'],
  [ARCH.uefiIa32, 'uefi-x86'],
  [ARCH.uefiX64, 'uefi-amd64'],
  [ARCH.uefiEbc, 'uefi-amd64'],
  [ARCH.uefiX64Http, 'uefi-amd64-http'],
  [ARCH.uefiArm64, 'uefi-arm64'],
  [ARCH.uefiArm64Http, 'uefi-arm64-http'],
  [ARCH.openFirmware, 'open-firmware-ppc64el'],
  [ARCH.powerNv, 'powernv'],
  [ARCH.s390x, 's390x'],
  [ARCH.s390xPartition, 's390x'],
]);

/** An operating system's DHCP client. */
const ORDINARY: BootingClient = {
  arch: 'unknown',
  archCode: -1,
  ipxe: 'no',
  pxe: false,
  http: false,
  boots: false,
};

/** Classifies by options 93, 60, 77 and 175, and by what the client asks for. */
export function classifyClient(message: DhcpMessage): BootingClient {
  const { options } = message;
  const features = readIpxeOptions(options);
  const requested = options.get(OPTION.parameterRequestList);
  const vendorClass = readText(options, OPTION.vendorClass) ?? '';
  const pxe = vendorClass.startsWith('PXE');
  const http = vendorClass.startsWith('HTTPClient');
  const boots =
    pxe ||
    http ||
    features !== null ||
    options.has(OPTION.clientArch) ||
    requested?.includes(OPTION.bootFile) === true ||
    requested?.includes(OPTION.pxelinuxPathPrefix) === true;
  if (!boots) return ORDINARY;
  const codes = readArchitectures(options);
  const archCode = codes.find((code) => ARCH_NAMES.has(code)) ?? -1;
  return {
    arch: ARCH_NAMES.get(archCode) ?? 'unknown',
    archCode,
    ipxe: ipxeKind(features, options.has(OPTION.userClass) && readUserClasses(options).includes('iPXE')),
    pxe,
    http,
    boots,
  };
}

function ipxeKind(
  features: ReadonlyMap<number, Uint8Array> | null,
  saysIpxe: boolean,
): BootingClient['ipxe'] {
  if (features && isFullIpxe(features)) return 'full';
  // VirtualBox's built-in iPXE gives its name, but knows neither HTTP nor scripts: the name alone proves nothing.
  return features || saysIpxe ? 'small' : 'no';
}
