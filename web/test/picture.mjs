// One picture of a finished run for the README.
//
//   node test/picture.mjs BASE_URL JOB_ID FILE.png       CHROMIUM names the browser
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const [base, job, file] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), 'cityflow-picture-'));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  headless: true,
  args: ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  viewport: { width: 980, height: 770 },
  colorScheme: 'light',
  reducedMotion: 'reduce',
  locale: 'en-GB',
});
try {
  const page = await context.newPage();
  await page.goto(`${base}/web/results.html?job_id=${job}&layer=access_change#map`, { waitUntil: 'load' });
  await page.locator('.verdict li').first().waitFor();
  await page.locator('.map-frame .map').scrollIntoViewIfNeeded();
  const end = Date.now() + 60_000;
  while (!(await page.evaluate(() => document.querySelector('.map')?.dataset.state === 'idle' && document.querySelector('.map')?.cityMap?.map.loaded()))) {
    if (Date.now() > end) throw new Error('the map is never drawn');
    await new Promise((r) => setTimeout(r, 200));
  }
  await page.locator('#map h2').evaluate((e) => scrollTo({ top: e.getBoundingClientRect().top + scrollY - 124, behavior: 'instant' }));
  await new Promise((r) => setTimeout(r, 1000)); // the map's last frames
  await page.screenshot({ path: file });
} finally {
  await context.close();
  rmSync(profile, { recursive: true, force: true });
}
