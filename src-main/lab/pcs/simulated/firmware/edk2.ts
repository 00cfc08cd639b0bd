import { formatIpv4 } from '../../../../base/address.ts';
import { OPTION } from '../../../../protocol/dhcp-options.ts';
import { readText } from '../../../../protocol/dhcp-values.ts';
import type { BootDisk, Machine } from '../machine/machine.ts';
import type { DhcpLease } from '../net/dhcp-client.ts';
import { edk2Http, edk2Pxe } from '../net/dhcp-flavour.ts';
import type { LoadedFile } from '../net/loaded-file.ts';
import type { NicDevice } from '../net/nic-device.ts';
import { TFTP_FLAVOURS } from '../net/tftp-receiver.ts';
import { type BootResult, NEXT } from './boot-result.ts';
import { type FetchFailure, isFailure, NetBoot } from './net-boot.ts';
import { startLoader } from './start-loader.ts';

/** UEFI's own PXE client: DHCP, the loader's size, the loader by TFTP. */
export async function bootEdk2Pxe(
  machine: Machine,
  nic: NicDevice,
  disks: readonly BootDisk[],
): Promise<BootResult> {
  const { terminal } = machine;
  const net = new NetBoot(machine, nic, disks, {});
  terminal.print('\n>>Start PXE over IPv4.');
  const result = await net.acquire(edk2Pxe);
  if ('failure' in result) {
    terminal.println(
      `\n  ${result.failure === 'no-offer' ? 'PXE-E16: No valid offer received.' : 'PXE-E18: Server response timeout.'}`,
    );
    return NEXT;
  }
  const { lease } = result;
  terminal.println(`\n  Station IP address is ${formatIpv4(lease.address)}\n`);
  if (lease.bootFile === '') {
    terminal.println('  PXE-E21: Remote boot cancelled. No boot file name was received.');
    return NEXT;
  }
  const loader = await download(net, lease);
  if (isFailure(loader)) {
    terminal.println(`  ${PXE_ERRORS[loader.problem]}`);
    return NEXT;
  }
  terminal.println('  NBP file downloaded successfully.');
  return startLoader(net, loader, 'efi');
}

const PXE_ERRORS = {
  'not-found': 'PXE-E23: Client received TFTP error from server.',
  timeout: 'PXE-E18: Server response timeout.',
  refused: 'PXE-E99: Unexpected network error.',
} as const;

/** EDK2 asks for the size, aborts that transfer, and asks again for the content. */
async function download(
  net: NetBoot,
  { nextServer, bootFile }: DhcpLease,
): Promise<LoadedFile | FetchFailure> {
  const { terminal } = net.machine;
  terminal.println(`  Server IP address is ${formatIpv4(nextServer)}\n  NBP filename is ${bootFile}`);
  const size = await net.sizeByTftp(nextServer, bootFile, TFTP_FLAVOURS.edk2Size);
  if (typeof size !== 'number') return size;
  terminal.println(`  NBP filesize is ${size} Bytes\n Downloading NBP file...\n`);
  return net.byTftp(nextServer, bootFile, TFTP_FLAVOURS.edk2);
}

/** UEFI's HTTP boot: an offer of class HTTPClient with a URL, HEAD, GET. */
export async function bootEdk2Http(
  machine: Machine,
  nic: NicDevice,
  disks: readonly BootDisk[],
): Promise<BootResult> {
  const { terminal } = machine;
  const net = new NetBoot(machine, nic, disks, { Accept: '*/*', 'User-Agent': 'UefiHttpBoot/1.0' });
  terminal.print('\n>>Start HTTP Boot over IPv4.');
  const result = await net.acquire(
    edk2Http,
    (offer) => readText(offer.options, OPTION.vendorClass)?.startsWith('HTTPClient') === true,
  );
  if ('failure' in result || !result.lease.bootFile.startsWith('http://')) {
    terminal.println(
      '\n  Error: Could not retrieve NBP file size from HTTP server.\n\n  Error: Server response timeout.',
    );
    return NEXT;
  }
  const { address, bootFile: url } = result.lease;
  terminal.println(`\n  Station IP address is ${formatIpv4(address)}\n\n  URI: ${url}`);
  const size = await net.head(url);
  if (size?.status !== 200 || size.length === 0) {
    terminal.println('\n  Error: Could not retrieve NBP file size from HTTP server.');
    return NEXT;
  }
  terminal.print(`  File Size: ${size.length} Bytes\n  Downloading...`);
  const loader = await net.byHttp(url);
  if (isFailure(loader)) {
    terminal.println(`\n\n  Error: Could not download the file: ${loader.message}.`);
    return NEXT;
  }
  terminal.println('100%\n');
  return startLoader(net, loader, 'efi');
}
