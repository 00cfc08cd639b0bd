import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Disposable } from '../../src-main/base/disposable.ts';

const root = join(import.meta.dirname, '../..');

/** The built controller as a process of its own, with an empty data folder. */
export interface ServedController extends Disposable {
  /** With the start-up token. */
  readonly url: string;
  readonly dataFolder: string;
  dispose(): Promise<void>;
}

/** `lab`: what its lab file holds; the default lab when absent. */
export async function serveController(lab?: object): Promise<ServedController> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'rackbox-served-'));
  if (lab) await writeFile(join(dataFolder, 'lab.json'), JSON.stringify(lab));
  const args = [join(root, 'tools/rackbox.mjs'), 'serve', '--data', dataFolder, '--listen', '127.0.0.1:0'];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (text) => resolve(String(text)));
    child.once('exit', (code) => reject(new Error(`the controller ended with ${code}`)));
  });
  return {
    url: JSON.parse(line).url,
    dataFolder,
    async dispose() {
      child.kill('SIGTERM');
      await ended;
      await rm(dataFolder, { recursive: true, force: true });
    },
  };
}
