// Questions in plain words; every answer with the query that gave it and a chart.

import { useEffect, useRef, useState } from 'preact/hooks';
import { ask, range, type AgentAnswer, type Series } from './api';
import { Chart, fromData } from './chart';

interface Turn {
  question: string;
  answer?: AgentAnswer;
  error?: string;
}

const examples = ['Show CPU usage', 'Which filesystem is fullest?', 'Is anything down?',
                  'How much memory is free?', 'Top 3 network interfaces by received bytes'];
const maxDrawn = 12;

type ChartOf = AgentAnswer['charts'][number];

function AnswerChart({ promql, start, end, unit }: ChartOf) {
  const [series, setSeries] = useState<Series[]>([]);
  useEffect(() => {
    const step = Math.max(1, Math.round((end - start) / 240));
    range(promql, start, end, step)
      .then((found) => setSeries(found.data.result as Series[]))
      .catch(() => setSeries([]));
  }, [promql, start, end]);
  return series.length === 0 ? null
    : (
      <Chart series={series.slice(0, maxDrawn)} start={fromData(series, start, end)} end={end}
             unit={unit} height={200} />
    );
}

function AnswerView({ turn, onAsk }: { turn: Turn; onAsk: (question: string) => void }) {
  const { answer, error } = turn;
  return (
    <article class="turn" data-testid="turn">
      <p class="question">{turn.question}</p>
      {error && <p class="card error">{error}</p>}
      {!answer && !error && <p class="muted">…</p>}
      {answer && (
        <div class="card">
          <p class="reply" data-testid="reply">{answer.reply}</p>
          {answer.charts.map((chart) => <AnswerChart {...chart} key={chart.promql} />)}
          {answer.evidence.map((evidence) => (
            <p class="evidence" key={evidence.promql}>
              <a class="mono" data-testid="evidence"
                 href={`/explore?q=${encodeURIComponent(evidence.promql)}`}>{evidence.promql}</a>
            </p>
          ))}
          {answer.explanation && <p class="muted">{answer.explanation}</p>}
          {answer.suggestions.map((text) => (
            <button class="chip" key={text} onClick={() => onAsk(text)}>{text}</button>
          ))}
        </div>
      )}
    </article>
  );
}

export function Ask() {
  const [turns, setTurns] = useState<Turn[]>([]);
  const [text, setText] = useState('');
  const session = useRef<string>();
  const end = useRef<HTMLDivElement>(null);

  const send = async (question: string) => {
    if (!question.trim()) return;
    setText('');
    const turn: Turn = { question };
    setTurns((before) => [...before, turn]);
    let result: Partial<Turn>;
    try {
      const answer = await ask(question, session.current);
      session.current = answer.session_id;
      result = { answer };
    } catch (problem) {
      result = { error: (problem as Error).message };
    }
    setTurns((before) => before.map((t) => (t === turn ? { question, ...result } : t)));
  };
  useEffect(() => {
    const asked = new URLSearchParams(location.search).get('q');
    if (asked) send(asked);
  }, []);
  useEffect(() => end.current?.scrollIntoView({ block: 'end' }), [turns]);

  return (
    <main class="ask">
      <header class="page-head"><h1>Ask</h1>
        <p class="muted">In plain words. Each answer shows the query that gave it.</p></header>
      {turns.length === 0 && (
        <div class="hints">
          {examples.map((example) => (
            <button class="chip" key={example} onClick={() => send(example)}>{example}</button>
          ))}
        </div>
      )}
      {turns.map((turn, i) => <AnswerView turn={turn} onAsk={send} key={i} />)}
      <div ref={end} />
      <form class="card ask-form" onSubmit={(event) => { event.preventDefault(); send(text); }}>
        <input aria-label="Question" data-testid="question" placeholder="Ask about this server…"
               value={text} onInput={(event) => setText(event.currentTarget.value)} autofocus />
        <button class="primary">Ask</button>
      </form>
    </main>
  );
}
