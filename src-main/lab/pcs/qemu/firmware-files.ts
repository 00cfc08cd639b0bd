import type { Firmware } from '../pc.ts';
import { type Host, pathsOf } from './host.ts';

/** OVMF in two flash chips: the code, shared and read-only, and a template of the variable store. */
export interface FirmwareFiles {
  readonly code: string;
  readonly variables: string;
}

type Pair = readonly [code: string, variables: string];

// Only pairs of 4 MB builds and raw files; Secure Boot needs a store that has Microsoft's keys enrolled.
const PLAIN: readonly Pair[] = [
  ['/usr/share/OVMF/OVMF_CODE_4M.fd', '/usr/share/OVMF/OVMF_VARS_4M.fd'], // Debian, Ubuntu
  ['/usr/share/edk2/x64/OVMF_CODE.4m.fd', '/usr/share/edk2/x64/OVMF_VARS.4m.fd'], // Arch
  ['/usr/share/edk2/ovmf/OVMF_CODE.fd', '/usr/share/edk2/ovmf/OVMF_VARS.fd'], // Fedora, RHEL
  ['/usr/share/edk2-ovmf/x64/OVMF_CODE.fd', '/usr/share/edk2-ovmf/x64/OVMF_VARS.fd'], // Arch, older
  ['/usr/share/qemu/ovmf-x86_64-code.bin', '/usr/share/qemu/ovmf-x86_64-vars.bin'], // openSUSE
  ['/usr/share/edk2-ovmf/OVMF_CODE.fd', '/usr/share/edk2-ovmf/OVMF_VARS.fd'], // Gentoo
  ['/usr/share/OVMF/OVMF_CODE.fd', '/usr/share/OVMF/OVMF_VARS.fd'], // Debian and Ubuntu, older
];
const SECURE: readonly Pair[] = [
  ['/usr/share/OVMF/OVMF_CODE_4M.ms.fd', '/usr/share/OVMF/OVMF_VARS_4M.ms.fd'],
  ['/usr/share/OVMF/OVMF_CODE_4M.secboot.fd', '/usr/share/OVMF/OVMF_VARS_4M.ms.fd'],
  ['/usr/share/edk2/ovmf/OVMF_CODE.secboot.fd', '/usr/share/edk2/ovmf/OVMF_VARS.secboot.fd'],
  ['/usr/share/qemu/ovmf-x86_64-smm-ms-code.bin', '/usr/share/qemu/ovmf-x86_64-smm-ms-vars.bin'],
  ['/usr/share/edk2-ovmf/OVMF_CODE.secboot.fd', '/usr/share/edk2-ovmf/OVMF_VARS.secboot.fd'],
];
/** The pair that QEMU itself installs (Homebrew, Windows, built from source); its store has no keys. */
const QEMU_OWN: Pair = ['edk2-x86_64-code.fd', 'edk2-i386-vars.fd'];

/** Where the firmware may be for a QEMU found at `program`, best first; empty for SeaBIOS, which QEMU finds itself. */
export function firmwareCandidates(host: Host, program: string, firmware: Firmware): FirmwareFiles[] {
  if (firmware === 'bios') return [];
  const distribution = host.platform === 'linux' ? (firmware === 'uefi-secure' ? SECURE : PLAIN) : [];
  const own =
    firmware === 'uefi-secure' ? [] : shareFolders(host, program).map((folder) => inFolder(host, folder));
  return [...distribution, ...own].map(([code, variables]) => ({ code, variables }));
}

/** The first candidate of which both files are there. */
export async function findFirmware(
  host: Host,
  program: string,
  firmware: Firmware,
): Promise<FirmwareFiles | null> {
  for (const files of firmwareCandidates(host, program, firmware))
    if ((await host.exists(files.code)) && (await host.exists(files.variables))) return files;
  return null;
}

/** Debian and Ubuntu keep OVMF in a package of its own; elsewhere it comes with QEMU or not at all. */
export function firmwareHint(host: Host, firmware: Firmware): string {
  if (host.platform === 'linux')
    return 'Install OVMF: on Debian and Ubuntu, apt install ovmf; on Fedora, dnf install edk2-ovmf.';
  return firmware === 'uefi-secure'
    ? 'QEMU brings no firmware with Secure Boot keys on this system: choose the firmware "uefi" or "uefi-pxe".'
    : 'Reinstall QEMU: its edk2-x86_64-code.fd is missing.';
}

function shareFolders(host: Host, program: string): string[] {
  const paths = pathsOf(host);
  const folder = paths.dirname(program);
  if (host.platform === 'win32') return [paths.join(folder, 'share')];
  return [paths.join(folder, '..', 'share', 'qemu')];
}

function inFolder(host: Host, folder: string): Pair {
  const [code, variables] = QEMU_OWN;
  return [pathsOf(host).join(folder, code), pathsOf(host).join(folder, variables)];
}
