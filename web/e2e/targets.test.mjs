import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openPage, startBrowser, startServer, until } from './harness.mjs';

describe('Targets', () => {
  let browser, server;
  before(async () => { [browser, server] = await Promise.all([startBrowser(), startServer()]); });
  after(async () => { await browser?.close(); await server?.stop(); });

  it('lists the server and the host, both up', async () => {
    const page = await openPage(browser);
    await page.goto(`${server.url}/targets`);
    await until('two targets up', 15000, async () => {
      const states = await page.getByTestId('target').locator('.state').allInnerTexts();
      return (states.length === 2 && states.every((state) => state === 'up')) || states;
    });
    const text = (await page.getByTestId('target').allInnerTexts()).join('\n');
    assert.match(text, /job="prom5"/);
    assert.match(text, /job="host"/);
    assert.match(text, /\/host\/metrics/);
    assert.match(await page.locator('.page-head').innerText(), /2 of 2 up/);
    assert.doesNotMatch(text, /NaN|undefined|Invalid/);
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });
});
