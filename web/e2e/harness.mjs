// A server of its own for each test file, and a browser that looks at it.

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

export const binary = resolve(process.env.PROM5_BIN
  ?? fileURLToPath(new URL('../../build/release/prom5', import.meta.url)));
const shots = process.env.PROM5_SCREENSHOTS;

export const pages = [
  { path: '/', name: 'overview' },
  { path: '/explore', name: 'explore' },
  { path: '/ask', name: 'ask' },
  { path: '/targets', name: 'targets' },
  { path: '/service-discovery', name: 'discovery' },
];
export const desktop = { width: 1440, height: 900 };
export const phone = { width: 390, height: 844 };

function freePort() {
  return new Promise((found, failed) => {
    const probe = createServer().once('error', failed);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => found(port));
    });
  });
}

for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => process.exit(1));

/** Starts a server and waits until it says that it is ready. */
export async function startServer(flags = []) {
  const data = mkdtempSync(join(tmpdir(), 'prom5-e2e-'));
  const port = await freePort();
  const started = Date.now();
  const child = spawn(binary, ['serve', `--storage.tsdb.path=${data}`,
                               `--web.listen-address=127.0.0.1:${port}`, ...flags],
                      { stdio: ['ignore', 'ignore', 'pipe'] });
  const orphan = () => child.kill('SIGKILL');
  process.once('exit', orphan);
  let log = '';
  const exited = new Promise((done) => child.once('close', done));
  const stop = async () => {
    const term = child.exitCode === null && child.signalCode === null && child.pid;
    if (term) child.kill('SIGTERM');
    const force = setTimeout(() => child.kill('SIGKILL'), 5000);
    if (child.pid) await exited;
    clearTimeout(force);
    process.off('exit', orphan);
    rmSync(data, { recursive: true, force: true });
  };
  try {
    await new Promise((ready, failed) => {
      const late = setTimeout(() => failed(new Error(`not ready in 10 s:\n${log}`)), 10000);
      child.once('error', (error) => { clearTimeout(late); failed(error); });
      child.once('exit', (code) => {
        clearTimeout(late);
        failed(new Error(`${binary} ended with ${code}:\n${log}`));
      });
      child.stderr.setEncoding('utf8').on('data', (text) => {
        log += text;
        if (!log.includes('prom5 is ready')) return;
        clearTimeout(late);
        ready();
      });
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `http://127.0.0.1:${port}`, started, stop, log: () => log };
}

export function startBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-background-networking',
           '--disable-dev-shm-usage'],
  });
}

/** A fresh page; `page.problems` collects console errors, exceptions and failed answers. */
export async function openPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: desktop, ...options });
  const page = await context.newPage();
  page.problems = [];
  page.on('console', (message) => {
    // The tests read canvases; that warning is about them, not about the page.
    if (message.text().includes('willReadFrequently')) return;
    if (message.type() === 'error' || message.type() === 'warning') {
      page.problems.push(`${message.type()}: ${message.text()} (${message.location().url})`);
    }
  });
  page.on('pageerror', (error) => page.problems.push(`exception: ${error.message}`));
  page.on('response', (response) => {
    if (response.status() >= 400) page.problems.push(`${response.status()}: ${response.url()}`);
  });
  page.setDefaultTimeout(10000);
  return page;
}

/** Calls `check` until it gives something true, or fails after `ms` with what it said last. */
export async function until(what, ms, check, every = 100) {
  const end = Date.now() + ms;
  let last;
  for (;;) {
    last = await check();
    if (last === true) return;
    if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms; last: ${JSON.stringify(last)}`);
    await new Promise((next) => setTimeout(next, every));
  }
}

/** Until the server answers `query` with at least `count` series. */
export function untilSeries(server, query, count = 1, ms = 20000) {
  return until(query, ms, async () => {
    const answer = await fetch(`${server.url}/api/v1/query?query=${encodeURIComponent(query)}`);
    const { data } = await answer.json();
    return (data?.result.length ?? 0) >= count || data;
  });
}

/** Whether the canvas of each chart has pixels in a strong colour: a line, not only a grid. */
export function drawnCharts(page) {
  return page.getByTestId('chart').evaluateAll((charts) => charts.map((chart) => {
    const canvas = chart.querySelector('canvas');
    if (!canvas || !canvas.width || !canvas.height) return false;
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let coloured = 0;
    for (let i = 0; i < data.length; i += 4) {
      const [r, g, b, a] = data.subarray(i, i + 4);
      if (a > 150 && Math.max(r, g, b) - Math.min(r, g, b) > 60) coloured += 1;
    }
    return coloured >= 3;
  }));
}

/** What `promise` gives, or a failure after `ms`: a frozen page answers no key and no click. */
export function within(what, ms, promise) {
  let timer;
  const late = new Promise((_, failed) => {
    timer = setTimeout(() => failed(new Error(`${what}: not within ${ms} ms; is the page frozen?`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Closes a page, also one that is frozen. */
export async function closePage(page) {
  await within('close', 3000, page.context().close()).catch(() => {});
}

/** Nothing of the page is cut off by its right edge, and nothing makes it scroll sideways. */
export function sideways(page) {
  return page.evaluate(() => {
    const width = document.documentElement.scrollWidth;
    if (width <= innerWidth) return [];
    const wide = [...document.querySelectorAll('body *')]
      .filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5)
      .map((element) => `${element.tagName.toLowerCase()}.${element.className}`);
    return [`page is ${width} wide in a window of ${innerWidth}`, ...wide.slice(0, 8)];
  });
}

/** Saves what the page shows, when PROM5_SCREENSHOTS names a directory. */
export async function shoot(page, name) {
  if (!shots) return;
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: join(shots, `${name}.png`) });
}
