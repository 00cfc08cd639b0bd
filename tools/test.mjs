/**
 * `npm test`: all tests, ending with one line of totals. What this machine lacks is skipped and listed by name;
 * with CI=true nothing may be skipped. Arguments are handed to vitest, e.g. `npm test -- dhcp`.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installMissingPackages } from './debian-packages.mjs';
import { preflight } from './preflight.mjs';
import { environment, runPackage } from './run-node.mjs';

preflight();
installMissingPackages();
// Daemons live in sbin, which a plain user's PATH lacks.
environment.PATH += ':/usr/sbin:/sbin';

const folder = mkdtempSync(join(tmpdir(), 'rackbox-test-'));
const totals = { passed: 0, failed: 0, skipped: [] };
for (const project of ['unit', 'interop']) await runProject(project);
rmSync(folder, { recursive: true, force: true });

if (totals.skipped.length > 0)
  console.log(`\nSkipped here:\n${totals.skipped.map((name) => `  ${name}`).join('\n')}`);
const skippedInCi = process.env.CI === 'true' && totals.skipped.length > 0;
if (skippedInCi) console.log('Nothing may be skipped in CI.');
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped.length} skipped`);
process.exit(totals.failed > 0 || skippedInCi || totals.passed === 0 ? 1 : 0);

async function runProject(project) {
  const report = join(folder, `${project}.json`);
  const code = await runPackage('vitest', [
    ...['run', '--project', project, '--passWithNoTests', '--reporter=default', '--reporter=json'],
    ...[`--outputFile.json=${report}`, ...process.argv.slice(2)],
  ]);
  const result = readReport(report);
  totals.passed += result.numPassedTests;
  totals.failed += result.numFailedTests;
  for (const file of result.testResults)
    for (const test of file.assertionResults)
      if (test.status !== 'passed' && test.status !== 'failed') totals.skipped.push(test.fullName.trim());
  // A file that could not even be loaded, or an error outside any test, has no failed test to count.
  if (code !== 0 && result.numFailedTests === 0) totals.failed++;
}

function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return { numPassedTests: 0, numFailedTests: 0, testResults: [] };
  }
}
