// What a page shows, loaded and kept fresh; outages are sat out, and the old content stays.
import { get } from "./api.js";
import { useEffect, useRef, useState } from "./html.js";
import { noteOutage } from "./outage.js";

const FIRST_WAIT_S = 1;
const LONGEST_WAIT_S = 10;

/** Return how many seconds to wait before trying again for the *tries*-th time. */
export function waitS(tries, problem) {
  // Never the same for two tabs: after an outage they would all come back at once.
  const backoff = Math.min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** tries) * (0.75 + Math.random() / 2);
  return Math.max(backoff, Math.min(problem?.retryAfterS ?? 0, 60));
}

/**
 * Load what *path* says, again after *everyS* seconds if given
 * and whenever *reloadOn* changes.
 *
 * Returns {data, problem, loading, reload}. A problem that may pass goes to the banner and is tried
 * again until it has passed; any other is returned, and the page says it.
 */
export function useLoaded(path, { everyS = null, reloadOn = 0 } = {}) {
  const [shown, setShown] = useState({ path: null, data: null, problem: null });
  const [asked, setAsked] = useState(0);
  const me = useRef({}).current;

  useEffect(() => {
    const stopped = new AbortController();
    let timer = null;
    let tries = 0;
    const later = (seconds) => {
      timer = setTimeout(load, seconds * 1000);
    };
    const load = async () => {
      try {
        const data = await get(path, { signal: stopped.signal });
        noteOutage(me, null);
        tries = 0;
        setShown({ path, data, problem: null });
        if (everyS !== null) {
          later(everyS);
        }
      } catch (error) {
        if (stopped.signal.aborted) {
          return;
        }
        if (!error.passes) {
          noteOutage(me, null);
          setShown({ path, data: null, problem: error });
          return;
        }
        noteOutage(me, error);
        later(waitS(tries, error));
        tries += 1;
      }
    };
    load();
    return () => {
      stopped.abort();
      clearTimeout(timer);
      noteOutage(me, null);
    };
  }, [path, everyS, asked, reloadOn]);

  const isCurrent = shown.path === path;
  return {
    data: isCurrent ? shown.data : null,
    problem: isCurrent ? shown.problem : null,
    loading: !isCurrent,
    reload: () => setAsked((before) => before + 1),
  };
}

/** Return the time, Unix milliseconds, anew every *everyS* seconds. */
export function useNow(everyS) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyS * 1000);
    return () => clearInterval(timer);
  }, [everyS]);
  return now;
}
