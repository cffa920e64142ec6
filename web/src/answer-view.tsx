// One question and what was answered.

import { useState } from 'preact/hooks';
import type { AgentAnswer, Step } from './agent';
import { Drawings, isState, Sparkline } from './drawing';
import { FeedbackBar } from './feedback';
import { format, type Unit } from './format';
import { exploreLink, Query } from './promql';
import { AlertCard, SilenceCard } from './proposals';
import { courseOf, findingOf, listIn, namesIn, questionAbout, refusalWords, rowsOf, sureness,
         type ReplyItem, type ReplyList, type Row } from './reply';

export interface Turn {
  id: number;
  question: string;
  step?: Step;         // what is being looked up
  words?: string;      // as they come
  answer?: AgentAnswer;
  error?: string;
  stopped?: boolean;
  at: number;          // when it was asked, in Unix seconds
  asOf?: number;       // the time that was asked about, where it was not the present
}

type OnAsk = (question: string) => void;

const rowsAtFirst = 6;

/** What is told of the series is no value of them. */
const isAnalysis = (intent: string) => ['anomaly', 'correlate', 'explain', 'forecast'].includes(intent);

/** What is being done, in words: a tool's name says it. */
const doing = (step?: Step) => (step ? `Calling ${step.tool.replace(/_/g, ' ')}` : 'Looking at the metrics');

/** A list of what is unusual, each line with its own course. */
const hasFindings = ({ intent, evidence }: AgentAnswer) => ['anomaly', 'explain'].includes(intent)
  && evidence.every(({ mode }) => mode === 'range');

function Chips({ texts, onAsk, label }: { texts: string[]; onAsk: OnAsk; label: string }) {
  if (texts.length === 0) return null;
  return (
    <div class="chips" role="group" aria-label={label}>
      {texts.map((text) => (
        <button type="button" class="chip" key={text} onClick={() => onAsk(text)}>{text}</button>
      ))}
    </div>
  );
}

/** In the order that the answer tells them in. */
function inOrder(rows: Row[], items: ReplyItem[]): Row[] {
  const last = rows.at(-1);
  const upwards = rows.length > 1 && last!.name === items[0]?.name && last!.name !== rows[0].name;
  return upwards ? [...rows].reverse() : rows;
}

function Ranking({ rows, unit }: { rows: Row[]; unit: Unit }) {
  const [all, setAll] = useState(false);
  const most = Math.max(...rows.map(({ value }) => value).filter(Number.isFinite), 0);
  // The whole of a share is known, so bars need not be measured by the greatest.
  const full = unit === 'percent' ? Math.max(100, most) : unit === 'ratio' ? Math.max(1, most) : most;
  const shown = all ? rows : rows.slice(0, rowsAtFirst);
  return (
    <>
      <ol class="ranking">
        {shown.map(({ name, value }) => (
          <li key={name} data-testid="row">
            <span class="row-name" title={name}>{name}</span>
            <span class="bar"><span class="bar-fill"
              style={{ width: `${full > 0 ? Math.max(0, 100 * value / full) : 0}%` }} /></span>
            <span class="number">{format(value, unit)}</span>
          </li>
        ))}
      </ol>
      {rows.length > rowsAtFirst && (
        <button type="button" class="more" onClick={() => setAll(!all)} aria-expanded={all}>
          {all ? 'Show fewer' : `Show all ${rows.length}`}
        </button>
      )}
    </>
  );
}

function Findings({ list, answer, onAsk }: {
  list: ReplyList; answer: AgentAnswer; onAsk: OnAsk;
}) {
  return (
    <ul class="findings">
      {list.items.map((item, i) => {
        const row = findingOf(item);
        const course = courseOf(row, i, answer.evidence);
        return (
          <li key={item.name} data-testid="finding">
            <span class={`arrow ${row.higher === undefined ? '' : row.higher ? 'up' : 'down'}`}
                  aria-label={row.higher === undefined ? '' : row.higher ? 'higher' : 'lower'}>
              {row.higher === undefined ? '·' : row.higher ? '↑' : '↓'}</span>
            <span class="finding-what">
              <button type="button" class="plain" onClick={() => onAsk(questionAbout(row))}
                      title={questionAbout(row)}>{row.what}</button>
              <span class="finding-where">
                {row.where.map((label) => <span class="label mono" key={label}>{label}</span>)}
              </span>
            </span>
            {course?.values && <Sparkline values={course.values} label={`How ${row.what} came`} />}
            <span class="finding-value"><b>{row.value}</b>
              <span class="muted small">
                {[row.usual && `usually ${row.usual}`, row.since && `since ${row.since}`, row.note]
                  .filter(Boolean).join(' · ')}
              </span></span>
          </li>
        );
      })}
    </ul>
  );
}

