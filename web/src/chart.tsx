// A time series chart on uPlot that follows the page's width and colours.

import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Series } from './api';
import { format, shortNames, type Unit } from './format';

const palette = ['#e8552d', '#2f7ed8', '#1fa37a', '#b45fd0', '#d99a1c', '#d6457f', '#4a9fb5', '#7d8a3c'];

export interface ChartProps {
  series: Series[];
  start: number;
  end: number;
  unit?: Unit;
  height?: number;
  stacked?: boolean;
  names?: string[];
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

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export function Chart({ series, start, end, unit = 'none', height = 180, names }: ChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const shown = names ?? shortNames(series.map((s) => s.metric));
  const key = shown.join('\n') + unit + height;

  useEffect(() => {
    const element = host.current!;
    const build = () => {
      plot.current?.destroy();
      const grid = { stroke: colour('--line'), width: 1 };
      const axis = { stroke: colour('--muted'), grid, ticks: { show: false }, font: '11px system-ui' };
      const lines: uPlot.Series[] = shown.map((label, i) => ({
        label,
        stroke: palette[i % palette.length],
        width: 1.6,
        fill: shown.length === 1 ? `${palette[0]}22` : undefined,
        // A line needs two samples; the first of a series shows as a dot.
        points: { show: true, filter: lonelyPoints },
        value: (_, v) => (v == null ? '–' : format(v, unit)),
      }));
      plot.current = new uPlot(
        {
          width: element.clientWidth,
          height,
          series: [{ value: (_, v) => (v == null ? '' : new Date(v * 1000).toLocaleTimeString()) },
                   ...lines],
          axes: [axis, { ...axis, size: 62, values: (_, ticks) => ticks.map((v) => format(v, unit)) }],
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
