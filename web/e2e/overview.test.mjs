import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { drawnCharts, openPage, startBrowser, startServer, until } from './harness.mjs';

describe('Overview', () => {
  let browser;
  before(async () => { browser = await startBrowser(); });
  after(() => browser?.close());

  it('shows this host live within 5 s of the start of the process', async () => {
    const page = await openPage(browser);
    const server = await startServer();
    try {
      await page.goto(server.url);
      const left = server.started + 5000 - Date.now();
      await until('every panel has a chart with a line', left, async () => {
        const titles = await page.getByTestId('panel').evaluateAll((panels) => panels
          .filter((panel) => !panel.querySelector('[data-testid=chart] canvas'))
          .map((panel) => panel.querySelector('h2').firstChild.textContent));
        const drawn = await drawnCharts(page);
        return (titles.length === 0 && drawn.length >= 6 && drawn.every(Boolean))
          || { withoutChart: titles, drawn };
      });
    } finally {
      await server.stop();
      await page.context().close();
    }
  });

  it('has a value in every tile within 5 s of the start of the process', async () => {
    const page = await openPage(browser);
    const server = await startServer();
    try {
      await page.goto(server.url);
      await until('tiles', server.started + 5000 - Date.now(), async () => {
        const tiles = await page.getByTestId('tile').allInnerTexts();
        return (tiles.length === 5 && tiles.every((text) => /\d/.test(text.split('\n').pop())))
          || tiles;
      });
    } finally {
      await server.stop();
      await page.context().close();
    }
  });

  it('goes on by itself, without errors in the console', async () => {
    const page = await openPage(browser);
    const server = await startServer();
    try {
      await page.goto(server.url);
      await page.getByTestId('chart').first().waitFor();
      // A second and a third answer to the same panel: the chart is alive.
      for (let i = 0; i < 2; i += 1) {
        await page.waitForResponse((r) => r.url().includes('query_range') && r.url().includes('node_load'));
      }
      await until('all charts', 15000, async () => {
        const drawn = await drawnCharts(page);
        return (drawn.length === 6 && drawn.every(Boolean)) || drawn;
      });
      assert.equal(await page.getByTestId('tile').count(), 5);
      assert.equal(await page.locator('.error').count(), 0);
      assert.deepEqual(page.problems, []);
    } finally {
      await server.stop();
      await page.context().close();
    }
  });

  it('says so when the server goes away, and recovers', async () => {
    const page = await openPage(browser);
    const server = await startServer();
    try {
      await page.goto(server.url);
      await page.getByTestId('chart').first().waitFor();
      await page.route('**/api/v1/**', (route) => route.abort());
      await page.locator('.error').first().waitFor();
      await page.unroute('**/api/v1/**');
      await until('no error left', 10000, async () => (await page.locator('.error').count()) === 0);
    } finally {
      await server.stop();
      await page.context().close();
    }
  });

  it('a link of a panel opens its query in Explore, and back returns', async () => {
    const page = await openPage(browser);
    const server = await startServer();
    try {
      await page.goto(server.url);
      await page.getByTestId('chart').first().waitFor();
      await page.getByTestId('panel').filter({ hasText: 'Load average' }).getByRole('link').click();
      await page.waitForURL('**/explore?q=*');
      await page.getByTestId('table').waitFor();
      assert.match(await page.getByTestId('editor').innerText(), /node_load/);
      await page.goBack();
      await page.getByTestId('tile').first().waitFor();
      assert.deepEqual(page.problems, []);
    } finally {
      await server.stop();
      await page.context().close();
    }
  });
});
