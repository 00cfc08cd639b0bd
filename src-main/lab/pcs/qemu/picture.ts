import { crc32, deflate } from 'node:zlib';

/** A picture as QEMU dumps it: 8-bit RGB, rows from the top. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

/** Reads a binary PPM ("P6", 8 bits a channel); null when it is none or is cut short. */
export function decodePpm(bytes: Uint8Array): Picture | null {
  const head = /^P6\s+(?:#[^\n]*\n\s*)*(\d{1,5})\s+(\d{1,5})\s+255\s/.exec(
    Buffer.from(bytes.subarray(0, 256)).toString('latin1'),
  );
  if (!head) return null;
  const [width, height] = [Number(head[1]), Number(head[2])];
  const rgb = bytes.subarray(head[0].length, head[0].length + width * height * 3);
  return width > 0 && height > 0 && rgb.length === width * height * 3 ? { width, height, rgb } : null;
}

/** Writes a PNG (ISO/IEC 15948): 8-bit RGB, no interlace. Compresses off the event loop. */
export async function encodePng({ width, height, rgb }: Picture): Promise<Uint8Array> {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const rows = Buffer.alloc(height * (1 + width * 3));
  // Each row starts with its filter type; 0 is "none".
  for (let y = 0; y < height; y++)
    rows.set(rgb.subarray(y * width * 3, (y + 1) * width * 3), y * (1 + width * 3) + 1);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', await compress(rows)),
    chunk('IEND', new Uint8Array()),
  ]);
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(12 + data.length);
  bytes.writeUInt32BE(data.length, 0);
  bytes.write(type, 4, 'latin1');
  bytes.set(data, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length);
  return bytes;
}

function compress(bytes: Uint8Array): Promise<Uint8Array> {
  // Level 1: a screen is mostly one colour, and somebody is waiting for it.
  return new Promise((resolve, reject) =>
    deflate(bytes, { level: 1 }, (error, result) => (error ? reject(error) : resolve(result))),
  );
}
