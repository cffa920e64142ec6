// The assistant's part of the server's API: questions, conversations, feedback.

import { answer, ServerError, type Labels, type QueryData } from './api';
import type { Unit } from './format';

export interface Evidence {
  promql: string;
  mode: 'instant' | 'range';
  start: number;
  end: number;
  result?: QueryData;  // not there in a conversation that is taken up again
}

export interface ChartSpec {
  promql: string;
  start: number;
  end: number;
  unit: Unit;
}

/** A stretch of time for which an alert would have fired. */
export interface Episode {
  labels: Labels;
  start: number;
  end: number;
  open: boolean;  // still at the end of what was looked at
}

export interface AlertProposal {
  kind: 'alert';
  alert: string;
  expr: string;
  for_s: number;
  severity: string;
  labels: Labels;
  annotations: Labels;
}

export interface SilenceProposal {
  kind: 'silence';
  matchers: Labels;
  regex?: string[];  // labels whose value is a regular expression
  duration_s: number;
  /** Unix seconds, of a silence that begins later than now. */
  start?: number;
  starts_at: string;
  ends_at: string;
}

export interface AgentAnswer {
  session_id: string;
  turn: number;  // among those of its conversation, as feedback names it
  reply: string;
  intent: string;
  promql: string;
  unit: Unit;
  explanation: string;
  confidence: number;
  evidence: Evidence[];
  charts: ChartSpec[];
  actions_proposed: (AlertProposal | SilenceProposal)[];
  alternatives: string[];
  suggestions: string[];
  clarification?: { question: string; options: string[] };
  error?: { code: string; message: string; suggestions: string[] };
  model?: string;
  fallback_reason?: string;
}

export interface AskOptions {
  session?: string;
  time?: number;  // what "now" means, in Unix seconds
  signal?: AbortSignal;
  onStep?: (step: Step) => void;
  onWords?: (words: string) => void;
}

/** What is being looked up for an answer. */
export interface Step {
  tool: string;
  arguments: { promql?: string };
}

interface StreamEvent {
  name: string;
  data: string;
}

/** Takes a stream of server-sent events in pieces of any size; gives those that are whole. */
export function eventReader(): (piece: string) => StreamEvent[] {
  let rest = '';
  return (piece) => {
    const blocks = (rest + piece).replace(/\r\n/g, '\n').split('\n\n');
    rest = blocks.pop()!;
    return blocks.map((block) => {
      const event = { name: 'message', data: '' };
      for (const line of block.split('\n')) {
        if (line.startsWith('event:')) event.name = line.slice(6).trim();
        if (line.startsWith('data:')) event.data += line.slice(5).trim();
      }
      return event;
    });
  };
}

async function readStream(response: Response, { onStep, onWords }: AskOptions) {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  const take = eventReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) throw new Error('The connection ended before the answer was there. Ask again.');
    for (const { name, data } of take(value)) {
      if (name === 'step') onStep?.(JSON.parse(data) as Step);
      if (name === 'token') onWords?.(JSON.parse(data).text);
      if (name === 'answer') return JSON.parse(data) as AgentAnswer;
      if (name === 'error') throw new Error(JSON.parse(data).message);
    }
  }
}

/** Asks; what is looked up comes by `onStep`, the words by `onWords`, as they come. */
export async function ask(message: string, options: AskOptions = {}): Promise<AgentAnswer> {
  const { session, time, signal } = options;
  const body = { message, ...(session && { session_id: session }), ...(time && { time }) };
  const response = await fetch('/api/v5/agent/text', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'text/event-stream' },
    body: JSON.stringify(body),
    signal,
  });
  const streams = response.headers.get('Content-Type')?.startsWith('text/event-stream');
  return response.ok && streams ? readStream(response, options) : answer(response);
}

export interface SessionInfo {
  id: string;
  started: number;
  last_used: number;
  turns: number;
  title: string;
}

export interface Told {
  turn: number;
  time: number;
  question: string;
  answer: string;
  intent: string;
  promql: string;
}

export async function sessions(): Promise<SessionInfo[]> {
  return (await answer(await fetch('/api/v5/agent/session'))).sessions;
}

export async function toldIn(session: string): Promise<Told[]> {
  return (await answer(await fetch(`/api/v5/agent/session/${encodeURIComponent(session)}`))).turns;
}

export async function forget(session: string): Promise<void> {
  const path = `/api/v5/agent/session/${encodeURIComponent(session)}`;
  const response = await fetch(path, { method: 'DELETE' });
  // Somebody else may have been faster.
  if (!response.ok && response.status !== 404) await answer(response);
}

export interface Opinion {
  session: string;
  turn: number;  // from 0
  verdict: 'up' | 'down';
  correction?: string;
}

export async function sendFeedback({ session, turn, verdict, correction }: Opinion): Promise<void> {
  await answer(await fetch('/api/v5/agent/feedback', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ session_id: session, turn, verdict,
                           ...(correction && { correction }) }),
  }));
}

/** What went wrong, and what to do about it. */
export function advice(problem: unknown): string {
  const error = problem as Error;
  if (error.name === 'AbortError') return 'Stopped.';
  if (error instanceof TypeError) {
    return 'The server cannot be reached. See whether prom5 runs, then ask again.';
  }
  if (!(error instanceof ServerError)) return error.message;
  if (error.status === 503 || error.status === 429) {
    return `${error.message}: it is busy or still starting. Ask again in a moment.`;
  }
  if (error.status === 401 || error.status === 403) {
    return `${error.message}: reload the page and log in.`;
  }
  return error.message;
}
