// Data that is asked for again every few seconds while the page is looked at.

import { useEffect, useState } from 'preact/hooks';

export interface Live<T> {
  value?: T;
  error?: string;
}

/** Calls `load` now and every `seconds`, while `key` stays the same. */
export function useLive<T>(load: (signal: AbortSignal) => Promise<T>, seconds: number, key: string) {
  const [state, setState] = useState<Live<T>>({});
  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    const tick = async () => {
      let delay = seconds;
      if (!document.hidden) {
        try {
          const value = await load(abort.signal);
          setState({ value });
        } catch (error) {
          if (abort.signal.aborted) return;
          setState((before) => ({ ...before, error: (error as Error).message }));
          delay = Math.max(seconds, 2);
        }
      }
      if (!abort.signal.aborted) timer = setTimeout(tick, delay * 1000);
    };
    tick();
    const seen = () => { if (!document.hidden) { clearTimeout(timer); tick(); } };
    document.addEventListener('visibilitychange', seen);
    return () => {
      abort.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', seen);
    };
  }, [key]);
  return state;
}
