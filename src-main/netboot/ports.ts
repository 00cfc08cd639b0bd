import type { Readable } from 'node:stream';
import type { Ipv4, Mac } from '../base/address.ts';

/**
 * The questions that netboot asks and does not answer itself. `domain` implements them;
 * `app` hands the implementations in.
 */

/** A promise of an address to a client, as DHCP needs it. Times are wall-clock milliseconds. */
export interface Lease {
  readonly address: Ipv4;
  readonly mac: Mac;
  readonly state: 'bound' | 'declined';
  readonly expiresAt: number;
  /** What the client calls itself (option 12), or ''. */
  readonly hostname: string;
}

/** Where leases are kept. `put` and `remove` resolve only when the change would survive a power cut. */
export interface LeaseBook {
  /** Everything known at start. */
  all(): readonly Lease[];
  /** Calls made within one turn of the event loop are committed together. */
  put(lease: Lease): Promise<void>;
  remove(address: Ipv4): Promise<void>;
}

/** Client architectures by option 93 (RFC 4578, IANA "Processor Architecture Types"). */
export type ClientArch =
  | 'bios'
  | 'uefi-x86'
  | 'uefi-amd64'
  | 'uefi-amd64-http'
  | 'uefi-arm64'
  | 'uefi-arm64-http'
  | 'open-firmware-ppc64el'
  | 'powernv'
  | 's390x'
  | 'unknown';

export type Loader = 'ipxe' | 'pxelinux' | 'grub';

/** Why a machine boots; facts on each: MAAS node states → purpose. */
export type BootPurpose = 'enlist' | 'commissioning' | 'xinstall' | 'local' | 'poweroff';

/** Who asks for a boot configuration. Several facts may be missing: a loader knows what it knows. */
export interface BootClient {
  readonly mac: Mac | null;
  /** SMBIOS UUID in its text form, lower case. */
  readonly uuid: string | null;
  /** Debian architecture name the loader asked for, when it did ("amd64", "i386", "arm64"). */
  readonly arch: string | null;
  readonly loader: Loader;
  /** How the configuration was fetched; GRUB needs the images by the same way. */
  readonly transport: 'tftp' | 'http';
  /** Where the client reached us: baked into the URLs that it gets. */
  readonly server: ServerAddress;
}

export interface ServerAddress {
  readonly address: Ipv4;
  /** Port of the boot HTTP server, 5248 by convention. */
  readonly httpPort: number;
}

/** What a machine shall do now. Paths are below `/images/` of the boot HTTP server, without a leading slash. */
export interface BootPlan {
  readonly purpose: BootPurpose;
  readonly hostname: string;
  /** Kernel and initrd by Debian architecture: iPXE and PXELINUX pick by the CPU, GRUB by its own. */
  readonly images: Readonly<Record<string, BootImageFiles>>;
  /** The kernel command line without BOOTIF, which each loader adds in its own way. */
  readonly kernelOptions: readonly string[];
}

export interface BootImageFiles {
  readonly kernel: string;
  readonly initrd: string;
}

export interface BootDirectory {
  /** The plan for a client, or null when it is unknown and should fall through to the default name. */
  planFor(client: BootClient): Promise<BootPlan | null>;
  /** The plan for any machine that nobody knows (the `default` names): enlistment. */
  defaultPlan(client: BootClient): Promise<BootPlan>;
}

/** A file that TFTP and HTTP can serve: streamed, never held whole. */
export interface BootFile {
  readonly size: number;
  /** Bytes `start` to `end` inclusive. */
  open(start: number, end: number): Readable;
}

/** Finds files by the path that a client asked for (no leading slash, forward slashes, no `..`). */
export interface BootFiles {
  find(path: string, client: FileClient): Promise<BootFile | null>;
}

export interface FileClient {
  readonly transport: 'tftp' | 'http';
  readonly address: Ipv4;
  readonly mac: Mac | null;
  readonly server: ServerAddress;
}