function ItemList({ items }: { items: ReplyItem[] }) {
  return (
    <ul class="rows">
      {items.map(({ name, value, note }) => (
        <li key={name + value}>
          <span class="row-name">{name}</span><b>{value}</b><span class="muted small">{note}</span>
        </li>
      ))}
    </ul>
  );
}

/** What there is: metrics lead to Explore. */
function Names({ reply }: { reply: string }) {
  const list = namesIn(reply);
  if (!list) return <p class="reply" data-testid="reply">{reply}</p>;
  return (
    <div data-testid="reply">
      <p class="reply">{list.lead}</p>
      <p class="names">
        {list.names.map((name) => (list.lead.includes('metric')
          ? <a class="label mono" href={exploreLink(name)} key={name}>{name}</a>
          : <span class="label mono" key={name}>{name}</span>))}
        <span class="muted small">{list.tail}</span>
      </p>
    </div>
  );
}

/** The words of an answer, and its value where that is one. */
function Reply({ answer, onAsk }: { answer: AgentAnswer; onAsk: OnAsk }) {
  const { reply, unit, intent, evidence } = answer;
  const list = listIn(reply);
  const rows = rowsOf(evidence[0]);
  const value = !isState(unit) && !isAnalysis(intent) && rows.length === 1
    && evidence.length === 1 && Number.isFinite(rows[0].value) ? rows[0] : undefined;
  if (value) {
    return (
      <div data-testid="reply">
        <p class="big" data-testid="value">{format(value.value, unit)}</p>
        <p class="reply">{reply}</p>
      </div>
    );
  }
  if (intent === 'list') return <Names reply={reply} />;
  if (!list) return <p class="reply" data-testid="reply">{reply}</p>;
  const found = hasFindings(answer);
  const ranked = !found && evidence.length === 1 && evidence[0].mode === 'instant'
    && intent !== 'forecast' && rows.length >= list.items.length
    && list.items.every(({ note }) => !note);
  const rest = ranked ? list.tail.replace(/^and \d+ more,? ?/, '') : list.tail;
  return (
    <div data-testid="reply">
      <p class="reply">{list.lead}</p>
      {found ? <Findings list={list} answer={answer} onAsk={onAsk} />
        : ranked ? <Ranking rows={inOrder(rows, list.items)} unit={unit} />
          : <ItemList items={list.items} />}
      {rest && <p class="muted small">{rest}.</p>}
    </div>
  );
}

function Queries({ answer }: { answer: AgentAnswer }) {
  const [first, ...others] = answer.evidence;
  // A proposed alert shows its condition itself.
  if (answer.actions_proposed.some(({ kind }) => kind === 'alert')) return null;
  if (!first) {
    return answer.promql ? <Query promql={answer.promql} testid="evidence" /> : null;
  }
  return (
    <>
      <Query promql={first.promql} testid="evidence" />
      {others.length > 0 && (
        <details class="others">
          <summary>{others.length === 1 ? 'One more query' : `${others.length} more queries`}</summary>
          {others.map(({ promql }) => <Query promql={promql} testid="evidence" key={promql} />)}
        </details>
      )}
    </>
  );
}

