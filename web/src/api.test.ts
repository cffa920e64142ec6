import { afterEach, describe, expect, it, vi } from 'vitest';
import { diagnose, instant, range, targets } from './api';

function answers(body: unknown, status = 200) {
  const fetch = vi.fn(async (_url: string, _init?: RequestInit) => new Response(
    typeof body === 'string' ? body : JSON.stringify(body), { status }));
  vi.stubGlobal('fetch', fetch);
  return fetch;
}

afterEach(() => { vi.unstubAllGlobals(); });

describe('queries', () => {
  const data = { resultType: 'vector', result: [] };

  it('escape the expression', async () => {
    const fetch = answers({ status: 'success', data });
    expect(await instant('a{b="c&d"} + 1')).toEqual({ data, warnings: [], infos: [] });
    const url = new URL(fetch.mock.calls[0][0], 'http://x');
    expect(url.pathname).toBe('/api/v1/query');
    expect(url.searchParams.get('query')).toBe('a{b="c&d"} + 1');
  });
  it('pass times, step and the signal', async () => {
    const fetch = answers({ status: 'success', data });
    const { signal } = new AbortController();
    await range('up', 10.5, 20, 5, signal);
    const url = new URL(fetch.mock.calls[0][0], 'http://x');
    expect(url.pathname).toBe('/api/v1/query_range');
    expect(Object.fromEntries(url.searchParams))
      .toEqual({ query: 'up', start: '10.5', end: '20', step: '5' });
    expect(fetch.mock.calls[0][1]?.signal).toBe(signal);
  });
  it('keep warnings and infos', async () => {
    answers({ status: 'success', data, warnings: ['w'], infos: ['i'] });
    expect(await instant('up')).toEqual({ data, warnings: ['w'], infos: ['i'] });
  });
  it('ask why they are empty', async () => {
    const findings = [{ cause: 'metric_similar', expression: 'upp', text: 'there is up', fix: 'up' }];
    const fetch = answers({ status: 'success', data: { empty: true, findings } });
    expect(await diagnose('upp{a="&"}')).toEqual(findings);
    const url = new URL(fetch.mock.calls[0][0], 'http://x');
    expect(url.pathname).toBe('/api/v5/query/doctor');
    expect(url.searchParams.get('query')).toBe('upp{a="&"}');
  });
  it('throw what the server says is wrong', async () => {
    answers({ status: 'error', errorType: 'bad_data', error: 'parse error' }, 400);
    await expect(instant('sum(')).rejects.toThrow('parse error');
    await expect(range('sum(', 0, 1, 1)).rejects.toThrow('parse error');
  });
  it('throw the status when the answer is not JSON', async () => {
    answers('<html>busy</html>', 503);
    await expect(instant('up')).rejects.toThrow('503');
  });
  it('throw the status when JSON says nothing', async () => {
    answers({}, 500);
    await expect(instant('up')).rejects.toThrow('500');
  });
});

describe('targets', () => {
  it('are the active ones', async () => {
    const fetch = answers({ status: 'success', data: { activeTargets: [{ health: 'up' }] } });
    expect(await targets()).toEqual([{ health: 'up' }]);
    expect(fetch.mock.calls[0][0]).toBe('/api/v1/targets?state=active');
  });
});
