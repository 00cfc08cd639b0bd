import { formatIpv4, writeMac } from '../../../../base/address.ts';
import { ipv4ListValue } from '../../../../protocol/dhcp-values.ts';
import { nicPartOf } from '../hardware/resources.ts';
import type { BootDisk, Machine } from '../machine/machine.ts';
import { describeLease } from '../net/dhcp-client.ts';
import { ipxeBios, ipxeEfi } from '../net/dhcp-flavour.ts';
import { baseName, isProgram, type LoadedFile } from '../net/loaded-file.ts';
import type { NicDevice } from '../net/nic-device.ts';
import { TFTP_FLAVOURS } from '../net/tftp-receiver.ts';
import { type CpuQuery, type IpxeEnd, type IpxeHost, IpxeInterpreter } from '../scripts/ipxe-script.ts';
import { type IpxeSetting, textSetting } from '../scripts/ipxe-settings.ts';
import { type BootResult, NEXT, STUCK } from './boot-result.ts';
import { isFailure, NetBoot } from './net-boot.ts';

const VERSION = '1.0.0+git-20190125.36a4c85-5.1';
/** Ctrl-B is waited for. */
const BANNER_MS = 2000;

/** What an iPXE is part of: a BIOS machine's ROM or an EFI driver. */
export type IpxePlatform = 'pcbios' | 'efi';

/** Starts something that is no script. */
export type StartLoader = (net: NetBoot, loader: LoadedFile) => Promise<BootResult>;

/** Network boot by iPXE on one card: banner, DHCP, the file that it names, scripts. */
export async function bootIpxe(
  machine: Machine,
  nic: NicDevice,
  disks: readonly BootDisk[],
  platform: IpxePlatform,
  startLoader: StartLoader,
): Promise<BootResult> {
  const { terminal, pace } = machine;
  const part = nicPartOf(machine.profile, nic.index);
  const net = new NetBoot(machine, nic, disks, { Connection: 'keep-alive', 'User-Agent': `iPXE/${VERSION}` });
  const features = platform === 'efi' ? 'EFI Menu' : 'bzImage ELF MBOOT Menu PXE PXEXT';
  terminal.print('\niPXE initialising devices...ok\n\n\n');
  terminal.println(
    `\x1b[1miPXE ${VERSION}\x1b[0m -- Open Source Network Boot Firmware -- \x1b[36mhttp://ipxe.org\x1b[0m`,
  );
  terminal.print(`Features: DNS HTTP iSCSI TFTP AoE ${features}\n\n`);
  terminal.println(`net0: ${net.macText} using ${part.driver} on ${part.pciAddress} (open)`);
  terminal.println('  [Link:up, TX:0 TXE:0 RX:0 RXE:0]');
  await pace.work(BANNER_MS);
  const ipxe = new Ipxe(net, platform, startLoader);
  if (!(await ipxe.configure())) {
    terminal.println('No more network devices');
    return NEXT;
  }
  const result = await ipxe.autoboot();
  net.close();
  return result;
}

class Ipxe implements IpxeHost<LoadedFile> {
  readonly #net: NetBoot;
  readonly #platform: IpxePlatform;
  readonly #startLoader: StartLoader;

  constructor(net: NetBoot, platform: IpxePlatform, startLoader: StartLoader) {
    this.#net = net;
    this.#platform = platform;
    this.#startLoader = startLoader;
  }

