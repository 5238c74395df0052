// Lists that come a page at a time: what is there, and one more page when asked for.
import { get, withParameters } from "./api.js";
import { useEffect, useRef, useState } from "./html.js";
import { waitS } from "./loading.js";
import { noteOutage } from "./outage.js";

const NOTHING = { pages: [], cursor: null, problem: null, loading: true };

/**
 * Load the pages of *path* with *parameters*; *key* changes when another list is wanted.
 *
 * Returns {pages, more, next, problem, loading, reload}. *reload* begins again with the first page
 * and keeps showing what is there until it has come.
 */
export function usePages(path, parameters, { reloadOn = 0 } = {}) {
  const first = withParameters(path, parameters);
  const [shown, setShown] = useState({ ...NOTHING, first });
  const [wanted, setWanted] = useState({ first, cursor: null, number: 0 });
  const me = useRef({}).current;
  const cursor = wanted.first === first ? wanted.cursor : null;

  useEffect(() => setWanted({ first, cursor: null, number: 0 }), [reloadOn]);

  useEffect(() => {
    const stopped = new AbortController();
    let timer = null;
    const load = async (tries) => {
      try {
        const page = await get(withParameters(path, { ...parameters, cursor }), { signal: stopped.signal });
        noteOutage(me, null);
        setShown((before) => ({
          first,
          pages: cursor === null ? [page] : [...before.pages, page],
          cursor: page.next_cursor,
          problem: null,
          loading: false,
        }));
      } catch (error) {
        if (stopped.signal.aborted) {
          return;
        }
        if (error.passes) {
          noteOutage(me, error);
          timer = setTimeout(() => load(tries + 1), waitS(tries, error) * 1000);
        } else {
          noteOutage(me, null);
          setShown({ ...NOTHING, first, loading: false, problem: error });
        }
      }
    };
    setShown((before) => (before.first === first ? { ...before, loading: true } : { ...NOTHING, first }));
    load(0);
    return () => {
      stopped.abort();
      clearTimeout(timer);
      noteOutage(me, null);
    };
  }, [first, cursor, reloadOn]);

  const current = shown.first === first ? shown : { ...NOTHING, first };
  return {
    pages: current.pages,
    more: current.cursor !== null,
    next: () => setWanted({ first, cursor: current.cursor, number: wanted.number + 1 }),
    problem: current.problem,
    loading: current.loading,
  };
}
