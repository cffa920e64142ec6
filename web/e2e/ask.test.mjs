import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { drawnCharts, openPage, startBrowser, startServer, until, untilSeries } from './harness.mjs';

describe('Ask', { timeout: 240000 }, () => {
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
    await turn.getByTestId('open').click();
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
    await ask('Show CPU usage');
    await page.waitForURL('**/ask?session=*');
    const session = new URL(page.url()).searchParams.get('session');
    const [second] = await Promise.all([
      page.waitForRequest('**/api/v5/agent/text'), ask('How much memory is free?')]);
    assert.equal(second.postDataJSON().session_id, session);
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
        && !/Looking at the metrics/.test(turns.join('\n'))) || turns;
    });
  });

  it('every example is answered, and there are eight', async () => {
    await page.getByTestId('example').first().waitFor();
    const examples = await page.getByTestId('example').allInnerTexts();
    assert.equal(examples.length, 8);
    for (const example of examples) {
      const turn = await ask(example);
      assert.equal(await turn.locator('.refusal, .clarify, .error').count(), 0,
                   `${example}: ${await turn.getByTestId('reply').innerText()}`);
    }
    assert.deepEqual(page.problems, []);
  });

  it('an example is asked by a click', async () => {
    await page.getByTestId('example').filter({ hasText: 'Is anything down?' }).click();
    await page.getByTestId('turn').getByTestId('reply').waitFor();
    assert.match(await page.getByTestId('turn').innerText(), /^Is anything down\?/);
    assert.equal(await page.getByTestId('example').count(), 0);
  });

  it('a single value stands large', async () => {
    const turn = await ask('Show CPU usage');
    const value = await turn.getByTestId('value').innerText();
    assert.match(value, /^\d+(\.\d+)? %$/);
    const size = await turn.getByTestId('value').evaluate((e) => parseFloat(getComputedStyle(e).fontSize));
    assert.ok(size > 30, `${size} px`);
    await turn.getByText('How it was understood').click();
    assert.match(await turn.locator('.understood').innerText(), /CPU/);
  });

  it('the chart shows another time by a click', async () => {
    const turn = await ask('Show CPU usage');
    await turn.getByTestId('chart').waitFor();
    const [asked] = await Promise.all([
      page.waitForRequest('**/api/v1/query_range?*'), turn.getByRole('button', { name: '6 h' }).click()]);
    const query = new URL(asked.url()).searchParams;
    assert.equal(Math.round(Number(query.get('end')) - Number(query.get('start'))), 21600);
  });

  it('keeps the conversation in the address: a reload shows it again', async () => {
    const turn = await ask('Show CPU usage');
    const reply = await turn.locator('p.reply').innerText();
    await page.waitForURL('**/ask?session=*');
    await page.reload();
    await page.getByTestId('turn').getByTestId('reply').waitFor();
    assert.ok((await page.getByTestId('turn').innerText()).includes(reply));
    await page.getByTestId('turn').getByTestId('evidence').waitFor();
    // What was understood before is understood still.
    const [next] = await Promise.all([
      page.waitForRequest('**/api/v5/agent/text'), ask('and memory?')]);
    assert.equal(next.postDataJSON().session_id, new URL(page.url()).searchParams.get('session'));
    assert.deepEqual(page.problems, []);
  });

  it('going to Explore and back brings the whole answer back', async () => {
    const turn = await ask('Show CPU usage');
    await turn.getByTestId('open').click();
    await page.waitForURL('**/explore?q=*');
    await page.goBack();
    await page.getByTestId('turn').getByTestId('value').waitFor();
    assert.equal(await page.getByTestId('turn').count(), 1);
  });

  it('lists conversations, opens one and forgets one', async () => {
    await ask('Which filesystem is fullest?');
    await page.getByRole('button', { name: 'New conversation' }).first().click();
    assert.equal(await page.getByTestId('turn').count(), 0);
    assert.equal(new URL(page.url()).search, '');
    const side = page.locator('.ask-side');
    const old = side.getByTestId('conversation').filter({ hasText: 'Which filesystem is fullest?' }).first();
    await old.locator('.title').click();
    await page.getByTestId('turn').getByTestId('reply').waitFor();
    const before = await side.getByTestId('conversation').count();
    await old.hover();
    await old.getByRole('button', { name: /^Forget/ }).click();
    await until('one less is listed', 5000, async () => {
      const now = await side.getByTestId('conversation').count();
      return now === before - 1 || now;
    });
    assert.equal(await page.getByTestId('turn').count(), 0);
    assert.deepEqual(page.problems, []);
  });

  it('says so when a conversation is no longer kept', async () => {
    await page.goto(`${server.url}/ask?session=gone`);
    await page.getByText('no longer keeps that conversation').waitFor();
    assert.equal(new URL(page.url()).search, '');
    await ask('Show CPU usage');
  });

  it('works by keys alone', async () => {
    await ask('Show CPU usage');
    const field = page.getByTestId('question');
    await page.locator('h1').click();
    await page.keyboard.press('/');
    assert.ok(await field.evaluate((e) => e === document.activeElement));
    assert.equal(await field.inputValue(), '');
    await page.keyboard.press('ArrowUp');
    assert.equal(await field.inputValue(), 'Show CPU usage');
    await page.keyboard.press('ArrowDown');
    assert.equal(await field.inputValue(), '');
    await page.keyboard.type('two');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('lines / more');
    assert.equal(await field.inputValue(), 'two\nlines / more');
    assert.equal(await page.getByTestId('turn').count(), 1);
  });

  it('an answer on its way can be stopped, and asked again', async () => {
    let hold = true;
    await page.route('**/api/v5/agent/text', async (route) => {
      if (!hold) await route.continue();  // otherwise it never comes
    });
    await page.getByTestId('question').fill('Show CPU usage');
    await page.keyboard.press('Enter');
    await page.getByTestId('stop').click();
    const turn = page.getByTestId('turn').first();
    await turn.getByText('Stopped.').waitFor();
    hold = false;
    await turn.getByRole('button', { name: 'Ask again' }).click();
    await page.getByTestId('turn').nth(1).getByTestId('reply').waitFor();
  });

  it('tells a reader of the screen what was answered', async () => {
    const turn = await ask('Show CPU usage');
    const reply = await turn.locator('p.reply').innerText();
    const told = await page.locator('[aria-live=polite].visually-hidden').innerText();
    assert.equal(told.toLowerCase(), reply.toLowerCase());
  });

  it('asks about a time in the past when the address names one', async () => {
    await page.goto(`${server.url}/ask?time=1700000000`);
    await page.getByText('answered as of').waitFor();
    const [asked] = await Promise.all([
      page.waitForRequest('**/api/v5/agent/text'), ask('Show CPU usage')]);
    assert.equal(asked.postDataJSON().time, 1700000000);
    await page.getByRole('button', { name: 'Back to the present' }).click();
    const [now] = await Promise.all([
      page.waitForRequest('**/api/v5/agent/text'), ask('Show CPU usage')]);
    assert.equal(now.postDataJSON().time, undefined);
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
    assert.match(await page.locator('.turn .error').innerText(), /503.*Ask again in a moment/s);
  });
});
