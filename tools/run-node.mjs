/** What the tools share: the project's folder, the Node that it brings along, and starting things with it. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, 'node_modules', '.bin');

/** The Node to run the project with: the one that `npm ci` brought, else the one that runs this. */
export const node = existsSync(join(bin, 'node')) ? join(bin, 'node') : process.execPath;

/** The environment in which `node` and the packages' programs are found first. */
export const environment = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` };

/** Runs a program in the project's folder to its end and resolves to its exit code; signals are handed on. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env: environment, stdio: 'inherit', ...options });
    const hand = (signal) => child.kill(signal);
    process.on('SIGINT', hand).on('SIGTERM', hand);
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      process.off('SIGINT', hand).off('SIGTERM', hand);
      resolve(code ?? (signal ? 1 : 0));
    });
  });
}

/** Runs a package's program (vitest, tsc, …) with the project's Node. */
export function runPackage(program, args, options) {
  return run(node, [join(bin, program), ...args], options);
}
