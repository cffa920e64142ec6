// What is in an answer of the assistant, taken apart for showing. Pure functions.

import type { AgentAnswer, AlertProposal, Episode, Evidence, SilenceProposal, Told }
  from './agent';
import type { Labels, Series } from './api';
import { seriesName, type Unit } from './format';

/** One line of "lead: name: value (note); name: value; and 3 more." */
export interface ReplyItem {
  name: string;
  value: string;
  note: string;
}

export interface ReplyList {
  lead: string;
  items: ReplyItem[];
  tail: string;  // "and 3 more", or what else the sentence ends with
}

const itemShapes = [
  // HTTP 5xx errors of service=api: 14.5/s, higher than usual (0.88/s), since 11:04
  /^(?<name>.+?): (?<value>[^,;(]+?), (?<note>.+)$/,
  // app-02:9100: 94.5 % (between 25.9 % and 96.3 %)
  /^(?<name>.+): (?<value>[^:;()]+?)(?: \((?<note>.*)\))?$/,
  // app-02:9100 94.5 % now, 35.7 % 1d ago (+165 %)
  /^(?<name>\S.*?) (?<value>-?[\d.]+ ?\S* now), (?<note>.+)$/,
  // db-01:9100 /data in 5 h 0 min (5.00 h), at about 17:00
  /^(?<name>\S.*?) (?<value>in [^,(]+?)(?: \([^)]*\))?, (?<note>.+)$/,
];

/** The list that a reply holds; nothing where it is a plain sentence. */
export function listIn(reply: string): ReplyList | undefined {
  const parts = reply.replace(/\.$/, '').split('; ');
  if (parts.length < 2) return undefined;
  const first = /^(.+?(?: \([^)]*\))?): (.+)$/.exec(parts[0]);
  if (!first) return undefined;
  const lead = first[1];
  const told = [first[2], ...parts.slice(1)];
  const more = told.findIndex((part) => /^and \d+ more/.test(part));
  const tail = more < 0 ? '' : told.splice(more).join('; ');
  const items: ReplyItem[] = [];
  for (const part of told) {
    const shape = itemShapes.map((pattern) => pattern.exec(part)).find(Boolean);
    if (!shape) return undefined;
    const { name, value, note } = shape.groups!;
    items.push({ name, value, note: note ?? '' });
  }
  return { lead, items, tail };
}

export interface FindingRow {
  what: string;     // HTTP 5xx errors
  where: string[];  // service=api
  value: string;
  usual: string;
  since: string;
  higher?: boolean;
  note: string;     // where none of these was to be told
}

/** A line of a list of what is unusual. */
export function findingOf({ name, value, note }: ReplyItem): FindingRow {
  const place = /^(.*?) of (\S+=.*)$/.exec(name);
  const usual = /(higher|lower) than usual \(([^)]*)\)/.exec(note);
  const since = /since ([^,]+)/.exec(note);
  return {
    what: place ? place[1] : name,
    // A value may hold spaces; a label begins where a name and "=" stand.
    where: place ? place[2].split(/ (?=[A-Za-z_]\w*=)/) : [],
    value,
    usual: usual ? usual[2] : '',
    since: since && usual ? since[1] : '',  // else the note tells it
    higher: usual ? usual[1] === 'higher' : undefined,
    note: usual ? '' : note,
  };
}

/** The course of a finding, the one of this place in the reply, among what the answer rests on. */
export function courseOf({ where }: FindingRow, place: number,
                         evidence: Evidence[]): Series | undefined {
  const isIt = ({ metric }: Series) => where.every((label) => {
    const at = label.indexOf('=');
    return metric[label.slice(0, at)] === label.slice(at + 1);
  });
  for (const one of [evidence[place], ...evidence]) {
    const series = one?.result?.resultType === 'matrix' ? one.result.result as Series[] : [];
    const found = series.filter(isIt);
    if (found.length === 1) return found[0];
  }
  return undefined;
}

