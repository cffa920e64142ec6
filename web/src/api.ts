// The server's HTTP API, as the pages use it.

import type { Unit } from './format';

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

export interface Evidence {
  promql: string;
  mode: 'instant' | 'range';
  start: number;
  end: number;
  result: QueryData;
}

export interface AgentAnswer {
  session_id: string;
  reply: string;
  intent: string;
  explanation: string;
  confidence: number;
  evidence: Evidence[];
  charts: { promql: string; start: number; end: number; unit: Unit }[];
  suggestions: string[];
}

async function answer(response: Response): Promise<any> {
  let body: any;
  try {
    body = await response.json();
  } catch {
    throw new Error(`the server answered ${response.status}`);
  }
  if (body.status === 'error') throw new Error(body.error);
  if (!response.ok) throw new Error(body.error ?? `the server answered ${response.status}`);
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

export async function ask(message: string, session?: string): Promise<AgentAnswer> {
  const response = await fetch('/api/v5/agent/text', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(session ? { message, session_id: session } : { message }),
  });
  return answer(response);
}
