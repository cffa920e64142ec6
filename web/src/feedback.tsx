// What a person thinks of an answer: a thumb, and what would have been right.

import { useState } from 'preact/hooks';
import { advice, sendFeedback } from './agent';
import { ServerError } from './api';

const paths = {
  up: 'M7 22V11l4.6-9a2.4 2.4 0 0 1 2.2 3.3L12.8 9H19a2 2 0 0 1 2 2.4l-1.6 8A2 2 0 0 1 17.4 21H7M3 11h4v11H3z',
  down: 'M17 2v11l-4.6 9a2.4 2.4 0 0 1-2.2-3.3l1-3.7H5a2 2 0 0 1-2-2.4l1.6-8A2 2 0 0 1 6.6 3H17M21 13h-4V2h4z',
};

function problemText(problem: unknown): string {
  if (problem instanceof ServerError && problem.type === 'unavailable') {
    return 'This server keeps no feedback.';
  }
  return advice(problem);
}

export function FeedbackBar({ session, turn }: { session: string; turn: number }) {
  const [verdict, setVerdict] = useState<'up' | 'down'>();
  const [correction, setCorrection] = useState('');
  const [said, setSaid] = useState('');
  const send = async (chosen: 'up' | 'down', words?: string) => {
    setVerdict(chosen);
    try {
      await sendFeedback({ session, turn, verdict: chosen, correction: words });
      setSaid(chosen === 'up' || words ? 'Thank you.' : '');
    } catch (problem) {
      setSaid(problemText(problem));
    }
  };
  return (
    <div class="feedback">
      {(['up', 'down'] as const).map((thumb) => (
        <button type="button" key={thumb} class={verdict === thumb ? 'icon on' : 'icon'}
                aria-pressed={verdict === thumb}
                aria-label={thumb === 'up' ? 'Good answer' : 'Wrong answer'}
                onClick={() => send(thumb)}>
          <svg viewBox="0 0 24 24" aria-hidden="true"><path d={paths[thumb]} /></svg>
        </button>
      ))}
      <span class="muted small" role="status">{said}</span>
      {verdict === 'down' && !said && (
        <form onSubmit={(event) => { event.preventDefault(); send('down', correction.trim()); }}>
          <input aria-label="What would have been right?" placeholder="What would have been right?"
                 value={correction} maxLength={4000}
                 onInput={(event) => setCorrection(event.currentTarget.value)} autofocus />
          <button disabled={!correction.trim()}>Send</button>
        </form>
      )}
    </div>
  );
}
