/** Longer names than any boot loader's: those are attempts, not requests. */
const MAX_PATH_LENGTH = 512;

/**
 * The path that a client meant, in the form that `BootFiles.find` expects: forward slashes, none doubled, none
 * leading, no `.`; null when it is refused. A `..` is refused rather than resolved: no loader needs it.
 */
export function normalizeBootPath(raw: string): string | null {
  if (raw.length > MAX_PATH_LENGTH) return null;
  const parts = withoutGarbage(raw)
    // UEFI firmware and shim ask with backslashes.
    .replaceAll('\\', '/')
    .split('/')
    .filter((part) => part !== '' && part !== '.');
  if (parts.length === 0 || parts.includes('..')) return null;
  const path = parts.join('/');
  return isPrintable(path) ? path : null;
}

/**
 * Cuts what some firmware leaves behind a name: shim derives `grubx64.efi` from the boot file name of the DHCP
 * answer, and takes along bytes that follow it when the option came without its NUL.
 */
function withoutGarbage(raw: string): string {
  const efi = /^(.*?\.efi)(?![\w.\\/-])/i.exec(raw);
  return efi?.[1] ?? raw.replace(/[^\x20-\x7e]+$/, '');
}

function isPrintable(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code > 0x7e) return false;
  }
  return true;
}
