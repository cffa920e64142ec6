import { describe, expect, it } from 'vitest';
import type { AlertProposal } from './agent';
import { answerOf, briefNames, courseOf, durationText, episodesIn, findingOf, listIn, matchersOf, namesIn,
         questionAbout, refusalWords, rowsOf, ruleYaml, silenceCommand, sureness, unitIn }
  from './reply';

describe('the list in a reply', () => {
  const items = (reply: string) => listIn(reply)?.items.map((i) => [i.name, i.value, i.note]);

  it('holds names and values', () => {
    const list = listIn('CPU usage: app-02:9100: 94.5 %; db-02:9100: 43.5 %; and 6 more.');
    expect(list).toEqual({ lead: 'CPU usage', tail: 'and 6 more', items: [
      { name: 'app-02:9100', value: '94.5 %', note: '' },
      { name: 'db-02:9100', value: '43.5 %', note: '' }] });
  });
  it('holds what is in brackets after a value', () => {
    expect(items('CPU usage: a:9100: 94.5 % (between 25.9 % and 96.3 %, at first 33.5 %); b: 1 % (x).'))
      .toEqual([['a:9100', '94.5 %', 'between 25.9 % and 96.3 %, at first 33.5 %'],
                ['b', '1 %', 'x']]);
  });
  it('holds comparisons', () => {
    expect(items('CPU usage: a:9100 41.7 % now, 30.1 % 1d ago (+38.7 %); b 2 now, 1 1d ago (+100 %).'))
      .toEqual([['a:9100', '41.7 % now', '30.1 % 1d ago (+38.7 %)'],
                ['b', '2 now', '1 1d ago (+100 %)']]);
  });
  it('holds forecasts', () => {
    const list = listIn('free disk space: db /data in 5 h 0 min (5.00 h), at about 17:00; '
      + 'web /var in 2 d 3 h (51.7 h), at about 15:39; and 9 more, if it goes on like now.')!;
    expect(list.items.map((i) => [i.name, i.value, i.note])).toEqual(
      [['db /data', 'in 5 h 0 min', 'at about 17:00'], ['web /var', 'in 2 d 3 h', 'at about 15:39']]);
    expect(list.tail).toBe('and 9 more, if it goes on like now');
  });
  it('is not there in a sentence', () => {
    expect(listIn('CPU usage of vm: 6.08 %.')).toBeUndefined();
    expect(listIn('firing alerts: 6 found. A; B; and 1 more.')).toBeUndefined();
    expect(listIn('')).toBeUndefined();
  });
});

describe('the course of a finding', () => {
  const matrix = (...instances: string[]) => ({
    promql: instances.join(), mode: 'range' as const, start: 0, end: 60,
    result: { resultType: 'matrix' as const,
              result: instances.map((instance) => ({ metric: { instance },
                                                     values: [[0, '1']] as [number, string][] })) },
  });
  const row = (where: string[]) => ({ ...findingOf({ name: 'x', value: '1', note: '' }), where });
  it('is that of its place, or the one whose labels it has', () => {
    const evidence = [matrix('a'), matrix('b', 'c'), matrix('a')];
    expect(courseOf(row([]), 2, evidence)).toBe(evidence[2].result.result[0]);
    expect(courseOf(row(['instance=c']), 0, evidence)).toBe(evidence[1].result.result[1]);
    expect(courseOf(row(['instance=d']), 0, evidence)).toBeUndefined();
    expect(courseOf(row([]), 1, [matrix('b', 'c')])).toBeUndefined();
  });
});

describe('findings', () => {
  const list = listIn('Unusual (2 of 9 series): HTTP 5xx errors of service=api: 14.5/s, higher than '
    + 'usual (0.88/s), since 11:04; replication lag of env=the prod instance=db:9187: 46.4 s, '
    + 'lower than usual (430 ms); CPU usage of instance=x: 90 %, others 20 %.')!;

  it('of a state tell once since when', () => {
    const row = findingOf({ name: 'target state of instance=a', value: 'it is down',
                            note: 'scrapes do not reach it, since 11:20' });
    expect(row.since).toBe('');
    expect(row.note).toBe('scrapes do not reach it, since 11:20');
  });
  it('are taken apart', () => {
    expect(list.lead).toBe('Unusual (2 of 9 series)');
    expect(list.items.map(findingOf)).toEqual([
      { what: 'HTTP 5xx errors', where: ['service=api'], value: '14.5/s', usual: '0.88/s',
        since: '11:04', higher: true, note: '' },
      { what: 'replication lag', where: ['env=the prod', 'instance=db:9187'], value: '46.4 s',
        usual: '430 ms', since: '', higher: false, note: '' },
      { what: 'CPU usage', where: ['instance=x'], value: '90 %', usual: '', since: '',
        higher: undefined, note: 'others 20 %' }]);
  });
  it('lead to a question', () => {
    expect(list.items.map((item) => questionAbout(findingOf(item)))).toEqual([
      'How did HTTP 5xx errors of api develop in the last 6 hours?',
      'How did replication lag of db:9187 develop in the last 6 hours?',
      'How did CPU usage of x develop in the last 6 hours?']);
  });
});

