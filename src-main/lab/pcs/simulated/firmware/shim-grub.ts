import { formatIpv4, parseIpv4 } from '../../../../base/address.ts';
import type { Machine } from '../machine/machine.ts';
import { baseName, isProgram, type LoadedFile } from '../net/loaded-file.ts';
import { TFTP_FLAVOURS } from '../net/tftp-receiver.ts';
import { type GrubHost, GrubInterpreter } from '../scripts/grub-script.ts';
import { type BootResult, NEXT, STUCK } from './boot-result.ts';
import { type FetchFailure, isFailure, NetBoot } from './net-boot.ts';

/** What shim looks for beside itself before it starts GRUB; missing is fine. */
const SHIM_EXTRAS = ['revocations_sku.efi', 'revocations_sbat.efi', 'shim_certificate_0.efi'];
const GRUB_FILE = 'grubx64.efi';
/** Lists that GRUB reads below its prefix when it starts. */
const GRUB_LISTS = ['command.lst', 'fs.lst', 'crypto.lst', 'terminal.lst'];
const GRUB_MODULES = '/grub/x86_64-efi/';
/** Relocation, signature checks, and the search for terminals. */
const SHIM_MS = 300;
const GRUB_MS = 1500;

/** shim was loaded from `uri`: it fetches GRUB from the same place and starts it. */
export async function startShim(net: NetBoot, uri: string): Promise<BootResult> {
  const { machine } = net;
  await machine.pace.work(SHIM_MS);
  for (const name of SHIM_EXTRAS) await fetchBeside(net, uri, name);
  const grub = await fetchBeside(net, uri, GRUB_FILE);
  if (isFailure(grub) || !isProgram(grub)) {
    machine.terminal.println(`Failed to open \\${GRUB_FILE} - Not Found`);
    machine.terminal.println(
      `Failed to load image \\${GRUB_FILE}: Not Found\nstart_image() returned Not Found`,
    );
    return NEXT;
  }
  await machine.step('loader', { uri: grub.uri, bytes: grub.bytes, sha256: grub.sha256 });
  return startGrub(net, grub.uri);
}

function fetchBeside(net: NetBoot, uri: string, name: string): Promise<LoadedFile | FetchFailure> {
  return net.fetch(new URL(name, uri).href, TFTP_FLAVOURS.shim);
}

/** GRUB was loaded from `uri`: it brings its own network stack, takes the address over, and reads its configuration. */
export async function startGrub(before: NetBoot, uri: string): Promise<BootResult> {
  before.close();
  const { machine, nic, disks, lease } = before;
  const net = new NetBoot(machine, nic, disks, { 'User-Agent': 'GRUB 2.06' });
  net.adopt(lease);
  await machine.pace.work(GRUB_MS);
  machine.terminal.clear();
  const grub = new Grub(net, uri);
  for (const list of GRUB_LISTS) await grub.fetch(`${GRUB_MODULES}${list}`);
  const end = await new GrubInterpreter(grub, grub.variables).run('/grub/grub.cfg');
  net.close();
  switch (end.kind) {
    case 'boot':
      return { kind: 'linux', boot: end };
    case 'chain':
      return grub.chain(end.name);
    case 'halt':
      return { kind: 'poweroff' };
    case 'reboot':
      return { kind: 'reboot' };
    case 'exit':
      return NEXT;
    case 'prompt':
      machine.terminal.print('\n\nGNU GRUB  version 2.06-13+deb12u1\n\ngrub> ');
      return STUCK;
  }
}

class Grub implements GrubHost<LoadedFile> {
  readonly #net: NetBoot;
  /** The device that paths without one are on: `tftp,10.77.0.1` or `http,10.77.0.1:5248`. */
  readonly #root: string;

  constructor(net: NetBoot, uri: string) {
    const url = new URL(uri);
    this.#net = net;
    this.#root = `${url.protocol.slice(0, -1)},${url.host}`;
  }

  get variables(): Record<string, string> {
    const { lease, macText } = this.#net;
    return {
      root: this.#root,
      prefix: `(${this.#root})/grub`,
      net_default_interface: 'efinet0',
      net_default_mac: macText,
      net_default_ip: formatIpv4(lease.address),
      net_default_server: formatIpv4(lease.nextServer),
      pxe_default_server: formatIpv4(lease.nextServer),
      grub_cpu: 'x86_64',
      grub_platform: 'efi',
      lockdown: this.#machine.spec.firmware === 'uefi-secure' ? 'y' : '',
      shim_lock: this.#machine.spec.firmware === 'uefi-secure' ? 'y' : 'n',
    };
  }

  get #hasHttp(): boolean {
    return this.#root.startsWith('http,');
  }

  get #machine(): Machine {
    return this.#net.machine;
  }

  print(text: string): void {
    this.#machine.terminal.print(text);
  }

  async readConfig(name: string): Promise<string | null> {
    const file = await this.fetch(name);
    if (isFailure(file)) {
      this.#say(name, file);
      return null;
    }
    await this.#machine.step('config', { uri: file.uri, bytes: file.bytes, sha256: file.sha256 });
    return file.text;
  }

  async load(name: string): Promise<LoadedFile | null> {
    const file = await this.fetch(name);
    if (isFailure(file)) {
      this.#say(name, file);
      return null;
    }
    const isInitrd = /initrd|initramfs/.test(baseName(file.uri));
    if (!isInitrd && !isProgram(file)) {
      this.print('error: invalid magic number.\n');
      return null;
    }
    await this.#machine.step(isInitrd ? 'initrd' : 'kernel', {
      uri: file.uri,
      bytes: file.bytes,
      sha256: file.sha256,
    });
    return file;
  }

  /**
   * Debian's signed build has no HTTP and may not load it: it asks for the module, and `insmod` succeeds all the
   * same. A GRUB that came by HTTP has it.
   */
  async module(name: string): Promise<boolean> {
    if (name === 'http' && !this.#hasHttp) await this.fetch(`${GRUB_MODULES}${name}.mod`);
    return true;
  }

  searchFile(file: string): string | null {
    const disk = this.#net.disks.find(({ record }) => record?.efiFiles.includes(file));
    return disk ? `hd${disk.index},gpt1` : null;
  }

  sleep(ms: number): Promise<void> {
    return this.#machine.pace.retry(ms);
  }

  chain(name: string): BootResult {
    const disk = this.#net.disks.find(({ record }) =>
      record?.efiFiles.includes(name.replace(/^\([^)]*\)/, '')),
    );
    if (disk) return { kind: 'disk', disk };
    this.print(`error: file \`${name}' not found.\n`);
    return NEXT;
  }

  /** Downloads `/path`, `(tftp,host)/path`, `(http,host:port)/path` or `(pxe)/path`. */
  async fetch(name: string): Promise<LoadedFile | FetchFailure> {
    const [, given, path = ''] = /^(?:\(([^)]*)\))?(.*)$/.exec(name) ?? [];
    const device = given === undefined || given === 'pxe' ? this.#root : given;
    const [protocol = '', host = ''] = device.split(',');
    if (protocol === 'http' && this.#hasHttp) return this.#net.byHttp(`http://${host}${path}`);
    const server = parseIpv4(host) ?? this.#net.lease.nextServer;
    if (protocol === 'tftp') return this.#net.byTftp(server, path, TFTP_FLAVOURS.grub);
    return { problem: 'refused', message: `disk \`${device}' not found` };
  }

  #say(name: string, { problem, message }: FetchFailure): void {
    const reason = problem === 'not-found' ? `file \`${name}' not found` : message;
    this.print(`error: ${reason}.\n`);
  }
}
