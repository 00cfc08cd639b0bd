import { encodePng } from '../qemu/picture.ts';
import type { Screen } from '../screen.ts';
import type { Vga } from './v86-internals.ts';

/** What the VGA card shows: text, or a linear (VESA) graphics mode. The old planar modes stay blank. */
export async function readScreen(vga: Vga): Promise<Screen> {
  if (!vga.graphical_mode) return readText(vga);
  const rgb = vga.svga_enabled ? readPixels(vga) : null;
  if (!rgb) return { kind: 'blank' };
  const [width, height] = [vga.svga_width, vga.svga_height];
  return { kind: 'graphics', width, height, png: await encodePng({ width, height, rgb }) };
}

/** Text memory holds a character and its attribute for each cell, little-endian as `Screen` wants them. */
function readText(vga: Vga): Screen {
  const { max_cols: columns, max_rows: rows, vga_memory: memory } = vga;
  const cells = new Uint16Array(columns * rows);
  // A row may be longer in memory than on screen (CRTC offset register).
  const pitch = 2 * Math.max(columns, 2 * vga.offset_register);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const at = 2 * vga.start_address + row * pitch + 2 * column;
      cells[row * columns + column] = (memory[at] ?? 0) | ((memory[at + 1] ?? 0) << 8);
    }
  // Before the video BIOS has set a mode, memory is all zero.
  return cells.some((cell) => cell !== 0) ? { kind: 'text', columns, rows, cells } : { kind: 'blank' };
}

/** RGB of 16-, 24- and 32-bit modes; null for the others. */
function readPixels(vga: Vga): Uint8Array | null {
  const { svga_width: width, svga_height: height, svga_bpp: bits } = vga;
  const size = bits >> 3;
  if (bits !== 16 && bits !== 24 && bits !== 32) return null;
  const start = vga.svga_offset * size;
  const memory = vga.svga_memory.slice(start, start + width * height * size);
  const rgb = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const at = pixel * size;
    const b = memory[at] ?? 0;
    const g = memory[at + 1] ?? 0;
    if (bits === 16) {
      const value = b | (g << 8);
      rgb[3 * pixel] = ((value >> 11) * 255) / 31;
      rgb[3 * pixel + 1] = (((value >> 5) & 63) * 255) / 63;
      rgb[3 * pixel + 2] = ((value & 31) * 255) / 31;
    } else {
      rgb[3 * pixel] = memory[at + 2] ?? 0;
      rgb[3 * pixel + 1] = g;
      rgb[3 * pixel + 2] = b;
    }
  }
  return rgb;
}
