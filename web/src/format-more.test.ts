import { describe, expect, it } from 'vitest';
import { ago, format, seriesName, shortNames } from './format';

describe('format', () => {
  it.each([
    [999, 'none', '999'], [1000, 'none', '1 k'], [-12500, 'none', '-12.5 k'], [2e15, 'none', '2000 T'],
    [0.001, 'none', '0.0010'], [0.5, 'none', '0.50'],
    [0, 'bytes', '0 B'], [1023, 'bytes', '1023 B'], [1024, 'bytes', '1 KiB'],
    [1.5 * 1024 ** 5, 'bytes', '1.50 PiB'], [-2048, 'bytes', '-2 KiB'],
    [2048, 'bytes_per_second', '2 KiB/s'], [0.5, 'per_second', '0.50/s'],
    [12500, 'per_second', '12.5 k/s'], [42, 'count', '42'],
    [0.25, 'seconds', '250 ms'], [59, 'seconds', '59 s'], [60, 'seconds', '1 min'],
    [3600, 'seconds', '1 h 0 min'], [86400, 'seconds', '1 d 0 h'],
  ] as const)('%d as %s is %s', (value, unit, text) => {
    expect(format(value, unit)).toBe(text);
  });
  it('names what is not a number', () => {
    expect(format(Infinity)).toMatch(/Infinity/);
    expect(format(NaN, 'percent')).toBe('NaN %');
  });
  it('nothing took no time', () => { expect(format(0, 'seconds')).toMatch(/^0 m?s$/); });
  it('negative durations read as the positive ones', () => {
    expect(format(-90, 'seconds')).toBe('-1 min');
    expect(format(-7200, 'seconds')).toBe('-2 h 0 min');
  });
  it('durations that are not finite', () => {
    expect(format(NaN, 'seconds')).not.toMatch(/min/);
    expect(format(Infinity, 'seconds')).not.toMatch(/NaN/);
  });
  it('rounding never shows a full unit of the smaller kind', () => {
    expect(format(999.9)).toBe('1.00 k');
    expect(format(0.9999, 'seconds')).toBe('1.00 s');
  });
});

describe('names of series', () => {
  it('escape quotes and backslashes as PromQL does', () => {
    expect(seriesName({ a: 'x"y\\z' })).toBe('{a="x\\"y\\\\z"}');
  });
  it('of nothing are nothing', () => { expect(shortNames([])).toEqual([]); });
  it('mark a label that is missing', () => {
    expect(shortNames([{ a: '1', b: '2' }, { a: '2' }])).toEqual(['1 2', '2 –']);
  });
  it('never say undefined or stay empty', () => {
    expect(shortNames([{ __name__: 'x', a: '1' }, { a: '2' }]).join()).not.toMatch(/undefined/);
    for (const name of shortNames([{ __name__: 'x' }, {}])) expect(name).not.toBe('');
  });
});

describe('ago', () => {
  const now = Date.parse('2026-01-02T00:00:00Z');
  it('grows', () => {
    expect(ago('2026-01-02T00:00:00Z', now)).toBe('0 s ago');
    expect(ago('2026-01-01T23:58:00Z', now)).toBe('2 min ago');
    expect(ago('2026-01-01T00:00:00Z', now)).toBe('1 d 0 h ago');
  });
  it('is not negative when clocks differ', () => {
    expect(ago('2026-01-02T00:00:09Z', now)).toBe('0 s ago');
  });
  it('a target that was never scraped', () => {
    expect(ago('0001-01-01T00:00:00Z', now)).toBe('never');
    expect(ago('', now)).toBe('never');
  });
});
