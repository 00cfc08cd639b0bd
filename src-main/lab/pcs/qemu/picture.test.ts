import { crc32, inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { screenLines } from '../screen.ts';
import { keyPresses } from './keymap.ts';
import { decodePpm, encodePng } from './picture.ts';
import { textScreenOf } from './qemu-screen.ts';

/** The chunks of a PNG, checksums verified. */
function chunksOf(png: Uint8Array): Map<string, Buffer> {
  const bytes = Buffer.from(png);
  const chunks = new Map<string, Buffer>();
  for (let at = 8; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const body = bytes.subarray(at + 4, at + 8 + length);
    expect(bytes.readUInt32BE(at + 8 + length)).toBe(crc32(body));
    chunks.set(body.toString('latin1', 0, 4), body.subarray(4));
    at += 12 + length;
  }
  return chunks;
}

describe('pictures', () => {
  it('reads a PPM and writes a PNG with the same pixels', async () => {
    const rgb = Buffer.from([255, 0, 0, 0, 255, 0, 0, 0, 255, 1, 2, 3]);
    const picture = decodePpm(Buffer.concat([Buffer.from('P6\n2 2\n255\n'), rgb]))!;
    expect(picture).toMatchObject({ width: 2, height: 2 });
    const png = await encodePng(picture);
    expect(Buffer.from(png.subarray(0, 8)).toString('latin1')).toBe('\x89PNG\r\n\x1a\n');
    const chunks = chunksOf(png);
    expect([...chunks.keys()]).toEqual(['IHDR', 'IDAT', 'IEND']);
    expect([...chunks.get('IHDR')!]).toEqual([0, 0, 0, 2, 0, 0, 0, 2, 8, 2, 0, 0, 0]);
    expect([...inflateSync(chunks.get('IDAT')!)]).toEqual([0, ...rgb.subarray(0, 6), 0, ...rgb.subarray(6)]);
  });

  it.each([
    '',
    'P5\n2 2\n255\n',
    'P6\n2 2\n255\nshort',
    'P6\n0 0\n255\n',
    'P6\n2 2\n65535\n',
  ])('refuses %j', (text) => {
    expect(decodePpm(Buffer.from(text))).toBeNull();
  });

  it('never throws on arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        decodePpm(Buffer.concat([Buffer.from('P6 '), bytes]));
      }),
    );
  });
});

describe('text memory', () => {
  it('shows what is visible, wrapping at its end as Linux scrolls', () => {
    const memory = new Uint8Array(0x8000);
    const put = (cell: number, text: string) => {
      for (const [i, code] of Buffer.from(text).entries()) memory.set([code, 7], ((cell + i) % 0x4000) * 2);
    };
    put(0x4000 - 80, 'last row of memory');
    put(0, 'first row of memory');
    const screen = textScreenOf(memory, { columns: 80, rows: 25, start: 0x4000 - 80 });
    expect(screenLines(screen).slice(0, 3)).toEqual(['last row of memory', 'first row of memory', '']);
  });
});

describe('the keyboard', () => {
  it('types every printable character', () => {
    const printable = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join('');
    const presses = keyPresses(printable);
    expect(presses).toHaveLength(95);
    expect(new Set(presses.map(({ key, shift }) => `${key}${shift}`)).size).toBe(95);
  });

  it('knows shift, control keys, and leaves out what a US keyboard lacks', () => {
    expect(keyPresses('A1!\né\x1b')).toEqual([
      { key: 'a', shift: true },
      { key: '1', shift: false },
      { key: '1', shift: true },
      { key: 'ret', shift: false },
      { key: 'esc', shift: false },
    ]);
  });
});
