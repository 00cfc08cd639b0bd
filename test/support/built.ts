import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Builds the entries when they are missing or old: tests of the built command call it first. */
export function ensureBuilt(): void {
  execFileSync(process.execPath, [join(import.meta.dirname, '../../tools/build.mjs'), '--quiet'], {
    stdio: 'inherit',
  });
}
