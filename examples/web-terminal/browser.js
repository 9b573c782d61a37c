/** Chromium without a window, for the test and for picture.js. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { chromium } from 'playwright-core';

/** The path of chromium; undefined if it is not on PATH. */
export function findChromium() {
  const paths = (process.env.PATH ?? '').split(delimiter).map((dir) => join(dir, 'chromium'));
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** @param {string} home a directory for what Chromium keeps in its user's home. */
export async function startBrowser(home) {
  return chromium.launch({
    executablePath: findChromium() ?? 'chromium',
    // Chromium's sandbox refuses root.
    args: ['--disable-gpu', '--disable-dev-shm-usage', ...(process.geteuid?.() === 0 ? ['--no-sandbox'] : [])],
    env: { ...process.env, HOME: home },
  });
}
