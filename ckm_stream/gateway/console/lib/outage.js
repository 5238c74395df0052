// Whether the gateway does its work: one banner for the whole console, whoever noticed.

const failing = new Map(); // who asks → the problem that they have
const listeners = new Set();

/** Note that *who* has a *problem* that may pass, or none any more (null). */
export function noteOutage(who, problem) {
  const had = failing.has(who);
  if (problem === null) {
    failing.delete(who);
  } else {
    failing.set(who, { problem, since: failing.get(who)?.since ?? Date.now() });
  }
  if (had || problem !== null) {
    listeners.forEach((listener) => listener());
  }
}

/** Return the outage that lasts longest, {problem, since}, or null. */
export function currentOutage() {
  const all = [...failing.values()].sort((a, b) => a.since - b.since);
  return all[0] ?? null;
}

export function onOutage(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