/** How the question was understood, and how sure that is. */
function Understood({ answer }: { answer: AgentAnswer }) {
  const { explanation, confidence, intent, model, fallback_reason: fallback } = answer;
  if (!explanation && !confidence) return null;
  return (
    <details class="understood">
      <summary>How it was understood{' · '}
        <span data-testid="confidence">{sureness(confidence)}</span></summary>
      <dl>
        {explanation && <><dt>What it shows</dt><dd>{explanation}</dd></>}
        <dt>Kind of question</dt><dd>{intent}</dd>
        <dt>Confidence</dt><dd>{format(confidence, 'ratio')}</dd>
        {model && <><dt>Answered by</dt><dd>{model}{fallback && `, because ${fallback}`}</dd></>}
      </dl>
    </details>
  );
}

function Answer({ turn, onAsk }: { turn: Turn; onAsk: OnAsk }) {
  const answer = turn.answer!;
  const now = answer.evidence[0]?.end ?? turn.asOf ?? turn.at;
  const { error: refusal, clarification } = answer;
  if (clarification) {
    return (
      <div class="card clarify">
        <p class="reply" data-testid="reply">{answer.reply}</p>
        <Chips texts={clarification.options} onAsk={onAsk} label="What you may mean" />
      </div>
    );
  }
  if (refusal) {
    return (
      <div class="card refusal" data-testid="refusal">
        <p class="reply" data-testid="reply">
          {refusal.suggestions.length > 0 ? refusalWords(answer.reply) : answer.reply}</p>
        {refusal.suggestions.length > 0 && <p class="eyebrow">The nearest there is</p>}
        <Chips texts={refusal.suggestions} onAsk={onAsk} label="What there is" />
      </div>
    );
  }
  const alone = answer.actions_proposed.length > 0;
  return (
    <div class="card">
      {alone ? <p class="visually-hidden" data-testid="reply">{answer.reply}</p>
        : <Reply answer={answer} onAsk={onAsk} />}
      {answer.actions_proposed.map((action, i) => (action.kind === 'alert'
        ? <AlertCard alert={action} now={now} key={i} />
        : <SilenceCard silence={action} question={turn.question} now={now} key={i} />))}
      {alone && answer.actions_proposed.every(({ kind }) => kind === 'silence')
        && <p class="muted">{answer.reply.replace(/^Proposed silence of .*? for \w+\. ?/, '')}</p>}
      {answer.intent !== 'forecast' && !alone && !hasFindings(answer) && (
        <Drawings charts={answer.charts} compared={answer.intent === 'compare'} />
      )}
      <Queries answer={answer} />
      <footer class="answer-foot">
        <Understood answer={answer} />
        <FeedbackBar session={answer.session_id} turn={answer.turn} />
      </footer>
      {answer.alternatives.length > 0 && <p class="eyebrow">Or did you mean</p>}
      <Chips texts={answer.alternatives} onAsk={onAsk} label="Other readings" />
      <Chips texts={answer.suggestions} onAsk={onAsk} label="What to ask next" />
    </div>
  );
}

/** `pageTime`: what all questions of the page are about, which is told once. */
export function TurnView({ turn, pageTime, onAsk, onStop }: {
  turn: Turn; pageTime?: number; onAsk: OnAsk; onStop: () => void;
}) {
  const { question, answer, error, stopped, step, words, asOf } = turn;
  const waiting = !answer && !error && !stopped;
  return (
    <article class="turn" data-testid="turn" aria-busy={waiting}>
      <p class="question">{question}</p>
      {asOf && asOf !== pageTime && <p class="as-of muted small">as of {new Date(asOf * 1000).toLocaleString('en-GB')}</p>}
      {error && (
        <div class="card error" role="alert">
          <p>{error}</p>
          <button type="button" onClick={() => onAsk(question)}>Ask again</button>
        </div>
      )}
      {stopped && (
        <p class="stopped muted">Stopped. <button type="button" class="more"
          onClick={() => onAsk(question)}>Ask again</button></p>
      )}
      {waiting && (
        <div class="card waiting">
          {words ? <p class="reply">{words}</p>
            : <p class="muted">{doing(step)}<span class="dots" aria-hidden="true"><i /><i /><i /></span></p>}
          {!words && step?.arguments.promql && <Query promql={step.arguments.promql} testid="step" />}
          <button type="button" class="tool" onClick={onStop}>Stop</button>
        </div>
      )}
      {answer && <Answer turn={turn} onAsk={onAsk} />}
    </article>
  );
}
