import { type Mac, parseMac } from '../../base/address.ts';
import type { Loader } from '../ports.ts';

/** What a boot loader asks for when it asks for its configuration. */
type ConfigRequest = { readonly loader: Loader } & (
  | { readonly kind: 'chain' }
  /** The configuration of one machine; unknown machines must not be answered. */
  | {
      readonly kind: 'machine';
      readonly mac: Mac | null;
      readonly uuid: string | null;
      readonly arch: string | null;
    }
  /** The last name that a loader tries: answered for everybody. */
  | { readonly kind: 'default'; readonly arch: string | null }
  /** A name in between that we never serve, such as PXELINUX's parts of the IP address. */
  | { readonly kind: 'unserved' }
);

/** Debian architecture by the names that loaders use. */
const ARCH: ReadonlyMap<string, string> = new Map([
  ['amd64', 'amd64'],
  ['x86_64', 'amd64'],
  ['i386', 'i386'],
  ['arm64', 'arm64'],
  ['aarch64', 'arm64'],
  ['armhf', 'armhf'],
  ['powerpc', 'ppc64el'],
  ['ppc64', 'ppc64el'],
  ['ppc64le', 'ppc64el'],
  ['ppc64el', 'ppc64el'],
  ['s390x', 's390x'],
]);

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** PXELINUX: an optional prefix (`ppc64el/` for petitboot), the folder, the name. */
const PXELINUX = /^(?:(.*)\/)?pxelinux\.cfg\/([^/]+)$/;
/** ARP hardware type and address, dashed. */
const PXELINUX_MAC = /^[0-9a-f]{2}-((?:[0-9a-f]{2}-){5}[0-9a-f]{2})$/i;
/**
 * GRUB: below its prefix, which is baked into each build. Debian and Ubuntu: `/grub`; Debian's installer build:
 * `/debian-installer/<arch>/grub`; builds for disks: `/EFI/<vendor>` and `/boot/grub`. `<prefix>/x86_64-efi/grub.cfg`,
 * which Debian's build tries first, is not a match: then it takes the one above it.
 */
const GRUB = /^(?:(?:[^/]+\/)*grub\/|efi\/[^/]+\/)?grub\.cfg(?:-(.+))?$/i;
const IPXE = /^ipxe\.cfg(?:-(.+))?$/;

/** Reads a normalised path; null when it is no configuration. */
export function parseConfigPath(path: string): ConfigRequest | null {
  const pxelinux = PXELINUX.exec(path);
  if (pxelinux) return pxelinuxRequest(pxelinux[2] ?? '', ARCH.get(pxelinux[1] ?? '') ?? null);
  const grub = GRUB.exec(path);
  if (grub) return suffixRequest('grub', grub[1]);
  const ipxe = IPXE.exec(path);
  if (ipxe) return suffixRequest('ipxe', ipxe[1]);
  return null;
}

function pxelinuxRequest(name: string, prefixArch: string | null): ConfigRequest {
  const loader: Loader = 'pxelinux';
  const mac = PXELINUX_MAC.exec(name)?.[1];
  if (mac) return { loader, kind: 'machine', mac: parseMac(mac), uuid: null, arch: prefixArch };
  return suffixRequest(loader, name, prefixArch);
}

/** What follows `ipxe.cfg-` or `grub.cfg-`, or a PXELINUX name: a MAC, a UUID or `default[-.]<arch>`. */
function suffixRequest(
  loader: Loader,
  suffix: string | undefined,
  prefixArch: string | null = null,
): ConfigRequest {
  if (suffix === undefined) return { loader, kind: 'chain' };
  if (UUID.test(suffix))
    return { loader, kind: 'machine', mac: null, uuid: suffix.toLowerCase(), arch: prefixArch };
  const mac = loader === 'pxelinux' ? null : parseMac(suffix);
  if (mac !== null) return { loader, kind: 'machine', mac, uuid: null, arch: null };
  const fallback = /^default(?:[.-]([^-]+)(?:-.*)?)?$/.exec(suffix);
  if (fallback) return { loader, kind: 'default', arch: ARCH.get(fallback[1] ?? '') ?? prefixArch };
  return { loader, kind: 'unserved' };
}
