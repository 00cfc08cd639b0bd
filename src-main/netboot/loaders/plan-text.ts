import { formatIpv4 } from '../../base/address.ts';
import type { BootImageFiles, BootPlan, ServerAddress } from '../ports.ts';

/** What all three renderers write into a configuration. */

/** True for the purposes that boot a kernel from us. */
export function bootsKernel(plan: BootPlan): boolean {
  return plan.purpose !== 'local' && plan.purpose !== 'poweroff';
}

export function httpRoot(server: ServerAddress): string {
  return `http://${formatIpv4(server.address)}:${server.httpPort}`;
}

/** A file below `/images/` as a URL on this server. */
export function imageUrl(server: ServerAddress, path: string): string {
  return `${httpRoot(server)}/images/${encodeURI(path)}`;
}

/** The kernel options as one line: what comes from users must not start a new line of a configuration. */
export function kernelLine(plan: BootPlan): string {
  return plan.kernelOptions.map((option) => oneLine(option)).join(' ');
}

/** For titles and comments: the name and what for, nothing that a loader could read as a command. */
export function planTitle(plan: BootPlan): string {
  return `${plan.purpose} ${plan.hostname.replace(/[^\w.-]/g, '')}`.trim();
}

/**
 * The image for an x86 CPU. A 64-bit CPU runs an i386 image when there is no other; never the other way around.
 */
export function x86Images(plan: BootPlan, arch: 'amd64' | 'i386'): BootImageFiles | null {
  return plan.images[arch] ?? (arch === 'amd64' ? plan.images.i386 : undefined) ?? null;
}

export function missingImage(arch: string, plan: BootPlan): string {
  const have = Object.keys(plan.images).join(', ') || 'none';
  return `No boot image for ${arch} machines (there is: ${have}).`;
}

function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is removed
  return text.replace(/[\x00-\x1f\x7f]+/g, ' ').trim();
}
