import type { Mac } from '../../base/address.ts';
import type { BootPhase } from '../../base/boot-event.ts';
import { parseConfigPath } from '../loaders/config-path.ts';

/** What a file is for in a boot. */
interface FileRole {
  readonly phase: BootPhase;
  /** True when asking in vain is part of the way, so that "missing" is no problem. */
  readonly optional: boolean;
  /** The machine, when the name tells it. */
  readonly mac: Mac | null;
}

/** By the name's last part; a root file system is the second half of what the initrd phase fetches. */
const PHASES: readonly (readonly [RegExp, BootPhase])[] = [
  [/^(?:boot-kernel|vmlinu[xz].*|linux|bzImage)$/, 'kernel'],
  [/^(?:boot-initrd|initrd.*|initramfs.*|squashfs|.*\.squashfs|root-\w+)$/, 'initrd'],
  [/\.(?:efi|efi\.signed|0|c32|kpxe|kkpxe|lkrn|bin|lst|mod|pf2)$/i, 'loader'],
  [/\.(?:cfg|ipxe)$/, 'config'],
];

/** shim looks for revocations and certificates, GRUB for modules and lists, iPXE for autoexec: all may be absent. */
const OPTIONAL =
  /(?:^|\/)(?:revocations\w*\.efi|shim_certificate\w*\.efi|autoexec\.ipxe|grub\/.*\.(?:lst|mod|pf2|cfg))$/i;

/** The part that `path` plays, or null when it is no file of a boot. */
export function fileRole(path: string): FileRole | null {
  const request = parseConfigPath(path);
  if (request) {
    const optional = request.kind === 'machine' || request.kind === 'unserved';
    return { phase: 'config', optional, mac: request.kind === 'machine' ? request.mac : null };
  }
  const name = path.slice(path.lastIndexOf('/') + 1);
  const phase = PHASES.find(([pattern]) => pattern.test(name))?.[1];
  return phase ? { phase, optional: OPTIONAL.test(path), mac: null } : null;
}
