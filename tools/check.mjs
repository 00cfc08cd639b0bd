/** `npm run check`: types, lint and format, boundaries, dead code. All run at once; each failure is shown whole. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { preflight } from './preflight.mjs';
import { environment, node, root } from './run-node.mjs';

const bin = join(root, 'node_modules', '.bin');
const CHECKS = [
  ['types', 'tsc', []],
  ['lint and format', 'biome', ['check', '.']],
  [
    'boundaries',
    'depcruise',
    ['--config', '.dependency-cruiser.cjs', '--no-progress', 'src-main', 'src-renderer'],
  ],
  ['dead code', 'knip', []],
];

preflight();
const started = performance.now();
const results = await Promise.all(CHECKS.map(([name, program, args]) => check(name, program, args)));
const failed = results.filter((result) => !result.ok);
for (const { name, output } of failed) console.error(`\n── ${name} ──\n${output.trim()}`);
for (const { name, ok, seconds } of results) console.log(`${ok ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)`);
console.log(`${results.length - failed.length} passed, ${failed.length} failed in ${elapsed()} s`);
process.exit(failed.length === 0 ? 0 : 1);

function elapsed() {
  return ((performance.now() - started) / 1000).toFixed(1);
}

function check(name, program, args) {
  return new Promise((resolve) => {
    const child = spawn(node, [join(bin, program), ...args], {
      cwd: root,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (data) => (output += data));
    child.stderr.on('data', (data) => (output += data));
    child.once('exit', (code) => resolve({ name, ok: code === 0, output, seconds: elapsed() }));
  });
}
