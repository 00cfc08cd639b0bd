/** Builds what is missing or older than its sources. `--quiet` says nothing unless it fails; `--force` builds anyway. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { preflight } from './preflight.mjs';
import { environment, node, root } from './run-node.mjs';

const OUTPUTS = [
  'out/main/serve.js',
  'out/main/cli.js',
  'out/main/shell.js',
  'out/preload/preload.cjs',
  'out/renderer/index.html',
];
const SOURCES = ['src-main', 'src-renderer', 'electron.vite.config.ts', 'package-lock.json'];

/** True when every output is there and none is older than the newest source. */
export function upToDate() {
  const built = OUTPUTS.map((path) => join(root, path));
  if (!built.every((path) => existsSync(path))) return false;
  const oldest = Math.min(...built.map((path) => statSync(path).mtimeMs));
  return SOURCES.every((path) => newest(join(root, path)) <= oldest);
}

function newest(path) {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) return 0;
  if (!stats.isDirectory()) return /\.test\.tsx?$/.test(path) ? 0 : stats.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}

/** Builds all entries; on failure prints what the builder said and ends the process. */
export function build({ quiet = false, force = false } = {}) {
  if (!force && upToDate()) return;
  const program = join(root, 'node_modules', 'electron-vite', 'bin', 'electron-vite.js');
  const result = spawnSync(node, [program, 'build', '--logLevel', quiet ? 'error' : 'warn'], {
    cwd: root,
    env: environment,
    encoding: 'utf8',
    stdio: quiet ? 'pipe' : 'inherit',
  });
  if (result.status !== 0) {
    if (quiet) process.stderr.write(`${result.stdout}${result.stderr}`);
    console.error('Building Rackbox failed.');
    process.exit(1);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  preflight();
  build({ quiet: process.argv.includes('--quiet'), force: process.argv.includes('--force') });
}
