import type { BootFiles } from '../ports.ts';
import { folderFiles } from './folder-files.ts';

/** The names that DHCP hands out and loaders ask for, and the files that they are (lower case). */
const ALIASES: Readonly<Record<string, string>> = {
  'bootx64.efi': 'shimx64.efi.signed',
  'shimx64.efi': 'shimx64.efi.signed',
  'grubx64.efi': 'grubnetx64.efi.signed',
  'grubnetx64.efi': 'grubnetx64.efi.signed',
  'mmx64.efi': 'mmx64.efi.signed',
};

/** Files of the firmware folder that are for serving; option ROMs and BIOSes are not. */
const SERVED = /\.(?:0|c32|kpxe|kkpxe|lkrn|efi|efi\.signed)$/;

/**
 * The boot loaders of `folder` at the root of the name space, whatever directory a loader believes it came from:
 * shim asks for `/grubx64.efi` or `\EFI\BOOT\grubx64.efi`, UEFI HTTP boot for `/images/bootx64.efi`, and PXELINUX
 * looks for its modules below `boot/isolinux/` and `syslinux/` too.
 */
export function firmwareFiles(folder: string): BootFiles {
  const files = folderFiles(folder);
  return {
    async find(path, client) {
      const name = path.slice(path.lastIndexOf('/') + 1);
      // UEFI file names ignore case (FAT).
      const lower = name.toLowerCase();
      const file = ALIASES[lower] ?? (lower.endsWith('.efi') ? lower : name);
      return SERVED.test(file) ? files.find(file, client) : null;
    },
  };
}