/** What to ask about a finding to see how it came. */
export function questionAbout({ what, where }: FindingRow): string {
  const best = where.find((label) => /^(service|instance|pod|consumergroup)=/.test(label))
    ?? where[0];
  const of = best ? ` of ${best.slice(best.indexOf('=') + 1)}` : '';
  return `How did ${what}${of} develop in the last 6 hours?`;
}

/** Labels by which people know a thing, the best first. */
const telling = ['alertname', 'service', 'instance', 'pod', 'consumergroup', 'job', 'mountpoint',
                 'device'];

/** The fewest labels that tell the series apart. */
export function briefNames(all: Labels[]): string[] {
  const keys = [...new Set(all.flatMap((labels) => Object.keys(labels)))]
    .filter((key) => key !== '__name__')
    .sort((a, b) => (telling.indexOf(a) + 1 || 99) - (telling.indexOf(b) + 1 || 99));
  const named = (by: string[]) =>
    all.map((labels) => by.map((key) => labels[key]).filter(Boolean).join(' '));
  const distinct = (by: string[]) => new Set(named(by)).size;
  const chosen: string[] = [];
  for (const key of keys) {
    if (distinct(chosen) === all.length && named(chosen).every(Boolean)) break;
    if (chosen.length === 0 || distinct([...chosen, key]) > distinct(chosen)) chosen.push(key);
  }
  return named(chosen).map((name, i) => name || seriesName(all[i]));
}

/** "150 metrics: up, node_load1 and 125 more." as what it lists. */
export function namesIn(reply: string): { lead: string; names: string[]; tail: string } | undefined {
  const found = /^([^:]+): (.+?)(?: (and \d+ more))?\.$/.exec(reply);
  if (!found) return undefined;
  const names = found[2].split(', ');
  return names.length > 2 ? { lead: found[1], names, tail: found[3] ?? '' } : undefined;
}

/** A refusal without the sentence that what is shown below it tells. */
export function refusalWords(reply: string): string {
  return reply.replace(/ ?The nearest there is: .*$/s, '') || reply;
}

export interface Row {
  name: string;
  labels: Labels;
  value: number;
}

/** The newest value of each series of a query's result, the greatest first. */
export function rowsOf(evidence?: Evidence): Row[] {
  const result = evidence?.result;
  if (!result) return [];
  if (result.resultType === 'scalar') {
    return [{ name: '', labels: {}, value: Number((result.result as [number, string])[1]) }];
  }
  if (result.resultType === 'string') return [];
  const series = (result.result as Series[]).filter((s) => s.value || s.values?.length);
  const names = briefNames(series.map((s) => s.metric));
  return series
    .map((s, i) => ({ name: names[i], labels: s.metric,
                      value: Number((s.value ?? s.values!.at(-1)!)[1]) }))
    .sort((a, b) => (Number.isNaN(a.value) ? 1 : Number.isNaN(b.value) ? -1 : b.value - a.value));
}

