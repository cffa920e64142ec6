// A time series chart on uPlot that follows the page's width and colours.

import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Series } from './api';
import { format, shortNames, type Unit } from './format';

const palette = ['#e8552d', '#2f7ed8', '#1fa37a', '#b45fd0', '#d99a1c', '#d6457f', '#4a9fb5', '#7d8a3c'];

/** Eight colours, then the same ones darker and lighter. */
export function seriesColour(index: number): string {
  const base = palette[index % palette.length];
  const round = Math.floor(index / palette.length) % 3;
  return round === 0 ? base : `color-mix(in oklab, ${base} 60%, ${round === 1 ? '#000' : '#fff'})`;
}

export interface ChartProps {
  series: Series[];
  start: number;
  end: number;
  unit?: Unit;
  height?: number;
}

const byteSteps = Array.from({ length: 51 }, (_, i) => 2 ** i);

/** Time of day, 24 hours; days where ticks are days apart. */
export function timeTicks(ticks: number[], step: number): string[] {
  const two = (n: number) => String(n).padStart(2, '0');
  return ticks.map((t) => {
    const d = new Date(t * 1000);
    const midnight = d.getHours() === 0 && d.getMinutes() === 0 && d.getSeconds() === 0;
    if (step >= 86400 || midnight) return d.toLocaleDateString('en', { month: 'short', day: 'numeric' });
    const minutes = `${two(d.getHours())}:${two(d.getMinutes())}`;
    return step < 60 ? `${minutes}:${two(d.getSeconds())}` : minutes;
  });
}

/** Where a chart begins: `start`, or with the data where that is younger. */
export function fromData(series: Series[], start: number, end: number): number {
  const first = Math.min(...series.map((s) => s.values?.[0]?.[0] ?? end));
  return Math.max(start, Math.min(first, end - 60));
}

function lastOf(column: ArrayLike<number | null | undefined>): number | null {
  for (let i = column.length - 1; i >= 0; i -= 1) if (column[i] != null) return column[i]!;
  return null;
}

/** One column of times and one of values for each series, gaps as null. */
export function align(series: Series[]): uPlot.AlignedData {
  const times = [...new Set(series.flatMap((s) => (s.values ?? []).map(([t]) => t)))].sort(
    (a, b) => a - b);
  const index = new Map(times.map((t, i) => [t, i]));
  const columns = series.map((s) => {
    const column: (number | null)[] = new Array(times.length).fill(null);
    for (const [t, v] of s.values ?? []) {
      const value = Number(v);
      column[index.get(t)!] = Number.isFinite(value) ? value : null;
    }
    return column;
  });
  return [times, ...columns] as uPlot.AlignedData;
}

/** The samples with no neighbour on either side. */
export function lonelyPoints(plot: uPlot, seriesIndex: number): number[] {
  const column = plot.data[seriesIndex];
  return [...column.keys()].filter(
    (i) => column[i] != null && column[i - 1] == null && column[i + 1] == null);
}

/** A colour as the canvas takes it. */
function resolved(element: HTMLElement, value: string): string {
  element.style.color = value;
  const computed = getComputedStyle(element).color;
  element.style.color = '';
  return computed;
}

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export function Chart({ series, start, end, unit = 'none', height = 180 }: ChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const shown = shortNames(series.map((s) => s.metric));
  const key = shown.join('\n') + unit + height;

  useEffect(() => {
    const element = host.current!;
    const build = () => {
      plot.current?.destroy();
      const grid = { stroke: colour('--line'), width: 1 };
      const axis = { stroke: colour('--muted'), grid, ticks: { show: false }, font: '11px system-ui' };
      const lines: uPlot.Series[] = shown.map((label, i) => ({
        label: label === '{}' ? 'value' : label,
        stroke: resolved(element, seriesColour(i)),
        width: 1.6,
        fill: shown.length === 1 ? `${palette[0]}22` : undefined,
        // A line needs two samples; the first of a series shows as a dot.
        points: { show: true, filter: lonelyPoints },
        value: (self, v, at, hovered) => {
          const shownValue = hovered == null ? lastOf(self.data[at]) : v;
          return shownValue == null ? '–' : format(shownValue, unit);
        },
      }));
      plot.current = new uPlot(
        {
          width: element.clientWidth,
          height,
          series: [{}, ...lines],
          axes: [
            { ...axis, size: 32, values: (_, ticks, _axis, _space, step) => timeTicks(ticks, step) },
            { ...axis, size: 62, incrs: unit.startsWith('bytes') ? byteSteps : undefined,
              values: (_, ticks) => ticks.map((v) => format(v, unit)) },
          ],
          scales: { x: { range: () => [start, end] as uPlot.Range.MinMax },
                    y: { range: (_, low, high) => limits(low, high, unit) } },
          legend: { show: shown.length <= 12, live: true },
          cursor: { points: { size: 6 }, drag: { x: false, y: false } },
        },
        align(series), element);
    };
    build();
    const resized = new ResizeObserver(() =>
      plot.current?.setSize({ width: element.clientWidth, height }));
    resized.observe(element);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', build);
    return () => {
      resized.disconnect();
      scheme.removeEventListener('change', build);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [key]);

  useEffect(() => {
    const current = plot.current;
    if (!current) return;
    current.scales.x.range = () => [start, end] as uPlot.Range.MinMax;
    current.setData(align(series));
  }, [series, start, end]);

  return <div class="chart" data-testid="chart" data-series={series.length} ref={host} />;
}

/** From zero, with some air above; a percentage that comes near 100 shows all of it. */
function limits(low: number | null, high: number | null, unit: Unit): uPlot.Range.MinMax {
  if (low == null || high == null) return [0, 1];
  const bottom = Math.min(0, low);
  if (unit === 'percent' && high > 40) return [bottom, Math.max(100, high)];
  return [bottom, high <= bottom ? bottom + 1 : high + (high - bottom) * 0.1];
}
