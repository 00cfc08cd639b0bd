import { formatIpv4 } from '../../base/address.ts';
import type { BootClient, BootDirectory, BootPlan, ServerAddress } from '../../netboot/ports.ts';
import { SIGNED } from '../images/built-in-image.ts';
import type { ImageStore } from '../images/image-store.ts';

/** What unknown machines boot. */
export interface CommissioningImage {
  readonly os: string;
  readonly release: string;
}

export interface BootDirectoryOptions {
  readonly images: ImageStore;
  readonly commissioning: CommissioningImage;
}

const ENLIST_HOSTNAME = 'maas-enlist';

/**
 * Decides what each machine boots. A machine that nobody knows gets the enlistment environment by the loader's
 * default name (MAAS: MAC given and unknown → not found → the loader falls through to `default`).
 */
export function createBootDirectory({ images, commissioning }: BootDirectoryOptions): BootDirectory {
  return {
    planFor: async () => null,
    defaultPlan: async (client: BootClient): Promise<BootPlan> => ({
      purpose: 'enlist',
      hostname: ENLIST_HOSTNAME,
      // GRUB may have been started by shim under Secure Boot, which it does not tell.
      images: images.bootFilesOf(
        commissioning.os,
        commissioning.release,
        client.loader === 'grub' ? SIGNED : 'generic',
      ),
      kernelOptions: [
        ...ephemeralOptions(ENLIST_HOSTNAME, enlistPreseedUrl(client.server)),
        ...images.kernelOptionsOf(commissioning.os, commissioning.release),
      ],
    }),
  };
}

/** The kernel command line of an ephemeral boot in MAAS's order; the built-in image has no root to fetch. */
function ephemeralOptions(hostname: string, preseedUrl: string): string[] {
  return [
    'nomodeset',
    `ip=::::${hostname}:BOOTIF`,
    `cc:{'datasource_list': ['MAAS']}end_cc`,
    `cloud-config-url=${preseedUrl}`,
    // Both consoles speak; the last one is the machine's main console.
    'console=ttyS0,115200',
    'console=tty0',
  ];
}

function enlistPreseedUrl(server: ServerAddress): string {
  return `${metadataUrl(server)}latest/enlist-preseed/?op=get_enlist_preseed`;
}

/** The metadata service as nodes reach it: through the boot HTTP server on their own network. */
export function metadataUrl(server: ServerAddress): string {
  return `http://${formatIpv4(server.address)}:${server.httpPort}/MAAS/metadata/`;
}
