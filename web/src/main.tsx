import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Ask } from './ask';
import { Discovery } from './discovery';
import { Explore } from './explore';
import { Overview } from './overview';
import { Targets } from './targets';
import './style.css';
import './ask.css';

const pages = [
  { path: '/', name: 'Overview', view: Overview },
  { path: '/explore', name: 'Explore', view: Explore },
  { path: '/ask', name: 'Ask', view: Ask },
  { path: '/targets', name: 'Targets', view: Targets },
  { path: '/service-discovery', name: 'Discovery', view: Discovery },
];

/** Addresses that Prometheus' own UI has. */
const alsoExplore = ['/query', '/graph'];

function QuickAsk({ go }: { go: (href: string) => void }) {
  const [text, setText] = useState('');
  return (
    <form class="quick" onSubmit={(event) => {
      event.preventDefault();
      if (text.trim()) go(`/ask?q=${encodeURIComponent(text)}`);
      setText('');
    }}>
      <input aria-label="Quick question" placeholder="Ask a question…" value={text}
             onInput={(event) => setText(event.currentTarget.value)} />
    </form>
  );
}

function App() {
  const [href, setHref] = useState(location.pathname + location.search);
  const go = (target: string) => {
    history.pushState(null, '', target);
    setHref(target);
    scrollTo(0, 0);
  };
  useEffect(() => {
    const back = () => setHref(location.pathname + location.search);
    // Links between pages need no reload.
    const click = (event: MouseEvent) => {
      const link = (event.target as Element).closest?.('a');
      if (!link || event.ctrlKey || event.metaKey || link.origin !== location.origin) return;
      if (!pages.some((page) => page.path === link.pathname)) return;
      event.preventDefault();
      go(link.pathname + link.search);
    };
    addEventListener('popstate', back);
    addEventListener('click', click);
    return () => { removeEventListener('popstate', back); removeEventListener('click', click); };
  }, []);
  const path = href.split('?')[0];
  const wanted = alsoExplore.includes(path) ? '/explore' : path;
  const page = pages.find((candidate) => candidate.path === wanted) ?? pages[0];
  const View = page.view;
  return (
    <>
      <nav>
        <a class="brand" href="/"><img src="/favicon.svg" alt="" width="26" height="26" />prom5</a>
        <div class="links">
          {pages.map(({ path: to, name }) => (
            <a key={to} href={to} class={to === page.path ? 'on' : ''}>{name}</a>
          ))}
        </div>
        {page.path !== '/ask' && <QuickAsk go={go} />}
      </nav>
      <View key={page.path === '/ask' || page.path === '/explore' ? href : page.path} />
    </>
  );
}

render(<App />, document.getElementById('app')!);
