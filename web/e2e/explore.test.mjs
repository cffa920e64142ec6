import assert from 'node:assert/strict';
import { after, before, beforeEach, afterEach, describe, it } from 'node:test';
import { closePage, drawnCharts, openPage, startBrowser, startServer, until, untilSeries, within }
  from './harness.mjs';

describe('Explore', { timeout: 150000 }, () => {
  let browser, server, page;
  before(async () => {
    [browser, server] = await Promise.all([startBrowser(), startServer()]);
    await untilSeries(server, 'count_over_time(up[1m]) >= 3', 2);
  });
  after(async () => {
    await within('close', 3000, browser.close()).catch(() => {});
    await server?.stop();
  });
  beforeEach(async () => {
    page = await openPage(browser);
    page.setDefaultTimeout(5000);
    await page.goto(`${server.url}/explore`);
  });
  afterEach(() => closePage(page));

  const type = async (text) => {
    await page.getByTestId('editor').locator('.cm-content').click();
    await page.keyboard.press('Control+A');
    await within('typing', 5000, page.keyboard.insertText(text));
  };

  it('runs an expression and shows a table and a chart', { timeout: 15000 }, async () => {
    await type('up');
    await page.getByTestId('run').click();
    await page.getByTestId('table').waitFor();
    const rows = await page.getByTestId('table').locator('tr').allInnerTexts();
    assert.equal(rows.length, 2);
    assert.ok(rows.every((row) => /^up\{.*job="(host|prom5)".*\}\s+1$/.test(row)), rows.join('\n'));
    await until('the chart has a line', 5000, async () => {
      const drawn = await drawnCharts(page);
      return (drawn.length === 1 && drawn[0]) || drawn;
    });
    assert.equal(await page.getByTestId('chart').getAttribute('data-series'), '2');
    assert.match(page.url(), /\/explore\?q=up$/);
    assert.equal(await page.getByTestId('error').count(), 0);
    assert.deepEqual(page.problems, []);
  });

  it('runs what is typed key by key, with Control+Enter', { timeout: 15000 }, async () => {
    await page.getByTestId('editor').locator('.cm-content').click();
    await within('typing', 5000, page.keyboard.type('sum(up)'));
    assert.equal(await within('text', 5000,
      page.getByTestId('editor').locator('.cm-content').innerText()), 'sum(up)');
    await within('key', 5000, page.keyboard.press('Control+Enter'));
    await page.getByTestId('table').waitFor();
    assert.match(await page.getByTestId('table').innerText(), /\{\}\s+2/);
  });

  it('runs with Enter', { timeout: 15000 }, async () => {
    await type('vector(41) + 1');
    await within('key', 5000, page.keyboard.press('Escape'));
    await within('key', 5000, page.keyboard.press('Enter'));
    await page.getByTestId('table').waitFor();
    assert.match(await page.getByTestId('table').innerText(), /\{\}\s+42/);
  });

  it('completes names of metrics from the server', { timeout: 15000 }, async () => {
    await page.getByTestId('editor').locator('.cm-content').click();
    await within('typing', 5000, page.keyboard.type('node_lo'));
    const choices = page.locator('.cm-tooltip-autocomplete li');
    await choices.filter({ hasText: 'node_load15' }).waitFor();
    assert.deepEqual(page.problems, []);
  });

  it('says why an answer is empty, and takes the correction', { timeout: 15000 }, async () => {
    await type('sum(upp)');
    await page.getByTestId('run').click();
    await page.getByTestId('reasons').waitFor();
    assert.match(await page.getByTestId('reasons').innerText(), /never a metric "upp"; there is up/);
    await page.getByTestId('reasons').getByRole('button', { name: 'sum(up)' }).click();
    await page.getByTestId('table').waitFor();
    assert.match(await page.getByTestId('table').innerText(), /\{\}\s+2/);
    assert.match(page.url(), /q=sum\(up\)$/);
    assert.equal(await page.getByTestId('reasons').count(), 0);
    assert.deepEqual(page.problems, []);
  });

  it('shows the error of an invalid expression, and removes it after a valid one', { timeout: 15000 }, async () => {
    await type('sum(');
    await page.getByTestId('run').click();
    await page.getByTestId('error').waitFor();
    assert.match(await page.getByTestId('error').innerText(), /parse error/);
    assert.equal(await page.getByTestId('table').count(), 0);
    assert.equal(await page.getByTestId('chart').count(), 0);
    await type('up');
    await page.getByTestId('run').click();
    await page.getByTestId('table').waitFor();
    assert.equal(await page.getByTestId('error').count(), 0);
  });

  it('marks the mistake in the editor', { timeout: 15000 }, async () => {
    await type('rate(up)');
    await page.locator('.cm-lintRange-error').first().waitFor();
  });

  it('shows scalars, strings, ranges and empty results', { timeout: 15000 }, async () => {
    await type('1 + 1');
    await page.getByTestId('run').click();
    await page.locator('.scalar').waitFor();
    assert.equal(await page.locator('.scalar').innerText(), '2');
    await type('"text"');
    await page.getByTestId('run').click();
    await page.locator('.scalar', { hasText: 'text' }).waitFor();
    await type('up[1m]');
    await page.getByTestId('run').click();
    await page.getByTestId('table').waitFor();
    assert.match(await page.getByTestId('table').innerText(), /1 @\d+/);
    await type('no_such_metric');
    await page.getByTestId('run').click();
    await page.getByTestId('reasons').waitFor();
    assert.deepEqual(page.problems, []);
  });

  it('runs again when another range is chosen', { timeout: 15000 }, async () => {
    await type('up');
    await page.getByTestId('run').click();
    await page.getByTestId('chart').waitFor();
    const [request] = await Promise.all([
      page.waitForRequest((r) => r.url().includes('query_range')),
      page.getByRole('button', { name: '1 h', exact: true }).click(),
    ]);
    const asked = request.method() === 'POST' ? new URLSearchParams(request.postData())
                                              : new URL(request.url()).searchParams;
    assert.ok(Math.abs(asked.get('end') - asked.get('start') - 3600) < 1);
  });

  it('draws a single sample, too', { timeout: 15000 }, async () => {
    await page.route('**/query_range?*', async (route) => {
      const { searchParams } = new URL(route.request().url());
      const at = (Number(searchParams.get('start')) + Number(searchParams.get('end'))) / 2;
      await route.fulfill({ json: { status: 'success', data: {
        resultType: 'matrix', result: [{ metric: { lone: 'a' }, values: [[at, '3']] },
                                       { metric: { lone: 'b' }, values: [[at, '2']] }] } } });
    });
    await type('vector(3)');
    await page.getByTestId('run').click();
    await page.getByTestId('table').waitFor();
    await until('a dot', 3000, async () => {
      const drawn = await drawnCharts(page);
      return (drawn.length === 1 && drawn[0]) || drawn;
    });
  });

  it('the chart follows what is run: its series and its time', { timeout: 15000 }, async () => {
    await type('up');
    await page.getByTestId('run').click();
    await page.getByTestId('chart').waitFor();
    await type('node_load1');
    await page.getByTestId('run').click();
    await page.getByTestId('table').getByText('node_load1').waitFor();
    await until('one line', 5000, async () =>
      (await page.getByTestId('chart').getAttribute('data-series')) === '1');
    await until('legend of the new series', 5000, async () => {
      const legend = await page.locator('.u-legend').innerText();
      return legend.includes('node_load1') || legend;
    });
  });

  it('an address with a query runs it, also at the addresses of Prometheus', { timeout: 15000 }, async () => {
    for (const path of ['/explore?q=up', '/query?q=up', '/graph?g0.expr=up']) {
      await page.goto(server.url + path);
      await page.getByTestId('table').waitFor({ timeout: 4000 })
        .catch(() => assert.fail(`${path} shows no table`));
    }
  });
});
