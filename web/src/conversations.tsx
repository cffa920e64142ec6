// The list of earlier conversations.

import type { SessionInfo } from './agent';
import { ago } from './format';

export interface ConversationsProps {
  list: SessionInfo[];
  current?: string;
  onOpen: (session: string) => void;
  onNew: () => void;
  onForget: (session: string) => void;
}

export function Conversations({ list, current, onOpen, onNew, onForget }: ConversationsProps) {
  return (
    <div class="conversations">
      <button type="button" class="new" onClick={onNew}>New conversation</button>
      {list.length > 0 && <p class="eyebrow">Earlier</p>}
      <ul>
        {list.map(({ id, title, turns, last_used: used }) => (
          <li key={id} class={id === current ? 'on' : ''} data-testid="conversation">
            <button type="button" class="plain" onClick={() => onOpen(id)}
                    aria-current={id === current ? 'true' : undefined} title={title}>
              <span class="title">{title || 'Untitled'}</span>
              <span class="muted small">{turns === 1 ? '1 question' : `${turns} questions`}
                {' · '}{ago(new Date(used * 1000).toISOString(), Date.now())}</span>
            </button>
            <button type="button" class="icon" aria-label={`Forget “${title}”`}
                    onClick={() => onForget(id)}>×</button>
          </li>
        ))}
      </ul>
    </div>
  );
}
