/**
 * `npm run bench [name …]`: runs the benchmarks of test/bench one after the other. Each prints a table for people and,
 * as its last line, JSON; the JSON of all is kept in bench-results/.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { basename, join } from 'node:path';
import { preflight } from './preflight.mjs';
import { environment, node, root } from './run-node.mjs';

preflight();
environment.PATH += ':/usr/sbin:/sbin';
const wanted = process.argv.slice(2);
const folder = join(root, 'test', 'bench');
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => basename(file, '.ts'))
  .filter((name) => wanted.length === 0 || wanted.includes(name));

const results = {};
let failed = 0;
for (const name of names) {
  console.log(`\n── ${name} ──`);
  const { code, output } = await runOne(join(folder, `${name}.ts`));
  if (code !== 0) failed++;
  const last = output.trim().split('\n').at(-1) ?? '';
  if (last.startsWith('{') || last.startsWith('[')) results[name] = JSON.parse(last);
}
const report = {
  date: new Date().toISOString(),
  machine: { cpu: cpus()[0]?.model, cores: cpus().length, memoryMb: Math.round(totalmem() / 2 ** 20) },
  results,
};
mkdirSync(join(root, 'bench-results'), { recursive: true });
const file = join(root, 'bench-results', `${report.date.replace(/[:.]/g, '-')}.json`);
writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
console.log(`\n${names.length - failed} of ${names.length} benchmarks ran; figures in ${file}`);
process.exit(failed === 0 ? 0 : 1);

function runOne(path) {
  return new Promise((resolve) => {
    const child = spawn(node, [path], { cwd: root, env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (data) => {
      output += data;
      process.stdout.write(data);
    });
    child.once('exit', (code) => resolve({ code, output }));
  });
}
