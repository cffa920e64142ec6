// A query to look at: highlighted, to be copied, and to be opened in Explore.

import { tagHighlighter, highlightTree, tags } from '@lezer/highlight';
import { LanguageType, promQLLanguage } from '@prometheus-io/codemirror-promql';
import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';

const classes = tagHighlighter([
  { tag: tags.keyword, class: 'code-keyword' },
  { tag: tags.modifier, class: 'code-keyword' },
  { tag: tags.function(tags.variableName), class: 'code-function' },
  { tag: tags.string, class: 'code-string' },
  { tag: tags.number, class: 'code-number' },
  { tag: tags.labelName, class: 'code-label' },
  { tag: tags.operator, class: 'muted' },
]);

export interface Piece {
  text: string;
  kind: string;  // a class; empty for plain text
}

/** The query cut into pieces that each have one colour. */
export function coloured(promql: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  const until = (end: number, kind: string) => {
    if (end > at) pieces.push({ text: promql.slice(at, end), kind });
    at = Math.max(at, end);
  };
  const tree = promQLLanguage(LanguageType.PromQL).parser.parse(promql);
  highlightTree(tree, classes, (from, to, kind) => { until(from, ''); until(to, kind); });
  until(promql.length, '');
  return pieces;
}

/** Puts a text on the clipboard, also where the page was not loaded over TLS. */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  if (!done) throw new Error('no clipboard');
}

export function CopyButton({ text, what }: { text: string; what: string }) {
  const [said, setSaid] = useState('');
  const copy = async () => {
    try {
      await copyText(text);
      setSaid('Copied');
    } catch {
      setSaid('Select it to copy');
    }
    setTimeout(() => setSaid(''), 1600);
  };
  return (
    <button type="button" class="tool" onClick={copy} aria-label={`Copy ${what}`} aria-live="polite">
      {said || 'Copy'}
    </button>
  );
}

export function Code({ promql }: { promql: string }) {
  const pieces = useMemo(() => coloured(promql), [promql]);
  return <>{pieces.map(({ text, kind }, i) => <span class={kind} key={i}>{text}</span>)}</>;
}

export function exploreLink(promql: string): string {
  return `/explore?q=${encodeURIComponent(promql)}`;
}

/** `testid`: of the text of the query. */
export function Query({ promql, testid, children }: {
  promql: string; testid?: string; children?: ComponentChildren;
}) {
  return (
    <div class="code-block">
      <pre class="mono" data-testid={testid} tabIndex={0} aria-label="PromQL"><Code promql={promql} /></pre>
      <div class="tools">
        {children}
        <CopyButton text={promql} what="the query" />
        <a class="tool" data-testid="open" href={exploreLink(promql)}>Open in Explore</a>
      </div>
    </div>
  );
}
