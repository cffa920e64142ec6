// What the Ask page makes of each kind of answer. The answers are given, all else is a server's.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { openPage, phone, shoot, sideways, startBrowser, startServer, until, untilSeries }
  from './harness.mjs';

const empty = { session_id: 's1', turn: 24, reply: '', intent: 'query', promql: '', unit: 'none',
                explanation: '', confidence: 0.95, evidence: [], charts: [], actions_proposed: [], alternatives: [],
                suggestions: [] };
const vector = (promql, result) => ({ promql, mode: 'instant', start: 0, end: Date.now() / 1000, step: 0,
                                      result: { resultType: 'vector', result } });

describe('Answers', { timeout: 120000 }, () => {
  let browser, server, page, asked;
  before(async () => {
    [browser, server] = await Promise.all([startBrowser(), startServer()]);
    await untilSeries(server, 'up == 1', 2);
  });
  after(async () => { await browser?.close(); await server?.stop(); });
  beforeEach(async () => {
    page = await openPage(browser);
    asked = [];
  });
  afterEach(() => page.context().close());

  /** Asks something that is answered so; the turn. */
  const answered = async (answer, question = 'something') => {
    await page.route('**/api/v5/agent/text', (route) => {
      asked.push(route.request().postDataJSON().message);
      return route.fulfill({ json: { ...empty, ...answer } });
    });
    await page.goto(`${server.url}/ask?q=${encodeURIComponent(question)}`);
    const turn = page.getByTestId('turn').first();
    await turn.getByTestId('reply').waitFor({ state: 'attached' });
    return turn;
  };

  it('several values are ranked, as many as there are on demand', async () => {
    const series = Array.from({ length: 9 }, (_, i) => (
      { metric: { instance: `web-${i}` }, value: [0, String(10 * (i + 1))] }));
    const turn = await answered({ unit: 'percent', evidence: [vector('x', series)],
      reply: 'CPU usage: web-8: 90.0 %; web-7: 80.0 %; and 7 more.' });
    const rows = turn.getByTestId('row');
    assert.equal(await rows.count(), 6);
    assert.match(await rows.first().innerText(), /web-8\s+90/);
    await turn.getByRole('button', { name: 'Show all 9' }).click();
    assert.equal(await rows.count(), 9);
    const width = (i) => rows.nth(i).locator('.bar-fill').evaluate((e) => e.getBoundingClientRect().width);
    await until('bars are as long as values are great', 3000, async () => {
      const [most, least] = [await width(0), await width(8)];
      return Math.abs(most / least - 9) < 0.5 || [most, least];
    });
    assert.deepEqual(page.problems, []);
  });

  it('values told from the least on are ranked so', async () => {
    const series = [['a', '30'], ['b', '10'], ['c', '20']].map(
      ([instance, value]) => ({ metric: { instance }, value: [0, value] }));
    const turn = await answered({ evidence: [vector('x', series)], reply: 'free: b: 10; c: 20; a: 30.' });
    assert.deepEqual((await turn.getByTestId('row').allInnerTexts()).map((t) => t[0]), ['b', 'c', 'a']);
  });

  it('findings are a list; one whose course is told has a line, and all lead on', async () => {
    const course = { metric: { service: 'api' }, values: [[0, '1'], [60, '14.5']] };
    const turn = await answered({
      intent: 'anomaly',
      reply: 'Unusual (2 of 9 series): errors of service=api: 14.5/s, higher than usual (0.88/s), since '
        + '11:04; hit ratio of instance=cache: 72 %, lower than usual (94 %), since 10:28.',
      evidence: [{ promql: 'errors', mode: 'range', start: 0, end: 60,
                   result: { resultType: 'matrix', result: [course] } }] });
    assert.equal(await turn.getByTestId('finding').count(), 2);
    assert.match(await turn.getByTestId('finding').first().innerText(), /usually 0.88\/s · since 11:04/);
    await turn.getByTestId('sparkline').waitFor();
    assert.equal(await turn.getByTestId('sparkline').count(), 1);
    await turn.getByRole('button', { name: 'errors' }).click();
    await page.getByTestId('turn').nth(1).waitFor();
    assert.equal(asked[1], 'How did errors of api develop in the last 6 hours?');
  });

  it('a proposed alert has its rule and is tested on the past', async () => {
    const turn = await answered({
      intent: 'alert', reply: 'Proposed alert UpHigh: up > 0.', promql: 'up > 0',
      actions_proposed: [{ kind: 'alert', alert: 'UpHigh', expr: 'up > 0', for_s: 0, severity: 'critical',
                           labels: { severity: 'critical' }, annotations: { summary: 'it is "up"' } }] });
    await turn.getByTestId('episode').first().waitFor();
    assert.equal(await turn.getByTestId('episode').count(), 2);
    assert.match(await turn.getByTestId('backtest').innerText(), /fired 2 times on the data of the last 24 hours/);
    assert.equal(await turn.getByTestId('timeline').count(), 1);
    await turn.getByText('Rule as YAML').click();
    const yaml = await turn.getByTestId('rule').innerText();
    assert.match(yaml, /- alert: UpHigh\n {8}expr: \|-\n {10}up > 0\n {8}for: 0s/);
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await turn.getByRole('button', { name: 'Copy the rule' }).click();
    await turn.getByText('Copied').waitFor();
    assert.equal((await page.evaluate(() => navigator.clipboard.readText())).trim(), yaml.trim());
    assert.deepEqual(page.problems, []);
    await shoot(page, 'ask-alert');
  });

  it('a condition that cannot be tested says why', async () => {
    const turn = await answered({ actions_proposed: [
      { kind: 'alert', alert: 'A', expr: 'sum(', for_s: 60, severity: 'warning', labels: {}, annotations: {} }] });
    await turn.getByText('The back-test failed').waitFor();
  });

  it('a proposed silence shows its matchers', async () => {
    const turn = await answered({
      intent: 'silence', reply: 'Proposed silence of instance=db for 2h. It hits 1 now: Disk db.',
      actions_proposed: [{ kind: 'silence', matchers: { instance: 'db', job: 'a.*' }, regex: ['job'],
                           duration_s: 7200, starts_at: '2026-01-15T12:00:00Z',
                           ends_at: '2026-01-15T14:00:00Z' }] });
    assert.deepEqual(await turn.getByTestId('matcher').allInnerTexts(), ['instance="db"', 'job=~"a.*"']);
    assert.match(await turn.getByTestId('silence').innerText(), /amtool silence add .*--duration=2h/);
    assert.match(await turn.innerText(), /It hits 1 now: Disk db\./);
  });

  it('a refusal is calm, and offers the nearest there is', async () => {
    const turn = await answered({ intent: 'refuse', reply: 'I find nothing. The nearest there is: a, b.',
      suggestions: ['memory', 'swap'],
      error: { code: 'unknown_metric', message: 'I find nothing.', suggestions: ['memory', 'swap'] } });
    assert.equal(await turn.getByTestId('reply').innerText(), 'I find nothing.');
    assert.equal(await turn.locator('.error').count(), 0);
    assert.deepEqual(await turn.locator('.chip').allInnerTexts(), ['memory', 'swap']);
    await turn.getByRole('button', { name: 'swap' }).click();
    await page.getByTestId('turn').nth(1).waitFor();
    assert.equal(asked[1], 'swap');
  });

  it('other readings and what comes next are asked by a tap', async () => {
    const turn = await answered({ reply: 'It is 3.', alternatives: ['memory free'], suggestions: ['and load?'] });
    await turn.getByRole('button', { name: 'memory free' }).click();
    await turn.getByRole('button', { name: 'and load?' }).click();
    await page.getByTestId('turn').nth(2).waitFor();
    assert.deepEqual(asked.slice(1), ['memory free', 'and load?']);
  });

  it('several queries are small multiples', async () => {
    const chart = (promql) => ({ promql, start: Date.now() / 1000 - 600, end: Date.now() / 1000, unit: 'none' });
    const turn = await answered({ intent: 'compare', reply: 'Both.', evidence: [vector('up', []), vector('up offset 1s', [])],
                                  charts: [chart('up'), chart('up offset 1s')] });
    await until('two charts', 5000, async () => {
      const count = await turn.getByTestId('chart').count();
      return count === 2 || count;
    });
    assert.deepEqual(await turn.locator('figcaption').allInnerTexts(), ['Now', 'Before']);
    await turn.getByText('One more query').click();
    assert.equal(await turn.getByTestId('evidence').nth(1).innerText(), 'up offset 1s');
  });

  it('takes what a person thinks of it, with what would have been right', async () => {
    const sent = [];
    await page.route('**/api/v5/agent/feedback', (route) => {
      sent.push(route.request().postDataJSON());
      return route.fulfill({ json: { status: 'success' } });
    });
    const turn = await answered({ reply: 'It is 3.' });
    await turn.getByRole('button', { name: 'Wrong answer' }).click();
    await turn.getByLabel('What would have been right?').fill('memory of db');
    await page.keyboard.press('Enter');
    await turn.getByText('Thank you.').waitFor();
    assert.deepEqual(sent, [{ session_id: 's1', turn: 24, verdict: 'down' },
                            { session_id: 's1', turn: 24, verdict: 'down', correction: 'memory of db' }]);
  });

  it('says so where no feedback is kept', async () => {
    await page.route('**/api/v5/agent/feedback', (route) => route.fulfill({ status: 503, json: {
      status: 'error', errorType: 'unavailable', error: 'this assistant keeps no feedback' } }));
    const turn = await answered({ reply: 'It is 3.' });
    await turn.getByRole('button', { name: 'Good answer' }).click();
    await turn.getByText('This server keeps no feedback.').waitFor();
  });

  it('words are seen while they come, and what breaks off says so', async () => {
    await page.route('**/api/v5/agent/text', (route) => route.fulfill({
      contentType: 'text/event-stream', body: 'event: token\ndata: {"text":"CPU"}\n\n' }));
    await page.goto(`${server.url}/ask?q=x`);
    await page.locator('.turn .error').waitFor();
    assert.match(await page.locator('.turn .error').innerText(), /connection ended.*Ask again/s);
  });

  it('long names, words and queries fit a phone', async () => {
    await page.context().close();
    page = await openPage(browser, { viewport: phone, isMobile: true, hasTouch: true });
    const long = 'a_very_long_name_without_any_place_to_break_it_'.repeat(3);
    const expr = `sum by (${long}) (up{${long}="${long}"}) > 0`;
    await answered({
      reply: `${long}: ${long}1: 5; ${long}2: 4.`, suggestions: [long], explanation: long,
      evidence: [vector(expr, [1, 2].map((i) => ({ metric: { [long]: long + i }, value: [0, String(i)] })))],
      actions_proposed: [{ kind: 'alert', alert: long, expr, for_s: 60, severity: 'warning', labels: { [long]: long },
                           annotations: {} }] }, long);
    await page.getByText('Rule as YAML').click();
    assert.deepEqual(await sideways(page), []);
    await page.getByText('Conversations').first().click();
    const menu = page.locator('.ask-menu .conversations');
    await menu.waitFor();
    assert.deepEqual(await sideways(page), []);
    await menu.getByRole('button', { name: 'New conversation' }).click();
    await menu.waitFor({ state: 'hidden' });
    assert.equal(await page.getByTestId('turn').count(), 0);
  });
});
