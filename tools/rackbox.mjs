#!/usr/bin/env node
/** The `rackbox` command: builds what is missing once, quietly, then hands over to the project's own Node. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { build } from './build.mjs';
import { preflight } from './preflight.mjs';
import { environment, node, root } from './run-node.mjs';

preflight();
build({ quiet: true });

const child = spawn(node, [join(root, 'out/main/cli.js'), ...process.argv.slice(2)], {
  env: environment,
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.once('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
