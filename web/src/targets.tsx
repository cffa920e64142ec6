// What is scraped, and how it goes.

import { targets, type Target } from './api';
import { ago, format } from './format';
import { useLive } from './live';

function Row({ target }: { target: Target }) {
  return (
    <tr data-testid="target">
      <td><span class={`state ${target.health}`}>{target.health}</span></td>
      <td class="mono"><a href={target.scrapeUrl}>{target.scrapeUrl}</a>
        {target.lastError && <div class="error small">{target.lastError}</div>}</td>
      <td>{Object.entries(target.labels).map(([name, value]) => (
        <span class="label mono" key={name}>{name}="{value}"</span>))}</td>
      <td class="number">{ago(target.lastScrape, Date.now())}</td>
      <td class="number">{format(target.lastScrapeDuration, 'seconds')}</td>
      <td class="number">{target.scrapeInterval}</td>
    </tr>
  );
}

export function Targets() {
  const { value, error } = useLive(targets, 3, 'targets');
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
    </main>
  );
}
