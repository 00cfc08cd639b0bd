/** What a simulated PC finds on a disk with an installed system. */
export interface BootRecord {
  readonly os: string;
  readonly release: string;
  readonly hostname: string;
  readonly kernelVersion: string;
  /** EFI programs on the disk, as GRUB names them. */
  readonly efiFiles: readonly string[];
  /** Where the installed cloud-init asks, when it does. */
  readonly datasource: Datasource | null;
}

/** cloud-init's MAAS datasource; without keys its requests are anonymous. */
export interface Datasource {
  readonly metadataUrl: string;
  readonly consumerKey: string;
  readonly tokenKey: string;
  readonly tokenSecret: string;
}

/** What an Ubuntu installation leaves on the EFI partition. */
export const UBUNTU_EFI_FILES = [
  '/efi/boot/bootx64.efi',
  '/efi/ubuntu/shimx64.efi',
  '/efi/ubuntu/grubx64.efi',
] as const;

export const BOOT_RECORD_BYTES = 8192;
const MARK = 'RACKBOX1';
const SECTOR = 512;
const LENGTH_BYTES = 4;

/**
 * The first bytes of the disk of an installed system: a boot sector with its signature and our mark where the OEM
 * name stands, behind it the record's length (32 bit, little-endian) and JSON.
 */
export function encodeBootRecord(record: BootRecord): Uint8Array {
  const bytes = new Uint8Array(BOOT_RECORD_BYTES);
  const text = new TextEncoder().encode(JSON.stringify(record));
  if (text.length > BOOT_RECORD_BYTES - SECTOR - LENGTH_BYTES) throw new RangeError('boot record too long');
  bytes.set(new TextEncoder().encode(MARK), 3);
  bytes.set([0x55, 0xaa], SECTOR - 2);
  new DataView(bytes.buffer).setUint32(SECTOR, text.length, true);
  bytes.set(text, SECTOR + LENGTH_BYTES);
  return bytes;
}

/** The record at the start of a disk; null when there is none. */
export function decodeBootRecord(bytes: Uint8Array): BootRecord | null {
  const mark = new TextDecoder().decode(bytes.subarray(3, 3 + MARK.length));
  if (mark !== MARK || !hasBootSignature(bytes) || bytes.length < SECTOR + LENGTH_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = SECTOR + LENGTH_BYTES;
  const text = new TextDecoder().decode(bytes.subarray(start, start + view.getUint32(SECTOR, true)));
  try {
    return recordOf(JSON.parse(text));
  } catch {
    return null;
  }
}

/** True for any disk whose first sector a BIOS would start. */
export function hasBootSignature(bytes: Uint8Array): boolean {
  return bytes[SECTOR - 2] === 0x55 && bytes[SECTOR - 1] === 0xaa;
}

function recordOf(value: unknown): BootRecord | null {
  if (typeof value !== 'object' || value === null) return null;
  const from = value as Record<string, unknown>;
  const text = (of: Record<string, unknown>, key: string) => (typeof of[key] === 'string' ? of[key] : '');
  const source = from.datasource;
  return {
    os: text(from, 'os'),
    release: text(from, 'release'),
    hostname: text(from, 'hostname'),
    kernelVersion: text(from, 'kernelVersion'),
    efiFiles: Array.isArray(from.efiFiles) ? from.efiFiles.map(String) : [],
    datasource:
      typeof source === 'object' && source !== null
        ? {
            metadataUrl: text(source as Record<string, unknown>, 'metadataUrl'),
            consumerKey: text(source as Record<string, unknown>, 'consumerKey'),
            tokenKey: text(source as Record<string, unknown>, 'tokenKey'),
            tokenSecret: text(source as Record<string, unknown>, 'tokenSecret'),
          }
        : null,
  };
}
