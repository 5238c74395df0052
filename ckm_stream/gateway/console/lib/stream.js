// Score updates as they are announced: server-sent events, read by fetch() for its headers.
import { open, withParameters } from "./api.js";
import { useEffect, useRef, useState } from "./html.js";
import { waitS } from "./loading.js";

// The gateway says something every 15 s; three times nothing is a connection that died silently.
const SILENT_MS = 45_000;

/** Cut a stream of text into events: {id, event, data}; comments and unknown fields are left out. */
export class EventParser {
  constructor() {
    this.rest = "";
    this.fields = {};
  }

  /** Return the events that *text* completes. */
  feed(text) {
    const lines = (this.rest + text).split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop();
    return lines.map((line) => this.line(line)).filter((event) => event !== null);
  }

  line(line) {
    if (line === "") {
      const event = this.fields;
      this.fields = {};
      // An id alone moves the place.
      return event.data === undefined && event.id === undefined ? null : event;
    }
    const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line);
    if (name === "data" && this.fields.data !== undefined) {
      this.fields.data += `\n${value}`;
    } else if (name !== "") {
      this.fields[name] = value;
    }
    return null;
  }
}

/**
 * Follow the score updates until *signal* is aborted, and over every gap.
 *
 * *onUpdate* gets each update, *onState* one of "connecting", "connected", "waiting" and, with a
 * problem that will not pass, "refused".
 */
export async function followUpdates(parameters, { signal, onUpdate, onState }) {
  let lastId = null;
  let tries = 0;
  while (!signal.aborted) {
    const connection = new AbortController();
    const stop = () => connection.abort();
    signal.addEventListener("abort", stop);
    try {
      onState("connecting");
      const headers = lastId === null ? {} : { "Last-Event-ID": lastId };
      const answer = await open(withParameters("/score-updates", parameters), { signal: connection.signal, headers });
      tries = 0;
      onState("connected");
      for await (const event of events(answer.body, connection)) {
        lastId = event.id ?? lastId;
        if (event.event === "score-updated") {
          onUpdate(JSON.parse(event.data));
        }
      }
    } catch (error) {
      if (signal.aborted) {
        return;
      }
      if (error.passes === false) {
        // The place that it was left at may be gone by now: begin at the newest.
        if (lastId === null || error.status === 401 || error.status === 403) {
          onState("refused", error);
          return;
        }
        lastId = null;
      }
      tries += 1;
    } finally {
      signal.removeEventListener("abort", stop);
      connection.abort();
    }
    onState("waiting");
    await pause(waitS(tries), signal);
  }
}

async function* events(body, connection) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parser = new EventParser();
  let silent = setTimeout(() => connection.abort(), SILENT_MS);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        return;
      }
      clearTimeout(silent);
      silent = setTimeout(() => connection.abort(), SILENT_MS);
      yield* parser.feed(decoder.decode(value, { stream: true }));
    }
  } finally {
    clearTimeout(silent);
  }
}

function pause(seconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/**
 * Follow the updates that *parameters* let through while *active*; returns {state, problem}.
 *
 * *onUpdate* may change from one drawing to the next without a new connection.
 */
export function useUpdates(parameters, onUpdate, { active = true } = {}) {
  const [state, setState] = useState({ state: "connecting", problem: null });
  const newest = useRef(onUpdate);
  newest.current = onUpdate;
  useEffect(() => {
    if (!active) {
      setState({ state: "paused", problem: null });
      return undefined;
    }
    const stopped = new AbortController();
    followUpdates(parameters, {
      signal: stopped.signal,
      onUpdate: (update) => newest.current(update),
      onState: (name, problem = null) => setState({ state: name, problem }),
    });
    return () => stopped.abort();
  }, [active, JSON.stringify(parameters)]);
  return state;
}
