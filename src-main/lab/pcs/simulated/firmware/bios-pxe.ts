import { formatIpv4, formatMac } from '../../../../base/address.ts';
import type { BootDisk, Machine } from '../machine/machine.ts';
import { biosPxe } from '../net/dhcp-flavour.ts';
import type { NicDevice } from '../net/nic-device.ts';
import { TFTP_FLAVOURS } from '../net/tftp-receiver.ts';
import { type BootResult, NEXT } from './boot-result.ts';
import { isFailure, NetBoot } from './net-boot.ts';
import { startLoader } from './start-loader.ts';

const EXIT = '\nPXE-M0F: Exiting the PXE ROM.\n';
/** Found out from the CLIENT banner's spinner of real ROMs. */
const INITIALISE_MS = 1500;

/** The PXE ROM of a BIOS machine's card, without iPXE: DHCP, then the loader by TFTP. */
export async function bootBiosPxe(
  machine: Machine,
  nic: NicDevice,
  disks: readonly BootDisk[],
): Promise<BootResult> {
  const { terminal, spec } = machine;
  const fail = (message: string): BootResult => {
    terminal.println(`${message}\n${EXIT}`);
    return NEXT;
  };
  const net = new NetBoot(machine, nic, disks, {});
  terminal.print('\nSimulated PXE ROM, PXE 2.1\n\n');
  const mac = formatMac(nic.mac, ' ').toUpperCase();
  terminal.println(`CLIENT MAC ADDR: ${mac}  GUID: ${spec.identity.uuid.toUpperCase()}`);
  await machine.pace.work(INITIALISE_MS);
  terminal.print('DHCP..');
  const result = await net.acquire(biosPxe);
  if ('failure' in result)
    return fail(
      result.failure === 'no-offer'
        ? '\nPXE-E51: No DHCP or proxyDHCP offers were received.'
        : '\nPXE-E52: proxyDHCP offers were received. No DHCP offers were received.',
    );
  const { address, cidr, gateway, server, nextServer, bootFile } = result.lease;
  const mask = formatIpv4(((0xffffffff << (32 - cidr.prefix)) >>> 0) as typeof address);
  terminal.println(`\rCLIENT IP: ${formatIpv4(address)}  MASK: ${mask}  DHCP IP: ${formatIpv4(server)}`);
  if (gateway !== null) terminal.println(`GATEWAY IP: ${formatIpv4(gateway)}`);
  if (bootFile === '') return fail('PXE-E53: No boot filename received.');
  terminal.print('TFTP.');
  const loader = await net.byTftp(nextServer, bootFile, TFTP_FLAVOURS.biosPxe);
  if (isFailure(loader)) {
    if (loader.problem === 'not-found')
      return fail(`\rPXE-T01: ${loader.message}\nPXE-E3B: TFTP Error - File Not found`);
    return fail(
      loader.problem === 'timeout' ? '\rPXE-E32: TFTP open timeout' : `\rPXE-T00: ${loader.message}`,
    );
  }
  return startLoader(net, loader, 'pcbios');
}
