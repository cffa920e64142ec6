// The charts of an answer: its queries over time.

import { useEffect, useState } from 'preact/hooks';
import type { ChartSpec } from './agent';
import { range, type Series } from './api';
import { Chart, fromData } from './chart';
import { Code } from './promql';
import { Timeline } from './timeline';

const maxDrawn = 12;
const points = 240;
const spans: [string, number][] = [['1 h', 3600], ['6 h', 21600], ['24 h', 86400], ['7 d', 604800]];

function useRange(promql: string, start: number, end: number, step: number) {
  const [found, setFound] = useState<{ series?: Series[]; error?: string }>({});
  useEffect(() => {
    const abort = new AbortController();
    range(promql, start, end, step, abort.signal)
      .then(({ data }) => setFound({ series: data.result as Series[] }))
      .catch((problem) => { if (!abort.signal.aborted) setFound({ error: problem.message }); });
    return () => abort.abort();
  }, [promql, start, end, step]);
  return found;
}

/** Where few can be drawn: those with the greatest newest values. */
export function greatest(series: Series[], count: number): Series[] {
  if (series.length <= count) return series;
  const newest = (s: Series) => Number(s.values?.at(-1)?.[1] ?? Number.NEGATIVE_INFINITY);
  return [...series].sort((a, b) => newest(b) - newest(a)).slice(0, count);
}

/** Yes or no is not a curve. */
export function isState(unit: string): boolean {
  return unit === 'flag' || unit === 'up';
}

function OneChart({ spec, small }: { spec: ChartSpec; small: boolean }) {
  const { promql, start, end, unit } = spec;
  const step = Math.max(1, Math.round((end - start) / points));
  const { series, error } = useRange(promql, start, end, step);
  const height = small ? 130 : 210;
  if (error) return <p class="muted small">No chart: {error}</p>;
  if (!series) return <div class="chart-wait" style={{ height: `${height}px` }} />;
  if (series.length === 0) return <p class="muted small">Nothing to draw in this time.</p>;
  if (isState(unit)) {
    return (
      <Timeline series={series} start={start} end={end} step={step} alarm={/\bALERTS\b/.test(promql)} />
    );
  }
  return (
    <>
      <Chart series={greatest(series, maxDrawn)} start={fromData(series, start, end)} end={end}
             unit={unit} height={height} />
      {series.length > maxDrawn
        && <p class="muted small">The greatest {maxDrawn} of {series.length} are drawn.</p>}
    </>
  );
}

/** Of what is compared: its part in that. */
function caption(promql: string, compared: boolean) {
  if (!compared) return <code class="one-line"><Code promql={promql} /></code>;
  if (/\) - \(.* offset /.test(promql)) return 'Difference';
  return / offset /.test(promql) ? 'Before' : 'Now';
}

export function Drawings({ charts, compared }: { charts: ChartSpec[]; compared: boolean }) {
  const [span, setSpan] = useState<number>();
  if (charts.length === 0) return null;
  const several = charts.length > 1;
  const shown = charts.map((c) => (span ? { ...c, start: c.end - span } : c));
  const width = Math.round(shown[0].end - shown[0].start);
  return (
    <div class="drawings">
      <div class="segments" role="group" aria-label="Time drawn">
        {spans.map(([name, seconds]) => (
          <button type="button" key={name} class={seconds === width ? 'on' : ''}
                  aria-pressed={seconds === width} onClick={() => setSpan(seconds)}>{name}</button>
        ))}
      </div>
      <div class={several ? 'multiples' : ''}>
        {shown.map((spec) => (
          <figure key={spec.promql}>
            {several && <figcaption>{caption(spec.promql, compared)}</figcaption>}
            <OneChart spec={spec} small={several} />
          </figure>
        ))}
      </div>
    </div>
  );
}

/** A line without axes: how a value came to where it is. */
export function Sparkline({ values, label }: { values: [number, string][]; label: string }) {
  const width = 120;
  const height = 28;
  const points = values.map(([t, v]) => [t, Number(v)]).filter(([, v]) => Number.isFinite(v));
  if (points.length < 2) return null;
  const low = Math.min(...points.map(([, v]) => v));
  const high = Math.max(...points.map(([, v]) => v));
  const [from] = points[0];
  const [until] = points[points.length - 1];
  const x = (t: number) => width * (t - from) / (until - from);
  const y = (v: number) => height - 2 - (height - 4) * (high > low ? (v - low) / (high - low) : 0.5);
  return (
    <svg class="sparkline" data-testid="sparkline" viewBox={`0 0 ${width} ${height}`} role="img"
         aria-label={label}>
      <polyline points={points.map(([t, v]) => `${x(t).toFixed(1)},${y(v).toFixed(1)}`).join(' ')} />
    </svg>
  );
}
