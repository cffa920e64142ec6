// The server's HTTP API, as the pages use it.

export type Labels = Record<string, string>;

export interface Series {
  metric: Labels;
  value?: [number, string];
  values?: [number, string][];
  histogram?: [number, unknown];
}

export interface QueryData {
  resultType: 'vector' | 'matrix' | 'scalar' | 'string';
  result: Series[] | [number, string];
}

export interface QueryAnswer {
  data: QueryData;
  warnings: string[];
  infos: string[];
}

export interface Target {
  discoveredLabels: Labels;
  labels: Labels;
  scrapePool: string;
  scrapeUrl: string;
  lastError: string;
  advice?: string;
  lastScrape: string;
  lastScrapeDuration: number;
  health: 'up' | 'down' | 'unknown';
  scrapeInterval: string;
}

/** What the server says is wrong, and how it calls that. */
export class ServerError extends Error {
  constructor(message: string, readonly status: number, readonly type = '') { super(message); }
}

export async function answer(response: Response): Promise<any> {
  let body: any;
  try {
    body = await response.json();
  } catch {
    throw new ServerError(`the server answered ${response.status}`, response.status);
  }
  if (body.status === 'error' || !response.ok) {
    throw new ServerError(body.error ?? `the server answered ${response.status}`,
                          response.status, body.errorType);
  }
  return body;
}

async function get(path: string, parameters: Record<string, string | number>, signal?: AbortSignal) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) query.set(name, String(value));
  return answer(await fetch(`/api/v1/${path}?${query}`, { signal }));
}

export async function instant(query: string, signal?: AbortSignal): Promise<QueryAnswer> {
  const body = await get('query', { query }, signal);
  return { data: body.data, warnings: body.warnings ?? [], infos: body.infos ?? [] };
}

export async function range(
  query: string, start: number, end: number, step: number, signal?: AbortSignal,
): Promise<QueryAnswer> {
  const body = await get('query_range', { query, start, end, step }, signal);
  return { data: body.data, warnings: body.warnings ?? [], infos: body.infos ?? [] };
}

/** Why a query's answer is empty; the likeliest cause first. */
export interface Finding {
  cause: string;
  expression: string;
  text: string;
  fix?: string;
}

export async function diagnose(query: string, signal?: AbortSignal): Promise<Finding[]> {
  const parameters = new URLSearchParams({ query });
  const body = await answer(await fetch(`/api/v5/query/doctor?${parameters}`, { signal }));
  return body.data.findings;
}

/** The names of metrics that have samples between two times. */
export async function metricNames(start: number, end: number): Promise<string[]> {
  return (await get('label/__name__/values', { start, end })).data;
}

export interface DroppedTarget {
  discoveredLabels: Labels;
  scrapePool: string;
  reason: string;
}

export async function targets(signal?: AbortSignal): Promise<Target[]> {
  return (await get('targets', { state: 'active' }, signal)).data.activeTargets;
}

export async function droppedTargets(signal?: AbortSignal): Promise<DroppedTarget[]> {
  return (await get('targets', { state: 'dropped' }, signal)).data.droppedTargets;
}

/** A source of targets, and what keeps it from finding them. */
export interface Source {
  scrapePool: string;
  mechanism: string;
  subject: string;  // what it looks at: files, a URL, names
  targets: number;
  problems: string[];
}

export async function discoverySources(signal?: AbortSignal): Promise<Source[]> {
  return (await answer(await fetch('/api/v5/discovery', { signal }))).data.sources;
}
