import { afterEach, describe, expect, it, vi } from 'vitest';
import { advice, ask, eventReader, forget, sendFeedback, sessions, toldIn } from './agent';
import { ServerError } from './api';
import { examples, examplesFor, shownExamples } from './examples';
import { coloured } from './promql';
import { stretches } from './timeline';

function answers(body: string, status = 200, type = 'application/json') {
  const fetch = vi.fn(async (_url: string, _init?: RequestInit) => new Response(
    status === 204 ? null : body, { status, headers: { 'Content-Type': type } }));
  vi.stubGlobal('fetch', fetch);
  return fetch;
}
const sent = (fetch: ReturnType<typeof answers>) =>
  fetch.mock.calls.map(([, init]) => JSON.parse(String(init?.body)));
const stream = (...events: [string, unknown][]) =>
  events.map(([name, data]) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`).join('');
const streamType = 'text/event-stream';

afterEach(() => { vi.unstubAllGlobals(); });

describe('asking', () => {
  it('tells the steps and the words as they come', async () => {
    answers(stream(['step', { tool: 'query_metrics', arguments: { promql: 'up' } }],
      ['token', { text: 'It is ' }], ['token', { text: 'up.' }], ['answer', { reply: 'It is up.' }]),
    200, streamType);
    const told: unknown[] = [];
    const answer = await ask('up?', { onStep: (step) => told.push(step.arguments.promql),
                                      onWords: (words) => told.push(words) });
    expect(answer.reply).toBe('It is up.');
    expect(told).toEqual(['up', 'It is ', 'up.']);
  });
});

describe('events', () => {
  it('are whole whatever the pieces', () => {
    const text = stream(['token', { text: 'a\n\nb' }], ['answer', { reply: 'ä' }]);
    for (const size of [1, 2, 3, 7, text.length]) {
      const take = eventReader();
      const found = [];
      for (let at = 0; at < text.length; at += size) found.push(...take(text.slice(at, at + size)));
      expect(found.map(({ name, data }) => [name, JSON.parse(data)]))
        .toEqual([['token', { text: 'a\n\nb' }], ['answer', { reply: 'ä' }]]);
    }
  });
  it('end at lines of any kind, and a half one waits', () => {
    const take = eventReader();
    expect(take('event: a\r\ndata: 1\r\n\r\nevent: b\n')).toEqual([{ name: 'a', data: '1' }]);
    expect(take('data: 2\n\n')).toEqual([{ name: 'b', data: '2' }]);
  });
  it('may be cut between the two characters of a line end', () => {
    const take = eventReader();
    expect(['event: a\r', '\ndata: 1\r', '\n\r', '\n'].flatMap(take))
      .toEqual([{ name: 'a', data: '1' }]);
  });
});

describe('ask', () => {
  it('tells the words as they come, then the answer', async () => {
    const fetch = answers(stream(['token', { text: 'CPU ' }], ['token', { text: '6 %' }],
                                 ['answer', { session_id: 's', reply: 'CPU 6 %' }]), 200, streamType);
    const words: string[] = [];
    const answer = await ask('cpu', { onWords: (piece) => words.push(piece) });
    expect(words).toEqual(['CPU ', '6 %']);
    expect(answer.reply).toBe('CPU 6 %');
    expect((fetch.mock.calls[0][1]?.headers as Record<string, string>).Accept).toBe(streamType);
  });
  it('begins and continues a session, at a time', async () => {
    const fetch = answers(stream(['answer', { session_id: 's' }]), 200, streamType);
    await ask('cpu');
    await ask('memory', { session: 's', time: 5 });
    expect(sent(fetch)).toEqual([{ message: 'cpu' },
                                 { message: 'memory', session_id: 's', time: 5 }]);
  });
  it('takes an answer that does not stream', async () => {
    answers(JSON.stringify({ reply: 'r' }));
    expect((await ask('cpu')).reply).toBe('r');
  });
  it('throws what goes wrong on the way', async () => {
    answers(stream(['token', { text: 'x' }], ['error', { message: 'canceled' }]), 200, streamType);
    await expect(ask('x')).rejects.toThrow('canceled');
    answers(stream(['token', { text: 'x' }]), 200, streamType);
    await expect(ask('x')).rejects.toThrow(/connection ended.*Ask again/);
    answers('{"error":"too long"}', 413);
    await expect(ask('x')).rejects.toThrow('too long');
  });
});

describe('conversations and feedback', () => {
  it('are listed, told and forgotten', async () => {
    answers('{"sessions":[{"id":"a"}]}');
    expect(await sessions()).toEqual([{ id: 'a' }]);
    const fetch = answers('{"turns":[{"question":"q"}]}');
    expect(await toldIn('a/b')).toEqual([{ question: 'q' }]);
    expect(fetch.mock.calls[0][0]).toBe('/api/v5/agent/session/a%2Fb');
    answers('', 204);
    await forget('a');
    answers('{"status":"error","error":"no such session"}', 404);
    await forget('a');
    answers('{"status":"error","error":"broken"}', 500);
    await expect(forget('a')).rejects.toThrow('broken');
  });
  it('send what a person thinks', async () => {
    const fetch = answers('{"status":"success"}');
    await sendFeedback({ session: 's', turn: 0, verdict: 'up' });
    await sendFeedback({ session: 's', turn: 2, verdict: 'down', correction: 'memory' });
    expect(sent(fetch)).toEqual([{ session_id: 's', turn: 0, verdict: 'up' },
      { session_id: 's', turn: 2, verdict: 'down', correction: 'memory' }]);
  });
});

describe('advice', () => {
  it('says what to do', () => {
    expect(advice(new TypeError('Failed to fetch'))).toMatch(/runs, then ask again/);
    expect(advice(new ServerError('the server answered 503', 503))).toMatch(/503.*in a moment/);
    expect(advice(new ServerError('no', 401))).toMatch(/log in/);
    expect(advice(new ServerError('"message" is longer than 8192 bytes', 400))).toMatch(/longer/);
    expect(advice(new DOMException('x', 'AbortError'))).toBe('Stopped.');
  });
});

describe('examples', () => {
  it('need what is there', () => {
    const host = examplesFor(['up', 'node_cpu_seconds_total']);
    expect(host.map((e) => e.text)).toContain('Show CPU usage');
    expect(host.flatMap((e) => e.needs)).not.toContain('http_requests_total');
    expect(examplesFor([]).every((e) => e.needs.length === 0)).toBe(true);
  });
  it('are eight, of several subjects', () => {
    const all = examplesFor(examples.flatMap((e) => e.needs));
    expect(all.length).toBe(shownExamples);
    expect(new Set(all.map((e) => e.about)).size).toBeGreaterThanOrEqual(5);
  });
});

describe('a query', () => {
  it('keeps every character and colours what it knows', () => {
    for (const promql of ['sum by (a) (rate(x{b="c"}[5m])) > 0.5', 'not ) a query (', '', 'up # x']) {
      expect(coloured(promql).map((p) => p.text).join('')).toBe(promql);
    }
    const kinds = new Map(coloured('sum by (a) (rate(x{b="c"}[5m])) > 0.5')
      .map(({ text, kind }) => [text, kind]));
    expect(kinds.get('rate')).toBe('code-function');
    expect(kinds.get('"c"')).toBe('code-string');
    expect(kinds.get('0.5')).toBe('code-number');
  });
});

it('a stretch ends where samples end or change', () => {
  expect(stretches([[0, '1'], [60, '1'], [120, '0'], [300, '0']], 60)).toEqual([
    { from: 0, to: 60, value: 1 }, { from: 120, to: 120, value: 0 },
    { from: 300, to: 300, value: 0 }]);
});