describe('names', () => {
  it('are as short as they can be', () => {
    expect(briefNames([{ alertname: 'A', severity: 'x' }, { alertname: 'B', severity: 'y' }]))
      .toEqual(['A', 'B']);
    expect(briefNames([{ __name__: 'm', instance: 'a', device: '1', env: 'p' },
                       { __name__: 'm', instance: 'a', device: '2', env: 'p' }]))
      .toEqual(['a 1', 'a 2']);
  });
  it('are never empty', () => {
    expect(briefNames([{}])).toEqual(['{}']);
    expect(briefNames([{ __name__: 'up' }, { a: '1' }])).toEqual(['up', '1']);
  });
  it('of a list are found', () => {
    expect(namesIn('150 metrics: a, b, c and 147 more.'))
      .toEqual({ lead: '150 metrics', names: ['a', 'b', 'c'], tail: 'and 147 more' });
    expect(namesIn('There are none.')).toBeUndefined();
  });
});

describe('rows', () => {
  const evidence = (result: unknown) =>
    ({ promql: 'x', mode: 'instant' as const, start: 0, end: 0, result: result as never });

  it('are ordered by value, those without one last', () => {
    const result = [['a', '1'], ['b', 'NaN'], ['c', '3']].map(
      ([instance, value]) => ({ metric: { instance }, value: [0, value] }));
    expect(rowsOf(evidence({ resultType: 'vector', result })).map((r) => r.name))
      .toEqual(['c', 'a', 'b']);
  });
  it('have the newest value of a range, and a scalar', () => {
    const result = [{ metric: {}, values: [[0, '1'], [1, '2']] }];
    expect(rowsOf(evidence({ resultType: 'matrix', result }))[0].value).toBe(2);
    expect(rowsOf(evidence({ resultType: 'scalar', result: [0, '7'] }))[0].value).toBe(7);
    expect(rowsOf(undefined)).toEqual([]);
  });
});

describe('a conversation that is taken up again', () => {
  const told = { turn: 24, time: 7200, question: 'cpu', answer: 'CPU usage of vm: 6.08 %.',
                 intent: 'query', promql: '100 * rate(cpu[5m])' };
  it('draws its query up to the time of the answer', () => {
    const answer = answerOf(told, 's');
    expect(answer.charts).toEqual(
      [{ promql: told.promql, start: 3600, end: 7200, unit: 'percent' }]);
    expect(answer.reply).toBe(told.answer);
    expect(answer.turn).toBe(24);
  });
  it('draws no condition of an alert', () => {
    expect(answerOf({ ...told, intent: 'alert' }, 's').charts).toEqual([]);
  });
  it('finds the unit in the words', () => {
    expect(unitIn('error ratio: 4.93 %.', 'a / b')).toBe('ratio');
    expect(unitIn('traffic: eth0: 55.7 MiB/s.', '')).toBe('bytes_per_second');
    expect(unitIn('memory: 22.8 GiB.', '')).toBe('bytes');
    expect(unitIn('rate: 333/s.', '')).toBe('per_second');
    expect(unitIn('latency: 367 ms.', '')).toBe('seconds');
    expect(unitIn('target state: 34.', '')).toBe('none');
  });
});

describe('proposals', () => {
  const alert: AlertProposal = { kind: 'alert', alert: 'High', expr: 'a{b="c"} > 1', for_s: 5400,
    severity: 'warning', labels: { severity: 'warning' }, annotations: { summary: 'of "{{ $x }}"' } };
  it('have a rule file', () => {
    expect(ruleYaml(alert)).toBe(`groups:
  - name: proposed
    rules:
      - alert: High
        expr: |-
          a{b="c"} > 1
        for: 1h30m
        labels:
          severity: "warning"
        annotations:
          summary: "of \\"{{ $x }}\\""
`);
  });
  it('have a command that no word of a question can break', () => {
    const silence = { kind: 'silence' as const, matchers: { instance: 'db.*', job: 'a|b' },
      regex: ['instance'],
      duration_s: 7200, starts_at: '', ends_at: '' };
    expect(matchersOf(silence)).toEqual(['instance=~"db.*"', 'job="a|b"']);
    expect(silenceCommand(silence, "it's $(x)")).toBe(
      `amtool silence add 'instance=~"db.*"' 'job="a|b"' --duration=2h --comment='it'\\''s $(x)'`);
    const later = { ...silence, start: 1768550400, starts_at: '2026-01-16T08:00:00Z',
      ends_at: '2026-01-16T10:00:00Z' };
    expect(silenceCommand(later, 'q')).toContain(
      ` --start='2026-01-16T08:00:00Z' --end='2026-01-16T10:00:00Z' --comment=`);
  });
  it('are tested on the past', () => {
    const values = (times: number[]) => times.map((t) => [t, '1'] as [number, string]);
    const series = [{ metric: { __name__: 'm', a: '1' },
                      values: values([0, 60, 120, 600, 900, 960, 1020, 1080]) }];
    expect(episodesIn(series, 60, 120, 1080)).toEqual([
      { labels: { a: '1' }, start: 1020, end: 1080, open: true },
      { labels: { a: '1' }, start: 120, end: 120, open: false }]);
    expect(episodesIn(series, 60, 200, 1080)).toEqual([]);
  });
  it('say how long', () => {
    expect([0, 59, 300, 93600].map(durationText)).toEqual(['0s', '59s', '5m', '1d2h']);
  });
});

it('a refusal leaves out what its buttons say', () => {
  expect(refusalWords('I find nothing. The nearest there is: a, b.')).toBe('I find nothing.');
  expect(refusalWords('No.')).toBe('No.');
});

it('confidence has words', () => {
  expect([0.95, 0.75, 0.3].map(sureness)).toEqual(['sure', 'fairly sure', 'a guess']);
});
