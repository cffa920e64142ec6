// Questions in plain words; every answer with the query that gave it and a chart.

import { useEffect, useRef, useState } from 'preact/hooks';
import { advice, ask, forget, sessions, toldIn, type SessionInfo } from './agent';
import { TurnView, type Turn } from './answer-view';
import { metricNames, ServerError } from './api';
import { Conversations } from './conversations';
import { examplesFor, type Example } from './examples';
import { answerOf } from './reply';

const maxListed = 30;
const hour = 3600;
const keys = [['Enter', 'asks'], ['Shift Enter', 'new line'], ['↑', 'earlier questions'],
              ['/', 'to here'], ['Esc', 'stops']];

/** What was said since the page was loaded, whole: the server keeps only the words. */
const kept = new Map<string, Turn[]>();
let lastId = 0;

/** The time that questions are about, when the address names one. */
function timeInAddress(): number | undefined {
  const text = new URLSearchParams(location.search).get('time');
  const time = Number(text);
  return text && Number.isFinite(time) && time > 0 ? time : undefined;
}

function writeAddress(session?: string) {
  const address = new URL(location.href);
  address.searchParams.delete('q');
  if (session) address.searchParams.set('session', session);
  else address.searchParams.delete('session');
  history.replaceState(history.state, '', address);
}

async function turnsOf(session: string): Promise<Turn[]> {
  const there = kept.get(session);
  if (there) return there;
  return (await toldIn(session)).map((told) => ({
    id: ++lastId, question: told.question, answer: answerOf(told, session), at: told.time,
    asOf: Date.now() / 1000 - told.time > 5 * 60 ? told.time : undefined,
  }));
}

function whyNotOpened(problem: unknown): string {
  const gone = problem instanceof ServerError && problem.status === 404;
  return gone ? 'The server no longer keeps that conversation; this is a new one.' : advice(problem);
}

/** A conversation: its turns, and what one can do with it. */
function useConversation(time: number | undefined, onAnswer: () => void) {
  const [turns, setTurns] = useState<Turn[]>([]);
  const [session, setSession] = useState<string>();
  const [notice, setNotice] = useState('');
  const current = useRef<string>();
  const aborts = useRef(new Map<number, AbortController>());
  const generation = useRef(0);  // of what is shown; what comes for an older one is not

  const begin = (id?: string, old: Turn[] = []) => {
    generation.current += 1;
    for (const abort of aborts.current.values()) abort.abort();
    aborts.current.clear();
    current.current = id;
    setSession(id);
    setTurns(old);
    setNotice('');
    writeAddress(id);
  };
  const open = async (id: string) => {
    begin(id);
    const mine = generation.current;
    try {
      const old = await turnsOf(id);
      if (mine === generation.current) setTurns((since) => [...old, ...since]);
    } catch (problem) {
      if (mine !== generation.current) return;
      begin();
      setNotice(whyNotOpened(problem));
    }
  };
  const send = async (question: string) => {
    const turn: Turn = { id: ++lastId, question, at: Date.now() / 1000, asOf: time };
    const mine = generation.current;
    const abort = new AbortController();
    aborts.current.set(turn.id, abort);
    const change = (more: Partial<Turn>) => {
      if (mine !== generation.current) return;
      setTurns((all) => all.map((t) => (t.id === turn.id ? { ...t, ...more } : t)));
    };
    setTurns((before) => [...before, turn]);
    let words = '';
    try {
      const answer = await ask(question, {
        session: current.current, time, signal: abort.signal,
        onStep: (step) => change({ step }),
        onWords: (piece) => { words += piece; change({ words }); },
      });
      if (mine !== generation.current) return;
      if (!current.current) {
        current.current = answer.session_id;
        setSession(answer.session_id);
        writeAddress(answer.session_id);
      }
      change({ answer });
      onAnswer();
    } catch (problem) {
      change(abort.signal.aborted ? { stopped: true } : { error: advice(problem) });
    } finally {
      aborts.current.delete(turn.id);
    }
  };
  const stop = (id?: number) => {
    for (const [turn, abort] of aborts.current) if (id === undefined || id === turn) abort.abort();
  };
  useEffect(() => {
    const answered = turns.filter((t) => t.answer);
    if (session && answered.length > 0) kept.set(session, answered);
  }, [turns, session]);
  useEffect(() => () => { generation.current += 1; stop(); }, []);
  return { turns, session, notice, begin, open, send, stop };
}

/** The questions of this page, to be called back by the arrow keys. */
function useRecall(questions: string[], setText: (text: string) => void) {
  const at = useRef(0);
  useEffect(() => { at.current = questions.length; }, [questions.length]);
  return (by: number) => {
    if (questions.length === 0) return;
    at.current = Math.min(Math.max(at.current + by, 0), questions.length);
    setText(questions[at.current] ?? '');
  };
}

