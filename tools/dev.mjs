/**
 * `npm run dev`: the controller from its sources, started anew on each change, and the page rebuilt on each change.
 * With an Electron binary (ELECTRON_EXEC_PATH, or an installed one) electron-vite's own development mode runs instead.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { preflight } from './preflight.mjs';
import { environment, node, root, run, runPackage } from './run-node.mjs';

preflight();
if (process.env.ELECTRON_EXEC_PATH || existsSync(join(root, 'node_modules/electron/path.txt')))
  process.exit(await runPackage('electron-vite', ['dev']));

const vite = join(root, 'node_modules/.bin/vite');
const page = spawn(
  node,
  [vite, 'build', 'src-renderer', '--config', 'tools/page.vite.config.mjs', '--watch', '--logLevel', 'warn'],
  { cwd: root, env: environment, stdio: 'inherit' },
);
const code = await run(node, ['--watch-path=src-main', 'src-main/app/serve.ts', ...process.argv.slice(2)]);
page.kill();
process.exit(code);
