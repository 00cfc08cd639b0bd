/** Installs the Debian packages that the tests need, where that is possible: as root, on Debian or a relative. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './run-node.mjs';

// dpkg-query's own placeholders, not JavaScript's.
const FORMAT = '$' + '{Package} $' + '{db:Status-Status}\n';

/** The packages of test/debian-packages.txt that are not installed; null where there is no dpkg. */
export function missingPackages() {
  if (!existsSync('/usr/bin/dpkg-query')) return null;
  const wanted = readFileSync(join(root, 'test/debian-packages.txt'), 'utf8')
    .split('\n')
    .filter((line) => line && !line.startsWith('#'));
  const { stdout } = spawnSync('dpkg-query', ['-W', '-f', FORMAT, ...wanted], {
    encoding: 'utf8',
  });
  const installed = new Set(
    stdout.split('\n').flatMap((line) => (line.endsWith(' installed') ? [line.split(' ')[0]] : [])),
  );
  return wanted.filter((name) => !installed.has(name));
}

/** Installs what is missing; says in one line what it does, and in another when it could not. */
export function installMissingPackages() {
  const missing = missingPackages();
  if (!missing?.length || process.getuid?.() !== 0) return;
  console.log(`Installing for the tests: ${missing.join(' ')}`);
  const options = {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  };
  spawnSync('apt-get', ['update', '-qq'], options);
  const result = spawnSync(
    'apt-get',
    ['install', '-y', '-qq', '--no-install-recommends', ...missing],
    options,
  );
  if (result.status !== 0) console.error(`Some could not be installed:\n${result.stderr}`);
}
