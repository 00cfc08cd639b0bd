import { access, constants } from 'node:fs/promises';
import path from 'node:path';

/** The machine that QEMU runs on, as far as the driver must know it. */
export interface Host {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether the file can be read. */
  readonly exists: (file: string) => Promise<boolean>;
}

export const thisHost: Host = {
  platform: process.platform,
  env: process.env,
  exists: async (file) => {
    try {
      await access(file, constants.R_OK);
      return true;
    } catch {
      return false;
    }
  },
};

/** Path rules of the host, which is not always the machine that a test runs on. */
export function pathsOf(host: Host): path.PlatformPath {
  return host.platform === 'win32' ? path.win32 : path.posix;
}

const USUAL_FOLDERS: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  // An app started from the desktop has a short PATH: Homebrew (Apple silicon, Intel), MacPorts, Nix.
  darwin: ['/opt/homebrew/bin', '/usr/local/bin', '/opt/local/bin', '/run/current-system/sw/bin'],
  // QEMU's own installer does not touch the PATH; MSYS2 neither.
  win32: [
    'C:\\Program Files\\qemu',
    'C:\\Program Files (x86)\\qemu',
    'C:\\msys64\\ucrt64\\bin',
    'C:\\msys64\\mingw64\\bin',
  ],
  linux: ['/usr/bin', '/usr/local/bin', '/run/current-system/sw/bin', '/home/linuxbrew/.linuxbrew/bin'],
};

/** Where QEMU may be, best first: each folder of the PATH, then the usual places. RHEL hides it in libexec. */
export function programCandidates(host: Host): string[] {
  const paths = pathsOf(host);
  const program = host.platform === 'win32' ? 'qemu-system-x86_64.exe' : 'qemu-system-x86_64';
  const onPath = (host.env.PATH ?? host.env.Path ?? '').split(paths.delimiter).filter(paths.isAbsolute);
  const folders = [...onPath, ...(USUAL_FOLDERS[host.platform] ?? USUAL_FOLDERS.linux ?? [])];
  const files = folders.map((folder) => paths.join(folder, program));
  if (host.platform === 'linux') files.push('/usr/libexec/qemu-kvm');
  return [...new Set(files)];
}

/** What to tell somebody who has no QEMU. */
export function installHint(platform: NodeJS.Platform): string {
  switch (platform) {
    case 'darwin':
      return 'Install QEMU: brew install qemu.';
    case 'win32':
      return 'Install QEMU: winget install SoftwareFreedomConservancy.QEMU.';
    default:
      return 'Install QEMU: on Debian and Ubuntu, apt install qemu-system-x86 ovmf; on Fedora, dnf install qemu-system-x86 edk2-ovmf.';
  }
}