function Composer({ questions, busy, onSend, onStop }: {
  questions: string[]; busy: boolean; onSend: (text: string) => void; onStop: () => void;
}) {
  const [text, setText] = useState('');
  const field = useRef<HTMLTextAreaElement>(null);
  const recalled = useRef(false);
  const recall = useRecall(questions, (old) => { recalled.current = true; setText(old); });
  const submit = () => {
    if (!text.trim()) return;
    onSend(text.trim());
    recalled.current = false;
    setText('');
  };
  const key = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      submit();
    } else if (event.key === 'ArrowUp' && (!text || recalled.current)) {
      event.preventDefault();
      recall(-1);
    } else if (event.key === 'ArrowDown' && recalled.current) {
      event.preventDefault();
      recall(1);
    } else if (event.key === 'Escape' && busy) {
      onStop();
    }
  };
  useEffect(() => {
    // Where there is a keyboard of its own: on a phone it would cover half of the page.
    if (matchMedia('(pointer: fine)').matches) field.current?.focus({ preventScroll: true });
    const slash = (event: KeyboardEvent) => {
      const into = event.target as HTMLElement;
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
      if (into.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(into.tagName)) return;
      event.preventDefault();
      field.current?.focus();
    };
    addEventListener('keydown', slash);
    return () => removeEventListener('keydown', slash);
  }, []);
  useEffect(() => {
    const area = field.current!;
    area.style.height = 'auto';
    area.style.height = `${Math.min(area.scrollHeight + 2, 200)}px`;
  }, [text]);
  return (
    <form class="card ask-form" onSubmit={(event) => { event.preventDefault(); submit(); }}>
      <textarea aria-label="Question" data-testid="question" rows={1} ref={field} value={text}
                placeholder="Ask about your systems…" maxLength={8000} onKeyDown={key}
                onInput={(event) => {
                  recalled.current = false;
                  setText(event.currentTarget.value);
                }} />
      {busy && !text
        ? <button type="button" onClick={onStop} data-testid="stop">Stop</button>
        : <button class="primary">Ask</button>}
    </form>
  );
}

function FirstScreen({ time, onAsk }: { time?: number; onAsk: (text: string) => void }) {
  const [examples, setExamples] = useState<Example[]>();
  useEffect(() => {
    const end = time ?? Date.now() / 1000;
    metricNames(end - hour, end).then((names) => setExamples(examplesFor(names)))
      .catch(() => setExamples(examplesFor([])));
  }, [time]);
  return (
    <div class="hints">
      {examples?.map(({ text, about }) => (
        <button type="button" class="example" key={text} onClick={() => onAsk(text)}>
          <span class="eyebrow">{about}</span>
          <span data-testid="example">{text}</span>
        </button>
      ))}
    </div>
  );
}

export function Ask() {
  const [time, setTime] = useState(timeInAddress);
  const [list, setList] = useState<SessionInfo[]>([]);
  const refresh = () => { sessions().then((all) => setList(all.slice(0, maxListed))).catch(() => {}); };
  const talk = useConversation(time, refresh);
  const { turns, session } = talk;
  const turnList = useRef<HTMLDivElement>(null);
  const answered = turns.filter((t) => t.answer);
  const busy = turns.some((t) => !t.answer && !t.error && !t.stopped);

  useEffect(() => {
    const address = new URLSearchParams(location.search);
    const [asked, old] = [address.get('q'), address.get('session')];
    if (old) talk.open(old);
    if (asked) talk.send(asked);
    refresh();
  }, []);
  // The newest question comes to the top; its answer grows below it.
  const newest = turns.at(-1)?.id;
  useEffect(() => {
    if (turns.length > 1) turnList.current?.lastElementChild?.scrollIntoView({ block: 'start' });
  }, [newest]);
  const drop = async (id: string) => {
    kept.delete(id);
    if (id === session) talk.begin();
    await forget(id).catch(() => {});
    refresh();
  };
  const present = () => {
    const address = new URL(location.href);
    address.searchParams.delete('time');
    history.replaceState(history.state, '', address);
    setTime(undefined);
  };
  const conversations = (
    <Conversations list={list} current={session} onOpen={talk.open} onForget={drop}
                   onNew={() => talk.begin()} />
  );
  return (
    <main class="ask-page">
      <aside class="ask-side" aria-label="Conversations">{conversations}</aside>
      <div class="ask">
        <header class="page-head"><h1>Ask</h1>
          <p class="muted">In plain words. Each answer shows the query that gave it.</p>
          <details class="ask-menu" onClick={(event) => {
            const chosen = (event.target as Element).closest('.new, li .plain');
            if (chosen) event.currentTarget.open = false;
          }}><summary>Conversations</summary>{conversations}</details>
        </header>
        {time && <p class="card note">Questions are answered as of {new Date(time * 1000).toLocaleString('en-GB')}.
          {' '}<button type="button" class="more" onClick={present}>Back to the present</button></p>}
        {talk.notice && <p class="card note" role="status">{talk.notice}</p>}
        {turns.length === 0 && <FirstScreen time={time} onAsk={talk.send} />}
        <div class="turns" ref={turnList}>
          {turns.map((turn) => (
            <TurnView turn={turn} pageTime={time} onAsk={talk.send} onStop={() => talk.stop(turn.id)} key={turn.id} />
          ))}
        </div>
        <p class="visually-hidden" aria-live="polite">{answered.at(-1)?.answer?.reply ?? ''}</p>
        <Composer questions={turns.map((t) => t.question)} busy={busy} onSend={talk.send}
                  onStop={() => talk.stop()} />
        <p class="keys muted small">
          {keys.map(([name, does]) => <span key={name}><kbd>{name}</kbd> {does}</span>)}
        </p>
      </div>
    </main>
  );
}
