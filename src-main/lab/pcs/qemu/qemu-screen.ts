import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { rackboxError } from '../../../base/error-catalogue.ts';
import type { Screen } from '../screen.ts';
import { decodePpm, encodePng } from './picture.ts';
import type { QmpClient } from './qmp-client.ts';

/** What the VGA registers say about text mode. */
interface TextMode {
  readonly columns: number;
  readonly rows: number;
  /** First visible cell: Linux scrolls by moving it through the 32 KiB of text memory. */
  readonly start: number;
}

const TEXT_MEMORY = 0xb8000;
const TEXT_CELLS = 0x4000;
const GRAPHICS_CONTROLLER = 0x3ce;
const CRT_CONTROLLER = 0x3d4;

/**
 * Reads what the PC shows: VGA text memory in text mode, otherwise a picture. `folder` takes the files that QEMU
 * dumps, for a moment. One call at a time a PC.
 */
export async function readScreen(qmp: QmpClient, folder: string): Promise<Screen> {
  const text = path.join(folder, 'screen.text');
  const picture = path.join(folder, 'screen.ppm');
  try {
    const mode = await whilePaused(qmp, async () => {
      const found = await readTextMode(qmp);
      if (found) await qmp.execute('pmemsave', { val: TEXT_MEMORY, size: TEXT_CELLS * 2, filename: text });
      return found;
    });
    if (mode) return textScreenOf(await readFile(text), mode);
    await qmp.execute('screendump', { filename: picture });
    const image = decodePpm(await readFile(picture));
    if (!image) return { kind: 'blank' };
    return { kind: 'graphics', width: image.width, height: image.height, png: await encodePng(image) };
  } finally {
    await Promise.all([text, picture].map((file) => rm(file, { force: true })));
  }
}

/** The visible part of text memory, which wraps at its end. */
export function textScreenOf(memory: Uint8Array, { columns, rows, start }: TextMode): Screen {
  const cells = new Uint16Array(columns * rows);
  for (let i = 0; i < cells.length; i++) {
    const at = ((start + i) % TEXT_CELLS) * 2;
    cells[i] = (memory[at] ?? 0) | ((memory[at + 1] ?? 0) << 8);
  }
  return { kind: 'text', columns, rows, cells };
}

/** The registers are read through index ports that the guest uses too: it stands still meanwhile, about a millisecond. */
async function whilePaused<T>(qmp: QmpClient, read: () => Promise<T>): Promise<T> {
  await qmp.execute('stop');
  try {
    return await read();
  } finally {
    await qmp.execute('cont');
  }
}

/** Null when the display is in a graphics mode (graphics controller register 6, bit 0). */
async function readTextMode(qmp: QmpClient): Promise<TextMode | null> {
  const [miscellaneous = 0] = await readRegisters(qmp, GRAPHICS_CONTROLLER, [6]);
  if (miscellaneous & 1) return null;
  const [lastColumn = 0, overflow = 0, scanLines = 0, high = 0, low = 0, lastLine = 0] = await readRegisters(
    qmp,
    CRT_CONTROLLER,
    [0x01, 0x07, 0x09, 0x0c, 0x0d, 0x12],
  );
  const lines = 1 + lastLine + ((overflow & 0x02) << 7) + ((overflow & 0x40) << 3);
  return {
    columns: Math.min(lastColumn + 1, 132),
    rows: Math.min(Math.floor(lines / ((scanLines & 31) + 1)), 60),
    start: (high << 8) | low,
  };
}

/** Reads indexed registers and leaves the index as it was. */
async function readRegisters(qmp: QmpClient, port: number, registers: readonly number[]): Promise<number[]> {
  const index = await readPort(qmp, port);
  const values: number[] = [];
  for (const register of registers) {
    await monitor(qmp, `o /b ${port} ${register}`);
    values.push(await readPort(qmp, port + 1));
  }
  await monitor(qmp, `o /b ${port} ${index}`);
  return values;
}

/** QMP has no port access; the human monitor answers `portb[0x03d4] = 0x0f`. */
async function readPort(qmp: QmpClient, port: number): Promise<number> {
  const answer = await monitor(qmp, `i /b ${port}`);
  const match = /= 0x([0-9a-f]+)/.exec(answer);
  if (match) return Number.parseInt(match[1] ?? '0', 16);
  throw rackboxError('PROCESS_FAILED', {
    command: 'Reading the screen',
    problem: `QEMU answered "${answer.trim()}"`,
    hint: 'Switch the PC off and on again.',
  });
}

async function monitor(qmp: QmpClient, line: string): Promise<string> {
  return String(await qmp.execute('human-monitor-command', { 'command-line': line }));
}
