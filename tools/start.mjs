/**
 * `npm start`: the desktop app where an Electron binary is to be had, else the same controller without a window.
 * Arguments go to the controller, e.g. `npm start -- --listen 127.0.0.1:5300`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './build.mjs';
import { preflight } from './preflight.mjs';
import { environment, node, root, run } from './run-node.mjs';

preflight();
build({ quiet: true });
const args = process.argv.slice(2);
const electron = args.includes('--headless') ? null : electronBinary();
if (electron) process.exit(await run(electron, ['.', ...args]));
process.exit(
  await run(node, [join(root, 'out/main/serve.js'), ...args.filter((arg) => arg !== '--headless')]),
);

/** Electron's program file, fetched once where the network allows it; null where it is not to be had. */
function electronBinary() {
  if (process.env.ELECTRON_EXEC_PATH) return process.env.ELECTRON_EXEC_PATH;
  const folder = join(root, 'node_modules', 'electron');
  if (
    !existsSync(folder) ||
    (process.platform === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY)
  )
    return null;
  if (!existsSync(join(folder, 'path.txt'))) {
    console.error('Fetching the desktop shell (Electron) once …');
    spawnSync(node, [join(folder, 'install.js')], { env: environment, stdio: 'ignore', timeout: 300_000 });
  }
  if (!existsSync(join(folder, 'path.txt'))) {
    console.error('The desktop shell is not to be had here; starting the controller without a window.');
    return null;
  }
  const dist = process.env.ELECTRON_OVERRIDE_DIST_PATH ?? join(folder, 'dist');
  return join(dist, readFileSync(join(folder, 'path.txt'), 'utf8'));
}
