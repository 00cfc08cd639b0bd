/** `npm run screenshots`: pictures of the default lab for the README, by Debian's Chromium, into docs/screenshots. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { build } from './build.mjs';
import { node, root } from './run-node.mjs';

build({ quiet: true });
const data = mkdtempSync(join(tmpdir(), 'rackbox-screenshots-'));
const args = [join(root, 'out/main/cli.js'), 'serve', '--data', data, '--listen', '127.0.0.1:0'];
const controller = spawn(node, args, { stdio: ['ignore', 'pipe', 'inherit'] });
const { url } = JSON.parse(
  await new Promise((resolve) => controller.stdout.once('data', (text) => resolve(String(text)))),
);
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
const folder = join(root, 'docs/screenshots');
mkdirSync(folder, { recursive: true });
for (const colorScheme of ['dark', 'light']) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1060 }, colorScheme });
  await page.goto(url);
  const powerOn = page.getByRole('button', { name: 'Power on all' });
  await powerOn.waitFor();
  if (await powerOn.isEnabled()) await powerOn.click();
  await page.getByText('3 booted').waitFor({ timeout: 120_000 });
  await page.getByText('root@').nth(1).waitFor();
  await page.waitForTimeout(3000);
  await page.screenshot({ path: join(folder, `lab-${colorScheme}.png`) });
  await page.close();
}
await browser.close();
controller.kill('SIGTERM');
await new Promise((resolve) => controller.once('exit', resolve));
rmSync(data, { recursive: true, force: true });
