import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { drawnCharts, openPage, startBrowser, startServer, until, untilSeries } from './harness.mjs';

describe('Ask', { timeout: 150000 }, () => {
  let browser, server, page;
  before(async () => {
    [browser, server] = await Promise.all([startBrowser(), startServer()]);
    // Its chart has a step of 15 s: enough for a line.
    await untilSeries(server, 'rate(node_cpu_seconds_total[1m])');
    await untilSeries(server, 'count_over_time(up{job="host"}[5m]) >= 8', 1, 45000);
  });
  after(async () => { await browser?.close(); await server?.stop(); });
  beforeEach(async () => {
    page = await openPage(browser);
    await page.goto(`${server.url}/ask`);
  });
  afterEach(() => page.context().close());

  const ask = async (text) => {
    const turns = await page.getByTestId('turn').count();
    await page.getByTestId('question').fill(text);
    await page.keyboard.press('Enter');
    const turn = page.getByTestId('turn').nth(turns);
    await turn.getByTestId('reply').waitFor();
    return turn;
  };

  it('answers a question with a number, the query behind it and a chart', async () => {
    const turn = await ask('Show CPU usage');
    assert.match(await turn.innerText(), /Show CPU usage/);
    assert.match(await turn.getByTestId('reply').innerText(), /CPU.*\d+(\.\d+)? ?%/);
    assert.match(await turn.getByTestId('evidence').innerText(), /node_cpu_seconds_total/);
    await until('the chart has a line', 5000, async () => {
      const drawn = await drawnCharts(page);
      return (drawn.length === 1 && drawn[0]) || drawn;
    });
    assert.equal(await page.getByTestId('question').inputValue(), '');
    assert.deepEqual(page.problems, []);
  });

  it('the query behind an answer opens in Explore', async () => {
    const turn = await ask('Show CPU usage');
    const promql = await turn.getByTestId('evidence').innerText();
    await turn.getByTestId('evidence').click();
    await page.waitForURL('**/explore?q=*');
    await page.getByTestId('table').waitFor();
    assert.equal(new URL(page.url()).searchParams.get('q'), promql);
  });

  it('gives a CPU usage that is true, also soon after the start', async () => {
    const fresh = await startServer();
    try {
      await untilSeries(fresh, 'rate(node_cpu_seconds_total[1m])');
      await page.goto(`${fresh.url}/ask`);
      const turn = await ask('Show CPU usage');
      const said = Number((await turn.getByTestId('reply').innerText()).match(/([\d.]+) ?%/)[1]);
      // Shares of the whole do not depend on how much of the window has samples.
      const rate = (matcher) => `sum(rate(node_cpu_seconds_total{${matcher}}[5m]))`;
      const query = `100 * ${rate('mode!="idle"')} / ${rate('')}`;
      const answer = await fetch(`${fresh.url}/api/v1/query?query=${encodeURIComponent(query)}`);
      const real = Number((await answer.json()).data.result[0].value[1]);
      assert.ok(Math.abs(said - real) < 5, `says ${said} %, is ${real.toFixed(1)} %`);
    } finally {
      await fresh.stop();
    }
  });

  it('asks back when a question is too little, and offers what to say', async () => {
    const turn = await ask('usage');
    assert.match(await turn.getByTestId('reply').innerText(), /\?/);
    assert.equal(await turn.getByTestId('evidence').count(), 0);
    await turn.locator('.chip').first().click();
    await page.getByTestId('turn').nth(1).getByTestId('evidence').waitFor();
    assert.deepEqual(page.problems, []);
  });

  it('asks back, or says what it lacks, when it has no answer', async () => {
    const turn = await ask('Show me the flux capacitor');
    const reply = await turn.getByTestId('reply').innerText();
    assert.match(reply, /\?|nothing|not /i);
    assert.equal(await turn.getByTestId('evidence').count(), 0);
    assert.equal(await turn.getByTestId('chart').count(), 0);
    assert.deepEqual(page.problems, []);
  });

  it('keeps the conversation: a second question continues the first', async () => {
    const [first] = await Promise.all([
      page.waitForResponse('**/api/v5/agent/text'), ask('Show CPU usage')]);
    const { session_id } = await first.json();
    const [second] = await Promise.all([
      page.waitForRequest('**/api/v5/agent/text'), ask('How much memory is free?')]);
    assert.equal(second.postDataJSON().session_id, session_id);
    assert.equal(await page.getByTestId('turn').count(), 2);
  });

  it('two questions in haste both keep their answers', async () => {
    let release;
    const held = new Promise((go) => { release = go; });
    let n = 0;
    await page.route('**/api/v5/agent/text', async (route) => {
      if (n++ === 0) await held;
      await route.continue();
    });
    await page.getByTestId('question').fill('Show CPU usage');
    await page.keyboard.press('Enter');
    await page.getByTestId('question').fill('How much memory is free?');
    await page.keyboard.press('Enter');
    await page.getByTestId('reply').first().waitFor();
    release();
    await until('each question has its own reply', 5000, async () => {
      const turns = await page.getByTestId('turn').allInnerTexts();
      return (turns.length === 2 && /^Show CPU usage\n[\s\S]*CPU usage of/.test(turns[0])
        && /^How much memory is free\?\n[\s\S]*memory/i.test(turns[1])
        && !/^\s*…\s*$/m.test(turns.join('\n'))) || turns;
    });
  });

  it('every example has an answer with evidence', async () => {
    const examples = await page.locator('.hints .chip').allInnerTexts();
    assert.ok(examples.length > 0);
    for (const example of examples) {
      const turn = await ask(example);
      assert.ok(await turn.getByTestId('evidence').count() > 0,
                `${example}: ${await turn.getByTestId('reply').innerText()}`);
    }
    assert.deepEqual(page.problems, []);
  });

  it('the quick question of the other pages leads here and is asked once', async () => {
    await page.goto(server.url);
    const asked = [];
    page.on('request', (r) => { if (r.url().includes('agent/text')) asked.push(r.postData()); });
    await page.getByLabel('Quick question').fill('Show CPU usage');
    await page.keyboard.press('Enter');
    await page.getByTestId('evidence').waitFor();
    assert.equal(asked.length, 1);
  });

  it('shows an error when the server does not answer', async () => {
    await page.route('**/api/v5/agent/text', (route) => route.fulfill({ status: 503, body: 'busy' }));
    await page.getByTestId('question').fill('Show CPU usage');
    await page.keyboard.press('Enter');
    await page.locator('.turn .error').waitFor();
    assert.match(await page.locator('.turn .error').innerText(), /503/);
  });
});
