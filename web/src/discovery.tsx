// Where targets come from: what each source finds, what keeps it from finding them, and what
// relabelling makes of what was found.

import { discoverySources, droppedTargets, targets, type Labels, type Source } from './api';
import { useLive } from './live';

/** Rows shown of a job; the rest is told by number. */
const MOST = 100;

interface Found {
  discovered: Labels;
  labels?: Labels;  // none: dropped
  reason?: string;
}

function LabelList({ labels }: { labels: Labels }) {
  return <>{Object.entries(labels).map(([name, value]) => (
    <span class="label mono" key={name}>{name}="{value}"</span>))}</>;
}

function SourceLine({ source }: { source: Source }) {
  const broken = source.problems.length > 0;
  return (
    <li data-testid="source">
      <span class={`state ${broken ? 'down' : 'up'}`}>{source.mechanism}</span>
      {' '}finds {source.targets} {source.targets === 1 ? 'target' : 'targets'}
      {' '}<span class="muted mono small">{source.subject}</span>
      {source.problems.map((problem) => <div class="error small" key={problem}>{problem}</div>)}
    </li>
  );
}

function Job({ name, sources, found }: { name: string; sources: Source[]; found: Found[] }) {
  const kept = found.filter((one) => one.labels).length;
  return (
    <section class="card" data-testid="job">
      <h2>{name} <span class="muted small">{kept} of {found.length} scraped</span></h2>
      {sources.length > 0 && (
        <ul class="sources">{sources.map((source, i) => <SourceLine source={source} key={i} />)}</ul>)}
      {found.length > 0 && (
        <div class="table-scroll targets found">
          <table>
            <colgroup><col width="50%" /><col /></colgroup>
            <thead><tr><th>Discovered labels</th><th>Target labels</th></tr></thead>
            <tbody>{found.slice(0, MOST).map((one, i) => (
              <tr key={i}>
                <td><LabelList labels={one.discovered} /></td>
                <td>{one.labels ? <LabelList labels={one.labels} />
                  : <span class="muted">dropped: {one.reason}</span>}</td>
              </tr>))}</tbody>
          </table>
          {found.length > MOST && <p class="muted">The first {MOST} of {found.length} are shown.</p>}
        </div>)}
    </section>
  );
}

export function Discovery() {
  const active = useLive(targets, 5, 'targets');
  const dropped = useLive(droppedTargets, 10, 'dropped targets');
  const sources = useLive(discoverySources, 5, 'sources of targets');
  const found = new Map<string, Found[]>();
  const of = (job: string) => {
    if (!found.has(job)) found.set(job, []);
    return found.get(job)!;
  };
  for (const source of sources.value ?? []) of(source.scrapePool);
  for (const target of active.value ?? []) {
    of(target.scrapePool).push({ discovered: target.discoveredLabels, labels: target.labels });
  }
  for (const target of dropped.value ?? []) {
    of(target.scrapePool).push({ discovered: target.discoveredLabels, reason: target.reason });
  }
  const broken = (sources.value ?? []).filter((source) => source.problems.length > 0).length;
  const error = active.error ?? dropped.error ?? sources.error;
  return (
    <main>
      <header class="page-head"><h1>Discovery</h1>
        {sources.value && <p class="muted">{broken === 0 ? 'every source answers'
          : `${broken} of ${sources.value.length} sources ${broken === 1 ? 'has' : 'have'} a problem`}</p>}
      </header>
      {error && <p class="card error">{error}</p>}
      {[...found].map(([job, all]) => (
        <Job key={job} name={job} found={all}
             sources={(sources.value ?? []).filter((source) => source.scrapePool === job)} />))}
    </main>
  );
}
