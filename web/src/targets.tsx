// What is scraped, and how it goes.

import { droppedTargets, targets, type DroppedTarget, type Target } from './api';
import { ago, format } from './format';
import { useLive } from './live';

function Row({ target }: { target: Target }) {
  return (
    <tr data-testid="target">
      <td><span class={`state ${target.health}`}>{target.health}</span></td>
      <td class="mono"><a href={target.scrapeUrl}>{target.scrapeUrl}</a>
        {target.lastError && <div class="error small">{target.lastError}</div>}
        {target.advice && <div class="muted small" data-testid="advice">{target.advice}</div>}</td>
      <td>{Object.entries(target.labels).map(([name, value]) => (
        <span class="label mono" key={name}>{name}="{value}"</span>))}</td>
      <td class="number">{ago(target.lastScrape, Date.now())}</td>
      <td class="number">{format(target.lastScrapeDuration, 'seconds')}</td>
      <td class="number">{target.scrapeInterval}</td>
    </tr>
  );
}

/** Not what every target has from its job's configuration. */
function isTelling([name]: [string, string]) {
  return !name.startsWith('__') || name.startsWith('__meta_') || name === '__address__';
}

/** What discovery found and relabelling left out, and by which rule. */
function Dropped({ all }: { all: DroppedTarget[] }) {
  if (all.length === 0) return null;
  const most = 200;
  return (
    <section class="card" data-testid="dropped">
      <h2>Not scraped</h2>
      <p class="muted">{all.length} discovered targets were dropped
        {all.length > most && `; the first ${most} are shown`}.</p>
      <div class="table-scroll targets">
        <table>
          <colgroup><col width="140" /><col width="34%" /><col /></colgroup>
          <thead><tr><th>Job</th><th>Why</th><th>Discovered labels</th></tr></thead>
          <tbody>{all.slice(0, most).map((target, i) => (
            <tr key={i}>
              <td>{target.scrapePool}</td>
              <td class="mono">{target.reason}</td>
              <td>{Object.entries(target.discoveredLabels).filter(isTelling).map(([name, value]) => (
                <span class="label mono" key={name}>{name}="{value}"</span>))}</td>
            </tr>))}</tbody>
        </table>
      </div>
    </section>
  );
}

export function Targets() {
  const { value, error } = useLive(targets, 3, 'targets');
  const dropped = useLive(droppedTargets, 10, 'dropped targets');
  const pools = [...new Set((value ?? []).map((target) => target.scrapePool))];
  return (
    <main>
      <header class="page-head"><h1>Targets</h1>
        {value && <p class="muted">{value.filter((t) => t.health === 'up').length} of {value.length} up</p>}
      </header>
      {error && <p class="card error">{error}</p>}
      {pools.map((pool) => (
        <section class="card" key={pool}>
          <h2>{pool}</h2>
          <div class="table-scroll targets">
            <table>
              <colgroup><col width="80" /><col width="34%" /><col /><col width="110" /><col width="90" /><col width="70" /></colgroup>
              <thead><tr><th>State</th><th>Endpoint</th><th>Labels</th><th class="number">Last scrape</th>
                <th class="number">Took</th><th class="number">Every</th></tr></thead>
              <tbody>{value!.filter((t) => t.scrapePool === pool)
                .map((t) => <Row target={t} key={t.scrapeUrl + JSON.stringify(t.labels)} />)}</tbody>
            </table>
          </div>
        </section>
      ))}
      {dropped.value && <Dropped all={dropped.value} />}
    </main>
  );
}
