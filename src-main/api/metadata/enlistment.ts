import { metadataUrl } from '../../domain/machines/boot-directory.ts';
import type { ServerAddress } from '../../netboot/ports.ts';

/** An answer of the metadata service. */
export interface MetadataAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  /** Which boot phase the request proves, if any. */
  readonly phase: 'preseed' | 'userdata' | null;
}

const TEXT = 'text/plain; charset=utf-8';
const VERSIONS = ['2012-03-01', 'latest'];

/** What a machine that nobody knows is told about itself (MAAS's fixed enlistment data). */
const META_DATA: ReadonlyMap<string, string> = new Map([
  ['instance-id', 'i-maas-enlistment'],
  ['local-hostname', 'maas-enlisting-node'],
  ['public-keys', ''],
]);

/** Runs on an unknown machine: says on its console what it is, with nothing but busybox. */
const ENLISTMENT_SCRIPT = `#!/bin/sh
# Shows what this machine is made of.
echo "Processor: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(grep -c ^processor /proc/cpuinfo) thread(s)"
echo "Memory:    $(( $(sed -n 's/^MemTotal: *\\([0-9]*\\).*/\\1/p' /proc/meminfo) / 1024 )) MiB"
for nic in /sys/class/net/*; do
  [ -e "$nic/device" ] && echo "Network:   $(basename "$nic") $(cat "$nic/address")"
done
for disk in /sys/block/*; do
  case $disk in */sr*) continue ;; esac
  [ -e "$disk/device" ] && echo "Disk:      $(basename "$disk") $(( $(cat "$disk/size") / 2048 )) MiB"
done
exit 0
`;

/**
 * Answers a GET below `/MAAS/metadata/` for a machine without credentials. Doubled slashes are tolerated:
 * cloud-init and curtin add them.
 */
export function answerEnlistment(
  path: string,
  query: URLSearchParams,
  server: ServerAddress,
): MetadataAnswer {
  const parts = path
    .replace(/^\/?MAAS\/metadata/, '')
    .split('/')
    .filter(Boolean);
  const trailing = parts[0] === 'enlist' ? parts.slice(1) : parts;
  const [version, topic, item] = trailing;
  if (version === undefined) return text(`${VERSIONS.join('\n')}\n`);
  if (!VERSIONS.includes(version)) return text('Unknown metadata version', 404);
  if (topic === undefined) return text('meta-data\nuser-data');
  if (topic === 'enlist-preseed')
    return query.get('op') === 'get_enlist_preseed'
      ? { ...text(enlistPreseed(server)), phase: 'preseed' }
      : text(`Unrecognised signature: method=GET op=${query.get('op') ?? 'None'}`, 400);
  if (topic === 'user-data')
    return {
      status: 200,
      contentType: 'application/octet-stream',
      body: ENLISTMENT_SCRIPT,
      phase: 'userdata',
    };
  if (topic === 'meta-data') {
    if (item === undefined) return text([...META_DATA.keys()].join('\n'));
    const value = META_DATA.get(item);
    return value === undefined ? text('Not found', 404) : text(value);
  }
  return text('Not found', 404);
}

function enlistPreseed(server: ServerAddress): string {
  return [
    '#cloud-config',
    'manage_etc_hosts: true',
    'datasource:',
    '  MAAS:',
    `    metadata_url: ${metadataUrl(server)}`,
    '',
  ].join('\n');
}

function text(body: string, status = 200): MetadataAnswer {
  return { status, contentType: TEXT, body, phase: null };
}
