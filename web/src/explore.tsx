// Ad-hoc PromQL: a query, its table and its chart.

import { useEffect, useState } from 'preact/hooks';
import { diagnose, instant, range, type Finding, type QueryAnswer, type Series } from './api';
import { Chart, seriesColour } from './chart';
import { Editor } from './editor';
import { seriesName } from './format';

const ranges: [string, number][] = [
  ['5 min', 300], ['15 min', 900], ['1 h', 3600], ['6 h', 21600], ['24 h', 86400], ['7 d', 604800],
];
const maxDrawn = 50;
const maxRows = 500;

interface Shown {
  table: QueryAnswer;
  chart?: QueryAnswer;
  findings: Finding[]; // why there is nothing
  start: number;
  end: number;
}

async function evaluate(query: string, seconds: number): Promise<Shown> {
  const end = Date.now() / 1000;
  const start = end - seconds;
  const table = await instant(query);
  const drawable = table.data.resultType === 'vector' || table.data.resultType === 'scalar';
  const step = Math.max(1, Math.round(seconds / 240));
  const chart = drawable ? await range(query, start, end, step) : undefined;
  const empty = [table, chart].every((shown) => (shown?.data.result as unknown[] ?? []).length === 0);
  // Without its reasons an empty answer is still an answer.
  const findings = empty ? await diagnose(query).catch(() => []) : [];
  return { table, chart, findings, start, end };
}

/** Why there is nothing to show, and what may have been meant. */
function Reasons({ findings, onFix }: { findings: Finding[]; onFix: (query: string) => void }) {
  return (
    <div class="reasons" data-testid="reasons">
      <h2>Nothing matches</h2>
      {findings.map(({ expression, text, fix }) => (
        <div key={expression + text}>
          <p class="mono muted">{expression}</p>
          <p>{text}</p>
          {fix && <button class="chip mono" onClick={() => onFix(fix)}>{fix}</button>}
        </div>
      ))}
    </div>
  );
}

function valueText(series: Series): string {
  if (series.value) return series.value[1];
  if (series.histogram) return 'histogram';
  return (series.values ?? []).map(([t, v]) => `${v} @${t}`).join('  ');
}

/** `drawn`: names of the series that the chart shows, in its order. */
function Table({ answer, drawn }: { answer: QueryAnswer; drawn: string[] }) {
  const { resultType, result } = answer.data;
  if (resultType === 'scalar' || resultType === 'string') {
    return <p class="scalar mono">{(result as [number, string])[1]}</p>;
  }
  const rows = result as Series[];
  if (rows.length === 0) return <p class="empty">Empty result: nothing matches at this time.</p>;
  const colours = new Map(drawn.map((name, i) => [name, seriesColour(i)]));
  return (
    <div class="table-scroll">
      <table data-testid="table">
        <tbody>
          {rows.slice(0, maxRows).map((series) => {
            const name = seriesName(series.metric);
            return (
              <tr key={name}>
                <td class="mono">
                  {colours.has(name) && <i class="swatch" style={{ background: colours.get(name) }} />}
                  {name}
                </td>
                <td class="mono number">{valueText(series)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {rows.length > maxRows && <p class="muted">{rows.length - maxRows} more series are not shown.</p>}
    </div>
  );
}

/** The expression of a link, Prometheus' own (/graph?g0.expr=) included. */
function askedFor(link: URLSearchParams): string {
  return link.get('q') ?? link.get('g0.expr') ?? '';
}

export function Explore() {
  const asked = askedFor(new URLSearchParams(location.search));
  const [query, setQuery] = useState(asked);
  const [example, setExample] = useState(0); // a chosen example begins a new editor
  const [seconds, setSeconds] = useState(900);
  const [shown, setShown] = useState<Shown>();
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);

  const run = async (text = query, span = seconds) => {
    if (!text.trim()) return;
    history.replaceState(null, '', `/explore?q=${encodeURIComponent(text)}`);
    setBusy(true);
    try {
      setShown(await evaluate(text, span));
      setError('');
    } catch (problem) {
      setError((problem as Error).message);
      setShown(undefined);
    } finally {
      setBusy(false);
    }
  };
  useEffect(() => { if (asked) run(asked); }, []);

  const take = (text: string) => {
    setQuery(text);
    setExample(example + 1);
    run(text);
  };
  const chart = shown?.chart?.data.result as Series[] | undefined;
  const drawn = (chart ?? []).slice(0, maxDrawn).map((series) => seriesName(series.metric));
  const notes = shown ? [...shown.table.warnings, ...shown.table.infos] : [];
  return (
    <main>
      <header class="page-head"><h1>Explore</h1></header>
      <div class="card query-card">
        <Editor key={example} value={query} onChange={setQuery} onRun={() => run()} />
        <div class="row">
          <div class="segments" role="group" aria-label="Range">
            {ranges.map(([name, span]) => (
              <button key={name} class={span === seconds ? 'on' : ''}
                      onClick={() => { setSeconds(span); run(query, span); }}>{name}</button>
            ))}
          </div>
          <button class="primary" data-testid="run" disabled={busy} onClick={() => run()}>
            {busy ? 'Running…' : 'Run'}
          </button>
        </div>
      </div>
      {error && <p class="card error" data-testid="error">{error}</p>}
      {notes.map((note) => <p class="card note" key={note}>{note}</p>)}
      {shown && chart && chart.length > 0 && (
        <section class="card">
          <Chart series={chart.slice(0, maxDrawn)} start={shown.start} end={shown.end} height={300} />
          {chart.length > maxDrawn && <p class="muted">The first {maxDrawn} of {chart.length} series are drawn.</p>}
        </section>
      )}
      {shown && (
        <section class="card">
          {shown.findings.length > 0
            ? <Reasons findings={shown.findings} onFix={take} />
            : <Table answer={shown.table} drawn={drawn} />}
        </section>
      )}
      {!shown && !error && (
        <section class="card hints">
          <h2>Try</h2>
          {['up', 'rate(node_cpu_seconds_total[1m])', 'topk(5, scrape_duration_seconds)',
            'node_filesystem_avail_bytes / node_filesystem_size_bytes'].map((text) => (
            <button class="chip mono" key={text} onClick={() => take(text)}>{text}</button>
          ))}
        </section>
      )}
    </main>
  );
}
