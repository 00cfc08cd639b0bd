import type { BootClient, BootImageFiles, BootPlan } from '../ports.ts';
import { imageUrl, kernelLine, missingImage, planTitle } from './plan-text.ts';

/** The PXELINUX configuration of a plan. Modules (`*.c32`) are asked for relative to the loader itself. */
export function pxelinuxConfig(plan: BootPlan, client: BootClient): string {
  const head = [`# ${planTitle(plan)}`, 'DEFAULT execute', 'PROMPT 0', ''];
  switch (plan.purpose) {
    case 'local':
      return text(...head, ...localBoot(client));
    case 'poweroff':
      return text(...head, 'LABEL execute', '  COM32 poweroff.c32');
    default:
      return text(...head, ...kernelBoot(plan, client));
  }
}

function localBoot(client: BootClient): string[] {
  // chain.c32 starts the first disk's MBR; on BIOSes whose LOCALBOOT returns to PXE that is the only way.
  return client.arch === null || client.arch === 'amd64' || client.arch === 'i386'
    ? ['LABEL execute', '  COM32 chain.c32', '  APPEND hd0']
    : ['LABEL execute', '  LOCALBOOT 0'];
}

function kernelBoot(plan: BootPlan, client: BootClient): string[] {
  const arch = client.arch;
  if (arch !== null && arch !== 'amd64' && arch !== 'i386') {
    const images = plan.images[arch];
    return images ? entry('execute', plan, client, images) : missing(arch, plan);
  }
  const { amd64, i386 } = plan.images;
  if (amd64 && i386)
    return [
      'LABEL execute',
      '  COM32 ifcpu64.c32',
      '  APPEND boot-amd64 -- boot-i386',
      '',
      ...entry('boot-amd64', plan, client, amd64),
      '',
      ...entry('boot-i386', plan, client, i386),
    ];
  const only = amd64 ?? i386;
  return only ? entry('execute', plan, client, only) : missing(arch ?? 'x86', plan);
}

function entry(label: string, plan: BootPlan, client: BootClient, images: BootImageFiles): string[] {
  return [
    `LABEL ${label}`,
    `  LINUX ${fileName(client, images.kernel)}`,
    `  INITRD ${fileName(client, images.initrd)}`,
    `  APPEND ${kernelLine(plan)}`,
    // Appends BOOTIF=01-<mac>.
    '  IPAPPEND 2',
  ];
}

/** With nothing to boot the reason stays on the screen. */
function missing(arch: string, plan: BootPlan): string[] {
  return [`SAY ${missingImage(arch, plan)}`, 'PROMPT 1', 'TIMEOUT 0'];
}

/**
 * An lpxelinux.0 that came by HTTP fetches by HTTP. A configuration asked for by TFTP may be for pxelinux.0, which
 * can't: it gets a TFTP name, and `::` keeps a path prefix (DHCP option 210) from being put before it.
 */
function fileName(client: BootClient, path: string): string {
  return client.transport === 'http' ? imageUrl(client.server, path) : `::images/${path}`;
}

function text(...lines: string[]): string {
  return `${lines.join('\n')}\n`;
}
