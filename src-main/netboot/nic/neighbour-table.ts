import { formatMac, type Ipv4, parseIpv4, parseMac } from '../../base/address.ts';

/** Flag of a resolved entry, `ATF_COM` of <linux/if_arp.h>. */
const COMPLETE = 0x2;

/**
 * The addresses on `device` whose hardware address the kernel knows, from the text of Linux's /proc/net/arp. Lines
 * that are not understood are left out.
 */
export function resolvedNeighbours(table: string, device: string): Set<Ipv4> {
  const known = new Set<Ipv4>();
  for (const line of table.split('\n')) {
    const [address = '', , flags = '', mac = '', , on] = line.trim().split(/\s+/);
    const ip = parseIpv4(address);
    const hardware = parseMac(mac);
    if (ip === null || hardware === null || on !== device) continue;
    if (Number.parseInt(flags, 16) & COMPLETE && formatMac(hardware) !== '00:00:00:00:00:00') known.add(ip);
  }
  return known;
}

/** The arguments of the system's `ping` for one echo within `timeoutMs`. Units and names differ by system. */
export function pingArguments(platform: NodeJS.Platform, address: string, timeoutMs: number): string[] {
  switch (platform) {
    case 'win32':
      return ['-n', '1', '-w', String(timeoutMs), address];
    case 'darwin':
      return ['-n', '-c', '1', '-W', String(timeoutMs), address];
    default:
      return ['-n', '-c', '1', '-W', String(Math.max(1, Math.ceil(timeoutMs / 1000))), address];
  }
}

/** Windows says success for "unreachable" too; only an echo has a time to live. */
export function pingAnswered(platform: NodeJS.Platform, code: number | null, stdout: string): boolean {
  return code === 0 && (platform !== 'win32' || /TTL=/i.test(stdout));
}
