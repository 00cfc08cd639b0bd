import { formatIpv4, formatMac, parseIpv4 } from '../../../../base/address.ts';
import { OPTION } from '../../../../protocol/dhcp-options.ts';
import { clientUuidValue } from '../../../../protocol/dhcp-pxe.ts';
import { readText } from '../../../../protocol/dhcp-values.ts';
import type { Machine } from '../machine/machine.ts';
import { isProgram, type LoadedFile } from '../net/loaded-file.ts';
import { TFTP_FLAVOURS } from '../net/tftp-receiver.ts';
import { defaultPxelinuxLabel, type PxelinuxLabel, pxelinuxConfigNames } from '../scripts/pxelinux-config.ts';
import { type BootResult, NEXT, STUCK } from './boot-result.ts';
import { type FetchFailure, isFailure, NetBoot } from './net-boot.ts';

const LDLINUX = 'ldlinux.c32';
const BANNER = 'PXELINUX 6.04 lwIP Copyright (C) 1994-2015 H. Peter Anvin et al';

/** (l)pxelinux.0 was loaded from `uri`: it takes the address over, loads its core, finds its configuration. */
export async function startPxelinux(before: NetBoot, uri: string): Promise<BootResult> {
  before.close();
  const { machine, nic, disks, lease } = before;
  const net = new NetBoot(machine, nic, disks, { 'User-Agent': 'Syslinux/6.04', Connection: 'close' });
  net.adopt(lease);
  machine.terminal.println(`\n${BANNER}`);
  const files = new PxelinuxFiles(net, uri);
  const core = await files.fetch(LDLINUX);
  if (isFailure(core)) {
    machine.terminal.println(
      `\nFailed to load ${LDLINUX}\nBoot failed: press a key to retry, or wait for reset...`,
    );
    return NEXT;
  }
  for (const name of pxelinuxConfigNames(wireUuid(machine), formatMac(nic.mac, '-'), lease.address)) {
    const config = await files.fetch(`pxelinux.cfg/${name}`);
    if (isFailure(config)) continue;
    await machine.step('config', { uri: config.uri, bytes: config.bytes, sha256: config.sha256 });
    const label = defaultPxelinuxLabel(config.text);
    const result = label ? await boot(net, files, label) : STUCK;
    net.close();
    if (result === STUCK) machine.terminal.print('boot: ');
    return result;
  }
  machine.terminal.println('ERROR: No configuration file found');
  machine.terminal.println('No DEFAULT or UI configuration directive found!\nboot: ');
  return STUCK;
}

async function boot(net: NetBoot, files: PxelinuxFiles, label: PxelinuxLabel): Promise<BootResult> {
  const { machine } = net;
  if (label.localBoot) {
    const disk = net.disks[0];
    machine.terminal.println('Booting from local disk...');
    return disk ? { kind: 'disk', disk } : NEXT;
  }
  if (label.kernel.endsWith('poweroff.c32')) return { kind: 'poweroff' };
  if (label.kernel.endsWith('reboot.c32')) return { kind: 'reboot' };
  const kernel = await load(machine, files, label.kernel, 'kernel');
  if (!kernel || !isProgram(kernel)) return STUCK;
  const initrds: LoadedFile[] = [];
  for (const name of label.initrds) {
    const initrd = await load(machine, files, name, 'initrd');
    if (!initrd) return STUCK;
    initrds.push(initrd);
  }
  const bootIf = (label.ipAppend & 2) === 0 ? '' : ` BOOTIF=01-${formatMac(net.nic.mac, '-')}`;
  return { kind: 'linux', boot: { kernel, initrds, commandLine: `${label.append}${bootIf}` } };
}

async function load(
  machine: Machine,
  files: PxelinuxFiles,
  name: string,
  step: 'kernel' | 'initrd',
): Promise<LoadedFile | null> {
  machine.terminal.print(`Loading ${name}... `);
  const file = await files.fetch(name);
  machine.terminal.println(isFailure(file) ? 'failed: No such file or directory' : 'ok');
  if (isFailure(file)) return null;
  await machine.step(step, { uri: file.uri, bytes: file.bytes, sha256: file.sha256 });
  return file;
}

/** Where PXELINUX's names lead: below the path prefix (option 210), else beside the loader. */
class PxelinuxFiles {
  readonly #net: NetBoot;
  readonly #prefix: string;

  constructor(net: NetBoot, uri: string) {
    this.#net = net;
    const prefix = readText(net.lease.message.options, OPTION.pxelinuxPathPrefix);
    const server = `tftp://${formatIpv4(net.lease.nextServer)}/`;
    this.#prefix = prefix ? new URL(prefix, server).href : new URL('.', uri).href;
  }

  fetch(name: string): Promise<LoadedFile | FetchFailure> {
    const { lease } = this.#net;
    // `host::file`, and `::file` for the server of the lease, know no prefix.
    const [, host, file] = /^([\d.]*)::(.*)$/.exec(name) ?? [];
    if (file !== undefined)
      return this.#net.byTftp(parseIpv4(host ?? '') ?? lease.nextServer, file, TFTP_FLAVOURS.pxelinux);
    return this.#net.fetch(new URL(name, this.#prefix).href, TFTP_FLAVOURS.pxelinux);
  }
}

/** PXELINUX writes the UUID's bytes as they stand on the wire, which swaps its first fields. */
function wireUuid({ spec }: Machine): string {
  const bytes = clientUuidValue(spec.identity.uuid)?.subarray(1) ?? new Uint8Array(16);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
