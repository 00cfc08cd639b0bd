import { inflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { screenLines } from '../screen.ts';
import type { Vga } from './v86-internals.ts';
import { readScreen } from './vga-screen.ts';

const text: Vga = {
  graphical_mode: false,
  max_cols: 4,
  max_rows: 2,
  start_address: 0,
  offset_register: 2,
  vga_memory: new Uint8Array(64),
  svga_enabled: false,
  svga_width: 0,
  svga_height: 0,
  svga_bpp: 0,
  svga_offset: 0,
  svga_memory: new Uint8Array(64),
};

function memory(rows: readonly string[], pitch: number, start = 0): Uint8Array {
  const bytes = new Uint8Array(64);
  rows.forEach((row, y) => {
    for (let x = 0; x < row.length; x++) bytes.set([row.charCodeAt(x), 0x1f], start + y * pitch + 2 * x);
  });
  return bytes;
}

/** The first row of an 8-bit RGB PNG without its filter byte. */
function firstRow(png: Uint8Array, width: number): number[] {
  const at = Buffer.from(png).indexOf('IDAT');
  const length = Buffer.from(png).readUInt32BE(at - 4);
  return [...inflateSync(png.subarray(at + 4, at + 4 + length)).subarray(1, 1 + 3 * width)];
}

describe('readScreen', () => {
  it('shows text with attributes', async () => {
    const screen = await readScreen({ ...text, vga_memory: memory(['ab', 'cd'], 8) });
    expect(screenLines(screen)).toEqual(['ab', 'cd']);
    expect(screen).toMatchObject({ kind: 'text', columns: 4, rows: 2 });
    expect(screen.kind === 'text' && screen.cells[0]).toBe(0x1f61);
  });

  it('follows scrolling and rows that are longer in memory', async () => {
    const vga = { ...text, start_address: 4, offset_register: 3, vga_memory: memory(['ab', 'cd'], 12, 8) };
    expect(screenLines(await readScreen(vga))).toEqual(['ab', 'cd']);
  });

  it('is blank before anything was drawn', async () => {
    expect(await readScreen(text)).toEqual({ kind: 'blank' });
  });

  it.each([
    [32, [0x33, 0x22, 0x11, 0], [0x11, 0x22, 0x33]],
    [24, [0x33, 0x22, 0x11], [0x11, 0x22, 0x33]],
    [16, [0xe0, 0xff], [255, 255, 0]],
  ])('draws %i bits a pixel', async (bits, pixel, rgb) => {
    const svga_memory = Uint8Array.from([...pixel, ...pixel, ...new Array(16).fill(0)]);
    const graphics = {
      graphical_mode: true,
      svga_enabled: true,
      svga_width: 2,
      svga_height: 1,
      svga_bpp: bits,
    };
    const screen = await readScreen({ ...text, ...graphics, svga_memory });
    expect(screen).toMatchObject({ kind: 'graphics', width: 2, height: 1 });
    expect(screen.kind === 'graphics' && firstRow(screen.png, 2)).toEqual([...rgb, ...rgb]);
  });

  it.each([
    ['a planar mode', { svga_enabled: false }],
    ['a palette', { svga_enabled: true, svga_bpp: 8, svga_width: 2, svga_height: 1 }],
  ])('stays blank in %s', async (_, mode) => {
    expect(await readScreen({ ...text, graphical_mode: true, ...mode })).toEqual({ kind: 'blank' });
  });
});
