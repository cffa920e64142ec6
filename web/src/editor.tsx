// The PromQL editor: highlighting, completion from the server, and lint.

import { autocompletion, closeBrackets, closeBracketsKeymap, closeCompletion, completionKeymap, completionStatus }
  from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { HighlightStyle, bracketMatching, syntaxHighlighting } from '@codemirror/language';
import { lintKeymap } from '@codemirror/lint';
import { EditorState, Prec } from '@codemirror/state';
import { EditorView, keymap, placeholder } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { PromQLExtension } from '@prometheus-io/codemirror-promql';
import { useEffect, useRef } from 'preact/hooks';

const colours = HighlightStyle.define([
  { tag: tags.keyword, color: 'var(--code-keyword)' },
  { tag: tags.function(tags.variableName), color: 'var(--code-function)' },
  { tag: tags.string, color: 'var(--code-string)' },
  { tag: tags.number, color: 'var(--code-number)' },
  { tag: tags.labelName, color: 'var(--code-label)' },
  { tag: tags.operator, color: 'var(--muted)' },
  { tag: tags.modifier, color: 'var(--code-keyword)' },
  { tag: tags.comment, color: 'var(--muted)', fontStyle: 'italic' },
]);

const look = EditorView.theme({
  '&': { fontSize: '14px', backgroundColor: 'transparent', color: 'var(--text)' },
  '&.cm-focused': { outline: 'none' },
  '.cm-content': { fontFamily: 'var(--mono)', caretColor: 'var(--accent)', padding: '10px 0' },
  '.cm-tooltip': { backgroundColor: 'var(--card)', border: '1px solid var(--line)', borderRadius: '8px' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { backgroundColor: 'var(--accent)', color: '#fff' },
  '.cm-cursor': { borderLeftColor: 'var(--accent)' },
});

/** `value` is the text to begin with; from then on the editor holds it and tells of changes. */
export function Editor({ value, onChange, onRun }: {
  value: string;
  onChange: (text: string) => void;
  onRun: () => void;
}) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const run = useRef(onRun);
  run.current = onRun;
  // After a run, or when the editor is left, completions that are still on their way stay away.
  const settled = useRef(false);
  const settle = () => {
    settled.current = true;
    if (view.current) closeCompletion(view.current);
  };

  useEffect(() => {
    const promql = new PromQLExtension().setComplete({ remote: { url: '' } });
    view.current = new EditorView({
      parent: host.current!,
      state: EditorState.create({
        doc: value,
        extensions: [
          history(), bracketMatching(), closeBrackets(), autocompletion(), promql.asExtension(),
          syntaxHighlighting(colours), look, EditorView.lineWrapping,
          placeholder('PromQL, for example: rate(node_cpu_seconds_total[1m])'),
          EditorView.contentAttributes.of({ 'aria-label': 'PromQL expression' }),
          // An open list of completions takes Enter first: its own keymap is of the highest rank.
          Prec.high(keymap.of([
            { key: 'Mod-Enter', run: () => (settle(), run.current(), true) },
            { key: 'Enter', run: () => (settle(), run.current(), true) },
          ])),
          Prec.highest(EditorView.domEventHandlers({
            keydown: () => { settled.current = false; },
            blur: settle,
          })),
          keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap,
                     ...completionKeymap, ...lintKeymap]),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) onChange(update.state.doc.toString());
            if (settled.current && completionStatus(update.state)) setTimeout(settle);
          }),
        ],
      }),
    });
    return () => view.current?.destroy();
  }, []);

  return <div class="editor" data-testid="editor" ref={host} />;
}
