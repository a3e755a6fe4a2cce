// Chromium, without its own talk to the network. CHROMIUM names the program.
import path from 'node:path';
import puppeteer from 'puppeteer-core';

export function start_chromium(directory) {
  return puppeteer.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    headless: true,
    userDataDir: path.join(directory, 'chromium'),
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
           '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
  });
}