  get #machine(): Machine {
    return this.#net.machine;
  }

  async configure(): Promise<boolean> {
    this.print(`Configuring (net0 ${this.#net.macText})...`);
    const { pciId } = nicPartOf(this.#machine.profile, this.#net.nic.index);
    const flavour = this.#platform === 'efi' ? ipxeEfi(pciId) : ipxeBios(pciId);
    const result = await this.#net.acquire(flavour);
    if ('failure' in result) {
      const reason =
        result.failure === 'no-offer' ? 'No configuration methods succeeded' : 'Connection timed out';
      this.print(`... ${reason} (http://ipxe.org/040ee119)\n`);
      return false;
    }
    this.print(`... ok\nnet0: ${describeLease(result.lease)}\n`);
    return true;
  }

  /** Fetches the file of the lease and runs it. */
  async autoboot(): Promise<BootResult> {
    const { nextServer, bootFile } = this.#net.lease;
    if (bootFile === '') {
      this.print('No filename or root path specified (http://ipxe.org/2d03e18e)\nNo more network devices\n');
      return NEXT;
    }
    this.print(`Next server: ${formatIpv4(nextServer)}\nFilename: ${bootFile}\n`);
    const isUri = /^\w+:\/\//.test(bootFile);
    const uri = isUri ? bootFile : `tftp://${formatIpv4(nextServer)}/${bootFile.replace(/^\/+/, '')}`;
    const file = await this.fetch(uri);
    if (!file) {
      this.print(`Could not boot: ${uri}\nNo more network devices\n`);
      return NEXT;
    }
    if (!file.text.startsWith('#!ipxe')) return this.#start(file);
    const end = await new IpxeInterpreter(this).run(file.text, file.uri);
    return this.#ended(end);
  }

  readonly setting = (name: string): IpxeSetting | undefined => {
    const short = name.replace(/^net[0X]\//, '').replace(/^smbios\//, '');
    const { spec } = this.#machine;
    const { lease, nic } = this.#net;
    const address = (value: number | null | undefined): IpxeSetting | undefined =>
      value == null ? undefined : { bytes: ipv4ListValue([value as typeof lease.address]), type: 'ipv4' };
    switch (short) {
      case 'mac':
        return { bytes: macBytes(nic), type: 'hex' };
      case 'ip':
        return address(lease.address);
      case 'netmask':
        return address((0xffffffff << (32 - lease.cidr.prefix)) >>> 0);
      case 'gateway':
        return address(lease.gateway);
      case 'dns':
        return address(lease.dns[0]);
      case 'next-server':
        return address(lease.nextServer);
      case 'dhcp-server':
        return address(lease.server);
      case 'uuid':
        return { bytes: Buffer.from(spec.identity.uuid.replaceAll('-', ''), 'hex'), type: 'uuid' };
      case 'filename':
        return textSetting(lease.bootFile);
      case 'hostname':
        return lease.hostname === '' ? undefined : textSetting(lease.hostname);
      case 'manufacturer':
        return textSetting(spec.identity.vendor);
      case 'product':
        return textSetting(spec.identity.product);
      case 'serial':
        return textSetting(spec.identity.serial);
      case 'platform':
        return textSetting(this.#platform);
      case 'buildarch':
        return textSetting(this.#platform === 'efi' ? 'x86_64' : 'i386');
      case 'version':
        return textSetting(VERSION);
      case 'user-class':
        return textSetting('iPXE');
      case 'memsize':
        return { bytes: Uint8Array.of(spec.memoryMb >>> 8, spec.memoryMb), type: 'int32' };
      case 'chip':
        return textSetting(nicPartOf(this.#machine.profile, nic.index).driver);
      default:
        return undefined;
    }
  };

  print(text: string): void {
    this.#machine.terminal.print(text);
  }

  async fetch(uri: string): Promise<LoadedFile | null> {
    this.print(`${uri}...`);
    const result = await this.#net.fetch(uri, TFTP_FLAVOURS.ipxe);
    if (isFailure(result)) {
      const words = {
        'not-found': 'No such file or directory',
        timeout: 'Connection timed out',
        refused: 'Input/output error',
      };
      this.print(` ${words[result.problem]} (http://ipxe.org/2d0c613b)\n`);
      return null;
    }
    this.print(' ok\n');
    await this.#machine.step(stepOf(result), { uri, bytes: result.bytes, sha256: result.sha256 });
    return result;
  }

  async sleep(ms: number): Promise<void> {
    await this.#machine.pace.retry(ms);
  }

  bootable(driveIndex: number): boolean {
    return this.#platform === 'pcbios' && this.#net.disks.some(({ index }) => index === driveIndex);
  }

  /** CPUID of any x86-64 CPU: long mode (ext. 29), and FPU, TSC, PAE, CMOV, SSE2 and the like of leaf 1. */
  cpuFeature({ extended, ecx, bit }: CpuQuery): boolean {
    if (extended) return !ecx && [11, 20, 27, 29].includes(bit);
    return ecx ? [0, 9, 19, 20, 23].includes(bit) : [0, 4, 5, 6, 8, 15, 23, 24, 25, 26, 28].includes(bit);
  }

  async #ended(end: IpxeEnd<LoadedFile>): Promise<BootResult> {
    switch (end.kind) {
      case 'boot':
        return this.#boot(end);
      case 'drive': {
        const disk = this.#net.disks.find(({ index }) => index === end.index);
        return disk ? { kind: 'disk', disk } : NEXT;
      }
      case 'chain':
        return this.#start(end.image);
      case 'poweroff':
      case 'reboot':
        return { kind: end.kind };
      case 'shell':
        this.print('iPXE> ');
        return STUCK;
      case 'exit':
        return NEXT;
    }
  }

  #boot(end: Extract<IpxeEnd<LoadedFile>, { kind: 'boot' }>): BootResult {
    if (!isProgram(end.kernel)) {
      this.print('Could not select: Exec format error (http://ipxe.org/2e008081)\n');
      return NEXT;
    }
    return { kind: 'linux', boot: end };
  }

  async #start(loader: LoadedFile): Promise<BootResult> {
    this.#net.close();
    return this.#startLoader(this.#net, loader);
  }
}

function stepOf({ uri, text }: LoadedFile): 'config' | 'kernel' | 'initrd' | 'loader' {
  if (text.startsWith('#!ipxe')) return 'config';
  const name = baseName(uri);
  if (/initrd|initramfs/.test(name)) return 'initrd';
  return /kernel|vmlinuz|linux$/.test(name) ? 'kernel' : 'loader';
}

function macBytes(nic: NicDevice): Uint8Array {
  const bytes = new Uint8Array(6);
  writeMac(bytes, 0, nic.mac);
  return bytes;
}
