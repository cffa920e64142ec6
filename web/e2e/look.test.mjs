// Widths, colour schemes, and, with PROM5_SCREENSHOTS, pictures of every page.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { desktop, openPage, pages, phone, shoot, sideways, startBrowser, startServer, until,
         untilSeries } from './harness.mjs';

/** What must be seen before a page counts as shown. */
const shown = {
  overview: async (page) => until('six charts', 10000, async () => {
    const count = await page.getByTestId('chart').locator('canvas').count();
    return count === 6 || count;
  }),
  explore: async (page) => {
    await page.goto(new URL('/explore?q=rate(node_cpu_seconds_total%5B1m%5D)', page.url()).href);
    await page.getByTestId('table').waitFor();
    await page.getByTestId('chart').locator('canvas').waitFor();
  },
  ask: async (page) => {
    await page.goto(new URL('/ask?q=Show%20CPU%20usage', page.url()).href);
    await page.getByTestId('evidence').waitFor();
    await page.getByTestId('chart').locator('canvas').waitFor();
  },
  targets: async (page) => page.getByTestId('target').first().waitFor(),
  discovery: async (page) => page.getByTestId('job').first().waitFor(),
};

const background = (page) =>
  page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
const brightness = (colour) => {
  const [r, g, b] = colour.match(/\d+(\.\d+)?/g).map(Number);
  return (r + g + b) / 3;
};

describe('Look', () => {
  let browser, server;
  before(async () => {
    [browser, server] = await Promise.all([startBrowser(), startServer()]);
    await untilSeries(server, 'rate(node_cpu_seconds_total[1m])');
    await untilSeries(server, 'up == 1', 2);
  });
  after(async () => { await browser?.close(); await server?.stop(); });

  for (const { path, name } of pages) {
    it(`${name} fits a phone, empty and filled`, async () => {
      const page = await openPage(browser, { viewport: phone, isMobile: true, hasTouch: true });
      await page.goto(server.url + path);
      await page.locator('main h1').waitFor();
      assert.deepEqual(await sideways(page), []);
      await shown[name](page);
      assert.equal(await page.evaluate(() => innerWidth), phone.width);
      assert.deepEqual(await sideways(page), []);
      await page.context().close();
    });

    it(`${name} follows the colour scheme, also when it changes`, async () => {
      const page = await openPage(browser);
      await page.emulateMedia({ colorScheme: 'light' });
      await page.goto(server.url + path);
      await shown[name](page);
      assert.ok(brightness(await background(page)) > 200);
      await page.emulateMedia({ colorScheme: 'dark' });
      assert.ok(brightness(await background(page)) < 60);
      const text = await page.evaluate(() => getComputedStyle(document.body).color);
      assert.ok(brightness(text) > 180);
      assert.deepEqual(page.problems, []);
      await page.context().close();
    });

    for (const [size, viewport] of Object.entries({ desktop, phone })) {
      for (const colorScheme of ['light', 'dark']) {
        it(`${name} on ${size}, ${colorScheme}`, { skip: !process.env.PROM5_SCREENSHOTS }, async () => {
          const page = await openPage(browser, { viewport, colorScheme });
          await page.goto(server.url + path);
          await shoot(page, `${name}-first-${viewport.width}x${viewport.height}-${colorScheme}`);
          await shown[name](page);
          await shoot(page, `${name}-${viewport.width}x${viewport.height}-${colorScheme}`);
          await page.context().close();
        });
      }
    }
  }

  it('a long error and a long expression fit a phone', async () => {
    const page = await openPage(browser, { viewport: phone, isMobile: true });
    const long = `sum by (${'a_rather_long_label_name,'.repeat(12)}x) (node_cpu_seconds_total) +`;
    await page.goto(`${server.url}/explore?q=${encodeURIComponent(long)}`);
    await page.getByTestId('error').waitFor();
    assert.deepEqual(await sideways(page), []);
    await page.context().close();
  });

  it('text stands out from its background', async () => {
    const page = await openPage(browser);
    const faint = [];
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      await page.goto(`${server.url}/targets`);
      await page.getByTestId('target').first().waitFor();
      faint.push(...await page.evaluate((scheme) => {
        const style = getComputedStyle(document.documentElement);
        const luminance = (hex) => {
          const part = (i) => {
            const v = parseInt(hex.slice(i, i + 2), 16) / 255;
            return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
          };
          return 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
        };
        const value = (name) => (name[0] === '#' ? name : style.getPropertyValue(name).trim());
        return [['--text', '--bg'], ['--text', '--card'], ['--muted', '--bg'], ['--muted', '--card'],
                ['--bad', '--bad-soft'], ['--good', '--card'], ['--accent', '--accent-soft'],
                ['--on-accent', '--accent']]
          .map(([front, back]) => {
            const [low, high] = [luminance(value(front)), luminance(value(back))].sort((a, b) => a - b);
            return { scheme, front, back, ratio: Number(((high + 0.05) / (low + 0.05)).toFixed(2)) };
          })
          .filter(({ ratio }) => ratio < 4.5);
      }, colorScheme));
    }
    assert.deepEqual(faint, []);
    await page.context().close();
  });
});
