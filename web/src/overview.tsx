// What this host is doing, live.

import { Chart, fromData } from './chart';
import { instant, range, type Series } from './api';
import { format, type Unit } from './format';
import { useLive } from './live';

const host = 'job="host"';

interface Panel {
  title: string;
  query: string;
  unit: Unit;
}

const panels: Panel[] = [
  { title: 'CPU by mode', unit: 'percent',
    query: `100 * sum by (mode) (rate(node_cpu_seconds_total{${host},mode!="idle"}[30s])) / ignoring(mode) group_left sum(rate(node_cpu_seconds_total{${host}}[30s])) > 0` },
  { title: 'Memory', unit: 'bytes',
    query: `label_replace(node_memory_MemTotal_bytes{${host}} - node_memory_MemAvailable_bytes{${host}}, "what", "used", "", "") or label_replace(node_memory_Cached_bytes{${host}}, "what", "cached", "", "") or label_replace(node_memory_MemFree_bytes{${host}}, "what", "free", "", "")` },
  { title: 'Load average', unit: 'none',
    query: `label_replace({__name__=~"node_load1|node_load5|node_load15",${host}}, "window", "$1 min", "__name__", "node_load(.*)")` },
  { title: 'Network', unit: 'bytes_per_second',
    query: `label_replace(sum(rate(node_network_receive_bytes_total{${host},device!="lo"}[30s])), "direction", "received", "", "") or label_replace(sum(rate(node_network_transmit_bytes_total{${host},device!="lo"}[30s])), "direction", "sent", "", "")` },
  { title: 'Disk', unit: 'bytes_per_second',
    query: `label_replace(sum(rate(node_disk_read_bytes_total{${host}}[30s])), "direction", "read", "", "") or label_replace(sum(rate(node_disk_written_bytes_total{${host}}[30s])), "direction", "written", "", "")` },
  { title: 'Processes', unit: 'count',
    query: `label_replace(node_procs_running{${host}}, "state", "running", "", "") or label_replace(node_procs_blocked{${host}}, "state", "blocked", "", "")` },
];

interface Tile {
  title: string;
  query: string;
  unit: Unit;
}

const tiles: Tile[] = [
  { title: 'CPU busy', unit: 'percent',
    query: `100 * (1 - sum(rate(node_cpu_seconds_total{${host},mode="idle"}[30s])) / sum(rate(node_cpu_seconds_total{${host}}[30s])))` },
  { title: 'Memory used', unit: 'percent',
    query: `100 * (1 - node_memory_MemAvailable_bytes{${host}} / node_memory_MemTotal_bytes{${host}})` },
  { title: 'Fullest filesystem', unit: 'percent',
    query: `max(100 * (1 - node_filesystem_avail_bytes{${host}} / (node_filesystem_size_bytes{${host}} > 0)))` },
  { title: 'Load, 1 min', unit: 'none', query: `node_load1{${host}}` },
  { title: 'Up for', unit: 'seconds', query: `time() - node_boot_time_seconds{${host}}` },
];

const windowSeconds = 600;

function firstValue(series: Series[]): number | undefined {
  const text = series[0]?.value?.[1];
  return text === undefined ? undefined : Number(text);
}

function TileView({ tile }: { tile: Tile }) {
  const { value } = useLive(
    async (signal) => firstValue((await instant(tile.query, signal)).data.result as Series[]), 2,
    tile.query);
  const share = tile.unit === 'percent' && value !== undefined ? Math.min(100, Math.max(0, value)) : 0;
  return (
    <div class="tile" data-testid="tile">
      <div class="tile-title">{tile.title}</div>
      <div class="tile-value">{value === undefined ? '…' : format(value, tile.unit)}</div>
      {tile.unit === 'percent' && (
        <div class="bar"><div class={share > 85 ? 'bar-fill hot' : 'bar-fill'} style={{ width: `${share}%` }} /></div>
      )}
    </div>
  );
}

function PanelView({ panel }: { panel: Panel }) {
  const { value, error } = useLive(async (signal) => {
    const end = Date.now() / 1000;
    const start = end - windowSeconds;
    const found = await range(panel.query, start, end, 5, signal);
    const series = found.data.result as Series[];
    return { series, start: fromData(series, start, end), end };
  }, 3, panel.query);
  return (
    <section class="card" data-testid="panel">
      <h2>{panel.title}<a class="quiet" href={`/explore?q=${encodeURIComponent(panel.query)}`}>explore</a></h2>
      {error && <p class="error">{error}</p>}
      {value && value.series.length > 0 && <Chart {...value} unit={panel.unit} />}
      {value && value.series.length === 0 && <p class="empty">Waiting for the second scrape…</p>}
    </section>
  );
}

export function Overview() {
  const { value: name } = useLive(
    async (signal) =>
      ((await instant(`node_uname_info{${host}}`, signal)).data.result as Series[])[0]?.metric,
    30, 'uname');
  return (
    <main>
      <header class="page-head">
        <h1>{name?.nodename ?? 'This host'}</h1>
        <p class="muted">{name ? `${name.sysname} ${name.release} · ${name.machine}` : ' '}</p>
      </header>
      <div class="tiles">{tiles.map((tile) => <TileView tile={tile} key={tile.title} />)}</div>
      <div class="grid">{panels.map((panel) => <PanelView panel={panel} key={panel.title} />)}</div>
    </main>
  );
}
