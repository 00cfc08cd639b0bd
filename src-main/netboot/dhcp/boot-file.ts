import { formatIpv4 } from '../../base/address.ts';
import { ARCH } from '../../protocol/dhcp-pxe.ts';
import type { ClientArch, ServerAddress } from '../ports.ts';
import type { BootingClient } from './client.ts';

/** A first boot loader. `{http}` in either text stands for `http://<server>:<port>/`. */
export interface LoaderChoice {
  readonly file: string;
  /** PXELINUX's option 210: what it puts before the names of its configuration files. */
  readonly pathPrefix?: string;
}

export type LoaderTable = Readonly<Partial<Record<ClientArch, LoaderChoice>>>;

/**
 * What each architecture is given first (MAAS's boot methods). Works without configuration: shim boots with Secure
 * Boot and without, and lpxelinux reads its configuration by HTTP. UEFI for 32-bit x86 has no loader.
 */
const DEFAULT_LOADERS: LoaderTable = {
  bios: { file: 'lpxelinux.0', pathPrefix: '{http}' },
  'uefi-amd64': { file: 'bootx64.efi' },
  // Not shim as in MAAS: Debian's signed GRUB behind it has no HTTP, so it would stop there. iPXE has, but is not
  // signed: a PC that boots by HTTP under Secure Boot needs another choice here.
  'uefi-amd64-http': { file: '{http}images/ipxe.efi' },
  'uefi-arm64': { file: 'bootaa64.efi' },
  'uefi-arm64-http': { file: '{http}images/bootaa64.efi' },
  'open-firmware-ppc64el': { file: 'bootppc64.bin' },
  powernv: { file: 'pxelinux.0', pathPrefix: 'ppc64el/' },
  s390x: { file: 'boots390x.bin', pathPrefix: 's390x/' },
  // Firmware that does not say what it is, is an old BIOS in practice.
  unknown: { file: 'lpxelinux.0', pathPrefix: '{http}' },
};

const IPXE_SCRIPT: LoaderChoice = { file: '{http}ipxe.cfg' };
const S390X_PARTITION: LoaderChoice = { file: 's390x_partition/maas' };

/** MAAS's names of boot methods that a subnet can switch off. */
export type DisabledArch =
  | 'ipxe'
  | 'pxe'
  | 'uefi_amd64_tftp'
  | 'uefi_amd64_http'
  | 'uefi_ebc_tftp'
  | 'uefi_arm64_tftp'
  | 'uefi_arm64_http'
  | 'open-firmware_ppc64el'
  | 'powernv'
  | 'windows'
  | 's390x'
  | 's390x_partition';

const METHOD_OF_ARCH: ReadonlyMap<number, DisabledArch> = new Map([
  [ARCH.bios, 'pxe'],
  [ARCH.uefiX64, 'uefi_amd64_tftp'],
  [ARCH.uefiX64Http, 'uefi_amd64_http'],
  [ARCH.uefiEbc, 'uefi_ebc_tftp'],
  [ARCH.uefiArm64, 'uefi_arm64_tftp'],
  [ARCH.uefiArm64Http, 'uefi_arm64_http'],
  [ARCH.openFirmware, 'open-firmware_ppc64el'],
  [ARCH.powerNv, 'powernv'],
  [ARCH.s390x, 's390x'],
  [ARCH.s390xPartition, 's390x_partition'],
]);

export interface BootFileOptions {
  readonly server: ServerAddress;
  readonly disabled?: readonly DisabledArch[];
  readonly loaders?: LoaderTable;
}

/** The boot file of a client with its URLs filled in, or null when there is none for it. */
export function chooseBootFile(client: BootingClient, options: BootFileOptions): LoaderChoice | null {
  const choice = chooseLoader(client, options.disabled ?? [], options.loaders ?? {});
  if (!choice) return null;
  const base = `http://${formatIpv4(options.server.address)}:${options.server.httpPort}/`;
  const fill = (text: string) => text.replaceAll('{http}', base);
  return {
    file: fill(choice.file),
    ...(choice.pathPrefix === undefined ? {} : { pathPrefix: fill(choice.pathPrefix) }),
  };
}

function chooseLoader(
  client: BootingClient,
  disabled: readonly DisabledArch[],
  loaders: LoaderTable,
): LoaderChoice | null {
  if (client.ipxe === 'full' && !disabled.includes('ipxe')) return IPXE_SCRIPT;
  if (disabled.includes(METHOD_OF_ARCH.get(client.archCode) ?? 'pxe')) return null;
  if (client.archCode === ARCH.s390xPartition) return S390X_PARTITION;
  // HTTP boot of an architecture that we do not know can do nothing with a BIOS loader's name.
  if (client.http && client.arch === 'unknown') return null;
  return loaders[client.arch] ?? DEFAULT_LOADERS[client.arch] ?? null;
}
