// When something was so: a track for each series, filled where it has samples.

import type { Series } from './api';
import { timeTicks } from './chart';
import { briefNames } from './reply';

export interface Stretch {
  from: number;
  to: number;
  value: number;
}

/** Runs of samples with one value, no two further apart than a step and a half. */
export function stretches(values: [number, string][], step: number): Stretch[] {
  const found: Stretch[] = [];
  for (const [time, text] of values) {
    const value = Number(text);
    const last = found.at(-1);
    if (last && last.value === value && time - last.to < 1.5 * step) last.to = time;
    else found.push({ from: time, to: time, value });
  }
  return found;
}

export interface TimelineProps {
  series: Series[];
  start: number;
  end: number;
  step: number;
  alarm?: boolean;  // what is there is bad, whatever its value
}

const maxTracks = 12;

export function Timeline({ series, start, end, step, alarm }: TimelineProps) {
  const names = briefNames(series.map((s) => s.metric));
  const place = (t: number) => 100 * (t - start) / (end - start);
  const tickStep = (end - start) / 4;
  const ticks = [0, 1, 2, 3, 4].map((i) => start + i * tickStep);
  const texts = timeTicks(ticks, tickStep);
  return (
    <div class="timeline" data-testid="timeline">
      {series.slice(0, maxTracks).map(({ values = [] }, i) => (
        <div class="track" key={names[i]}>
          <span class="track-name" title={names[i]}>{names[i]}</span>
          <span class="track-bar">
            {stretches(values, step).map(({ from, to, value }) => (
              <i key={from} class={alarm || value === 0 ? 'bad' : 'good'}
                 title={`${timeTicks([from, to], 60).join(' – ')}`}
                 style={{ left: `${place(from)}%`,
                          width: `max(3px, ${place(Math.min(to + step, end)) - place(from)}%)` }} />
            ))}
          </span>
        </div>
      ))}
      {series.length > maxTracks && <p class="muted small">{maxTracks} of {series.length} are shown.</p>}
      <div class="track" aria-hidden="true">
        <span class="track-name" />
        <span class="track-times">{texts.map((text, i) => <span key={i}>{text}</span>)}</span>
      </div>
    </div>
  );
}
