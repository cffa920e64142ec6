// What the assistant proposes and never does by itself: alerts and silences.

import { useEffect, useMemo, useState } from 'preact/hooks';
import type { AlertProposal, SilenceProposal } from './agent';
import { range, type Series } from './api';
import { CopyButton, Query } from './promql';
import { briefNames, clock, durationText, episodesIn, matchersOf, ruleYaml, silenceCommand } from './reply';
import { Timeline } from './timeline';

const testedSeconds = 86400;
const testStep = 60;
const maxEpisodes = 5;

/** When the condition held in the last day, and for which stretches the alert would have fired. */
function BackTest({ alert, now }: { alert: AlertProposal; now: number }) {
  const [series, setSeries] = useState<Series[]>();
  const [error, setError] = useState('');
  const end = Math.floor(now);  // the steps end there, as those of the server do
  const start = end - testedSeconds;
  useEffect(() => {
    const abort = new AbortController();
    range(alert.expr, start, end, testStep, abort.signal)
      .then((found) => setSeries(found.data.result as Series[]))
      .catch((problem) => { if (!abort.signal.aborted) setError(problem.message); });
    return () => abort.abort();
  }, [alert.expr, end]);
  const found = useMemo(
    () => episodesIn(series ?? [], testStep, alert.for_s, end), [series, alert.for_s]);
  const names = useMemo(() => briefNames(found.map(({ labels }) => labels)), [found]);
  if (error) return <p class="muted">The back-test failed: {error}</p>;
  if (!series) return <p class="muted">Testing it on the last 24 hours…</p>;
  const times = found.length === 1 ? 'once' : `${found.length} times`;
  return (
    <section class="back-test" data-testid="backtest">
      <h3>{found.length === 0 ? 'It would not have fired on the data of the last 24 hours'
        : `It would have fired ${times} on the data of the last 24 hours`}</h3>
      {series.length > 0 && <Timeline series={series} start={start} end={end} step={testStep} alarm />}
      <ul class="rows">
        {found.slice(0, maxEpisodes).map((episode, i) => (
          <li data-testid="episode" key={i}>
            <span class="row-name">{names[i] === '{}' ? alert.alert : names[i]}</span>
            <span>{clock(episode.start, now)} – {episode.open ? 'now' : clock(episode.end, now)}</span>
            <span class="muted">{durationText(episode.end - episode.start)}</span>
          </li>
        ))}
      </ul>
      {found.length > maxEpisodes
        && <p class="muted small">and {found.length - maxEpisodes} earlier ones.</p>}
    </section>
  );
}

export function AlertCard({ alert, now }: { alert: AlertProposal; now: number }) {
  const yaml = ruleYaml(alert);
  return (
    <section class="proposal" data-testid="alert">
      <header>
        <span class="eyebrow">Proposed alert</span>
        <strong>{alert.alert}</strong>
        <span class={`state ${alert.severity === 'critical' ? 'down' : 'warn'}`}>{alert.severity}</span>
        <span class="muted">after {durationText(alert.for_s)}</span>
      </header>
      <Query promql={alert.expr} />
      <BackTest alert={alert} now={now} />
      <details class="yaml">
        <summary>Rule as YAML</summary>
        <div class="code-block">
          <pre class="mono" data-testid="rule" tabIndex={0}>{yaml}</pre>
          <div class="tools"><CopyButton text={yaml} what="the rule" /></div>
        </div>
      </details>
      <p class="muted small">Nothing is changed yet: put the rule into a file
        that <code>rule_files</code> names.</p>
    </section>
  );
}

export function SilenceCard({ silence, question, now }: {
  silence: SilenceProposal; question: string; now: number;
}) {
  const command = silenceCommand(silence, question);
  return (
    <section class="proposal" data-testid="silence">
      <header>
        <span class="eyebrow">Proposed silence</span>
        <strong>{durationText(silence.duration_s)}</strong>
        <span class="muted">{clock(Date.parse(silence.starts_at) / 1000, now)}
          {' – '}{clock(Date.parse(silence.ends_at) / 1000, now)}</span>
      </header>
      <p>{matchersOf(silence).map((matcher) => (
        <span class="label mono" data-testid="matcher" key={matcher}>{matcher}</span>
      ))}</p>
      <div class="code-block">
        <pre class="mono" tabIndex={0}>{command}</pre>
        <div class="tools"><CopyButton text={command} what="the command" /></div>
      </div>
      <p class="muted small">Nothing is changed yet: the command makes it in an Alertmanager.</p>
    </section>
  );
}
