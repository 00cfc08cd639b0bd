/** A QEMU release. */
export interface QemuVersion {
  readonly major: number;
  readonly minor: number;
  readonly micro: number;
}

/** Reads the first line of `--version`: "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)"; null for other programs. */
export function parseQemuVersion(text: string): QemuVersion | null {
  const match = /^QEMU emulator version (\d+)\.(\d+)(?:\.(\d+))?/m.exec(text);
  return match ? { major: Number(match[1]), minor: Number(match[2]), micro: Number(match[3] ?? 0) } : null;
}

export function isAtLeast(version: QemuVersion, major: number, minor: number): boolean {
  return version.major > major || (version.major === major && version.minor >= minor);
}

export function formatVersion({ major, minor, micro }: QemuVersion): string {
  return `${major}.${minor}.${micro}`;
}
