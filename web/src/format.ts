// Numbers and names as people read them.

import type { Labels } from './api';

export type Unit =
  | 'percent' | 'ratio' | 'bytes' | 'bytes_per_second' | 'seconds' | 'per_second' | 'count' | 'none'
  | 'flag' | 'up' | 'celsius' | 'timestamp';

function digits(value: number): string {
  const magnitude = Math.abs(value);
  if (!Number.isFinite(value)) return String(value);
  if (magnitude !== 0 && magnitude < 0.01) return value.toPrecision(2);
  if (magnitude >= 100 || Number.isInteger(value)) return value.toFixed(0);
  return value.toFixed(magnitude >= 10 ? 1 : 2);
}

function scaled(value: number, base: number, units: string[]): string {
  let unit = 0;
  // What would be shown as a full unit of the smaller kind is one of the next.
  while (Number(Math.abs(value).toFixed(0)) >= base && unit + 1 < units.length) {
    value /= base;
    unit += 1;
  }
  return `${digits(value)}${units[unit] ? ` ${units[unit]}` : ''}`;
}

function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return String(seconds);
  if (seconds < 0) return `-${duration(-seconds)}`;
  if (Number((seconds * 1000).toFixed(0)) < 1000) return `${digits(seconds * 1000)} ms`;
  if (seconds < 60) return `${digits(seconds)} s`;
  const days = Math.floor(seconds / 86400);
  const hours = Math.floor(seconds / 3600) % 24;
  const minutes = Math.floor(seconds / 60) % 60;
  if (days > 0) return `${days} d ${hours} h`;
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min`;
}

export function format(value: number, unit: Unit = 'none'): string {
  switch (unit) {
    case 'percent': return `${digits(value)} %`;
    case 'ratio': return `${digits(value * 100)} %`;
    case 'bytes': return scaled(value, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']);
    case 'bytes_per_second':
      return `${scaled(value, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB'])}/s`;
    case 'seconds': return duration(value);
    case 'celsius': return `${digits(value)} °C`;
    case 'timestamp': return new Date(value * 1000).toLocaleString('en-GB');
    case 'per_second': return `${scaled(value, 1000, ['', 'k', 'M', 'G'])}/s`;
    default: return scaled(value, 1000, ['', 'k', 'M', 'G', 'T']);
  }
}

export function seriesName(labels: Labels): string {
  const name = labels.__name__ ?? '';
  const rest = Object.entries(labels).filter(([key]) => key !== '__name__');
  if (rest.length === 0) return name || '{}';
  return `${name}{${rest.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(', ')}}`;
}

/** The labels that differ between series, which is what tells them apart. */
export function shortNames(all: Labels[]): string[] {
  const keys = new Set(all.flatMap((labels) => Object.keys(labels)));
  const telling = [...keys].filter((key) => new Set(all.map((l) => l[key] ?? '')).size > 1);
  const named = (by: string[]) => all.map((labels) => by.map((key) => labels[key] ?? '–').join(' '));
  // The metric's name only where the other labels do not tell the series apart.
  const short = named(telling.filter((key) => key !== '__name__'));
  if (new Set(short).size === all.length && short[0]) return short;
  return telling.length === 0 ? all.map(seriesName) : named(telling);
}

export function ago(time: string, now: number): string {
  if (time.startsWith('0001-')) return 'never'; // Go's zero time
  const seconds = Math.max(0, (now - Date.parse(time)) / 1000);
  return Number.isFinite(seconds) ? `${seconds < 60 ? seconds.toFixed(0) + ' s' : duration(seconds)} ago`
                                  : 'never';
}
