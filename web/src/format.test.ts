import { describe, expect, it } from 'vitest';
import { ago, format, seriesName, shortNames } from './format';

describe('format', () => {
  it('gives at most three digits and a unit', () => {
    expect(format(12.345, 'percent')).toBe('12.3 %');
    expect(format(0, 'percent')).toBe('0 %');
    expect(format(1536, 'bytes')).toBe('1.50 KiB');
    expect(format(3 * 1024 ** 3, 'bytes_per_second')).toBe('3 GiB/s');
    expect(format(0.0042, 'seconds')).toBe('4.20 ms');
    expect(format(90061, 'seconds')).toBe('1 d 1 h');
    expect(format(12500)).toBe('12.5 k');
    expect(format(NaN)).toBe('NaN');
  });
});

describe('names of series', () => {
  it('are written like PromQL', () => {
    expect(seriesName({ __name__: 'up', job: 'a' })).toBe('up{job="a"}');
    expect(seriesName({ __name__: 'up' })).toBe('up');
    expect(seriesName({})).toBe('{}');
  });
  it('keep only what tells series apart', () => {
    expect(shortNames([{ job: 'a', cpu: '0' }, { job: 'a', cpu: '1' }])).toEqual(['0', '1']);
    expect(shortNames([{ job: 'a' }])).toEqual(['{job="a"}']);
  });
});

describe('ago', () => {
  it('counts from the given now', () => {
    const now = Date.parse('2026-01-01T00:01:30Z');
    expect(ago('2026-01-01T00:01:00Z', now)).toBe('30 s ago');
    expect(ago('nonsense', now)).toBe('never');
  });
});
