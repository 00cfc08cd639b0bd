import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { openBrowser } from '../support/browser.ts';
import { ensureBuilt } from '../support/built.ts';
import { describeWith } from '../support/requirements.ts';
import { type ServedController, serveController } from '../support/served-controller.ts';

const LAB = {
  version: 1,
  pcs: [
    { kind: 'simulated', name: 'pc1', timeScale: 0 },
    { kind: 'simulated', name: 'pc2', firmware: 'uefi-pxe', timeScale: 0 },
    { kind: 'simulated', name: 'pc10', timeScale: 1 },
  ],
};

describeWith('the lab page', { programs: ['chromium'] }, () => {
  let [browser, controller]: [Browser | null, ServedController | null] = [null, null];
  let page: Page;
  const problems: string[] = [];

  beforeAll(async () => {
    ensureBuilt();
    [browser, controller] = await Promise.all([openBrowser(), serveController(LAB)]);
  });
  afterAll(async () => {
    await browser?.close();
    await controller?.dispose();
  });
  beforeEach(async () => {
    problems.length = 0;
    page = await browser!.newPage();
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    await page.goto(controller!.url);
  });
  afterEach(async () => {
    await page.close();
    expect(problems).toEqual([]);
  });

  const pc = (name: string) => page.getByRole('article', { name, exact: true });

  test('shows the rack switched off, in the order of names, and keeps the token out of the address', async () => {
    await pc('pc1').waitFor();
    expect(await page.getByRole('heading', { level: 2 }).allTextContents()).toEqual(['pc1', 'pc2', 'pc10']);
    expect(await page.getByText('Switched off.').count()).toBe(3);
    expect(page.url()).not.toContain('token');
    await page.reload();
    await pc('pc1').waitFor();
  });

  test('powers on by a button, climbs the steps, shows the screen, and powers off again', async () => {
    await pc('pc1').getByRole('button', { name: 'Power on' }).click();
    await pc('pc1').getByText('Booted: its userspace talks to the controller.').waitFor();
    await pc('pc1').getByText('root@').waitFor();
    expect(
      await pc('pc1')
        .getByRole('listitem')
        .filter({ hasText: /Kernel\d/ })
        .count(),
    ).toBe(1);

    await pc('pc10').getByRole('button', { name: 'Power on' }).click();
    await pc('pc10')
      .getByText(/has not asked for an address/)
      .waitFor();
    await page.getByRole('button', { name: 'Power off all' }).click();
    await page.getByText('3 PCs, 0 on').waitFor();
  });

  test('power on all', async () => {
    await page.getByRole('button', { name: 'Power on all' }).click();
    await page.getByText('3 PCs, 3 on, 3 booted').waitFor({ timeout: 60_000 });
  });
});
