// The browser that the tests drive, and how they wait for it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

export const options = {
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  headless: true,
  args: ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
};

/** A browser of this machine with a profile of its own, and how to be rid of both. */
export async function launch(viewport) {
  const profile = mkdtempSync(join(tmpdir(), 'cityflow-browser-'));
  const context = await chromium.launchPersistentContext(profile, { ...options, viewport, colorScheme: 'light', reducedMotion: 'reduce', locale: 'en-GB' });
  const close = async () => {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  };
  return { context, close };
}

/** Asks until the answer is right: under the policy of the pages no string may be evaluated there. */
export async function until(what, ask, ms = 20_000) {
  const end = Date.now() + ms;
  let last;
  while (Date.now() < end) {
    try {
      last = await ask();
      if (last) return last;
    } catch (e) {
      last = e;
    }
    await new Promise((r) => setTimeout(r, 100));
  }
  throw new Error(`waited ${ms} ms in vain for: ${what} (last: ${last})`);
}