/** The unit of a value in words, where nothing else tells it. */
export function unitIn(text: string, promql: string): Unit {
  const number = /(?:^|[\s(])-?\d[\d.,]*(?:e[+-]?\d+)? ?((?:[KMGTP]i)?B\/s|(?:[KMGTP]i)?B\b|[kMG]?\/s|%|°C|ms\b|s\b|min\b|h\b|d\b)/
    .exec(text)?.[1];
  if (!number) return 'none';
  if (number === '%') return /\b100\b/.test(promql) ? 'percent' : 'ratio';
  if (number === '°C') return 'celsius';
  if (number.endsWith('B/s')) return 'bytes_per_second';
  if (number.endsWith('/s')) return 'per_second';
  return number.endsWith('B') ? 'bytes' : 'seconds';
}

/** An answer as far as a conversation that is taken up again still tells it. */
export function answerOf(told: Told, session: string): AgentAnswer {
  const { turn, time, promql, intent } = told;
  // Of a proposed alert the query is its condition, which is no answer to draw.
  const drawn = promql && !['alert', 'silence', 'explain'].includes(intent);
  const unit = unitIn(told.answer, promql);
  return {
    session_id: session, turn, reply: told.answer, intent, promql, unit, explanation: '', confidence: 0,
    evidence: drawn ? [{ promql, mode: 'instant', start: time, end: time }] : [],
    charts: drawn ? [{ promql, start: time - 3600, end: time, unit }] : [],
    actions_proposed: [], alternatives: [], suggestions: [],
  };
}

export function durationText(seconds: number): string {
  const units: [number, string][] = [[86400, 'd'], [3600, 'h'], [60, 'm'], [1, 's']];
  let rest = Math.round(seconds);
  let text = '';
  for (const [size, name] of units) {
    if (rest >= size) text += `${Math.floor(rest / size)}${name}`;
    rest %= size;
  }
  return text || '0s';
}

/** The rule as a file for `rule_files` has it. */
export function ruleYaml(alert: AlertProposal): string {
  const map = (name: string, values: Labels) => {
    const lines = Object.entries(values ?? {});
    return lines.length === 0 ? '' : `        ${name}:\n${lines
      .map(([key, value]) => `          ${key}: ${JSON.stringify(value)}\n`).join('')}`;
  };
  const expr = alert.expr.split('\n').map((line) => `          ${line}\n`).join('');
  return 'groups:\n  - name: proposed\n    rules:\n'
    + `      - alert: ${alert.alert}\n        expr: |-\n${expr}`
    + `        for: ${durationText(alert.for_s)}\n`
    + map('labels', alert.labels) + map('annotations', alert.annotations);
}

/** Matchers as they are written. */
export function matchersOf(silence: SilenceProposal): string[] {
  return Object.entries(silence.matchers).map(
    ([name, value]) => `${name}${silence.regex?.includes(name) ? '=~' : '='}${JSON.stringify(value)}`);
}

/** The command that makes the silence in an Alertmanager. */
export function silenceCommand(silence: SilenceProposal, question: string): string {
  const quoted = (text: string) => `'${text.replace(/'/g, `'\\''`)}'`;
  const when = silence.start === undefined
    ? `--duration=${durationText(silence.duration_s)}`
    : `--start=${quoted(silence.starts_at)} --end=${quoted(silence.ends_at)}`;
  return `amtool silence add ${matchersOf(silence).map(quoted).join(' ')} `
    + `${when} --comment=${quoted(question)}`;
}

/** When the alert would have fired: its condition held at every step for `hold` seconds. */
export function episodesIn(series: Series[], step: number, hold: number, end: number): Episode[] {
  const found: Episode[] = [];
  for (const { metric, values = [] } of series) {
    const { __name__: _, ...labels } = metric;
    for (let i = 0; i < values.length;) {
      let last = i;
      while (last + 1 < values.length && values[last + 1][0] - values[last][0] < 1.5 * step) {
        last += 1;
      }
      const fires = values[i][0] + hold;
      if (fires <= values[last][0]) {
        found.push({ labels, start: fires, end: values[last][0],
                     open: end - values[last][0] < 1.5 * step });
      }
      i = last + 1;
    }
  }
  return found.sort((a, b) => b.start - a.start);
}

/** What an answer has to say of how sure it is. */
export function sureness(confidence: number): string {
  if (confidence >= 0.9) return 'sure';
  return confidence >= 0.7 ? 'fairly sure' : 'a guess';
}

/** Time of day; with the date where that is not the day of `now`. */
export function clock(seconds: number, now: number): string {
  const date = new Date(seconds * 1000);
  const time = date.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  const today = date.toDateString() === new Date(now * 1000).toDateString();
  return today ? time
    : `${date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })} ${time}`;
}
