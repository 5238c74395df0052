// Asking the gateway. What fails is a Problem, which knows its sentence and whether it may pass.
import { currentToken, endSession } from "./session.js";
import { t } from "./text.js";

const TIMEOUT_MS = 15_000;
const PASSING = new Set([0, 429, 500, 502, 503, 504]);
const SAID = new Set([0, 401, 403, 404, 429, 503]);

/** An answer other than the one asked for; status 0 is no answer at all. */
export class Problem extends Error {
  constructor(status, { detail = "", retryAfterS = null } = {}) {
    super(`${status} ${detail}`);
    this.status = status;
    this.detail = detail;
    this.retryAfterS = retryAfterS;
  }

  /** Whether trying again later may help. */
  get passes() {
    return PASSING.has(this.status);
  }

  /** What is wrong and what to do, in the language in use. */
  get sentence() {
    if (SAID.has(this.status)) {
      return t(`problem.${this.status}`);
    }
    const key = this.status >= 500 ? "problem.other" : "problem.asked";
    return t(key, { status: this.status, detail: this.detail });
  }
}

/** Return the JSON document at *path* below /v1; raises a Problem, or AbortError if *signal* says so. */
export async function get(path, { signal = null, token = currentToken() } = {}) {
  const answer = await ask(path, { signal, token, timeoutMs: TIMEOUT_MS });
  try {
    return await answer.json();
  } catch (error) {
    throw error.name === "AbortError" ? error : new Problem(0, { detail: error.message });
  }
}

/** Return the answer to a GET that may take for ever, such as a stream of events. */
export async function open(path, { signal, headers = {} }) {
  return ask(path, { signal, token: currentToken(), headers });
}

async function ask(path, { signal, token, headers = {}, timeoutMs = null }) {
  const both = new AbortController();
  const stop = () => both.abort();
  const tooLate = timeoutMs === null ? null : setTimeout(stop, timeoutMs);
  if (signal?.aborted) {
    stop();
  }
  signal?.addEventListener("abort", stop);
  let answer;
  try {
    answer = await fetch(`/v1${path}`, {
      headers: { Authorization: `Bearer ${token}`, ...headers },
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      signal: both.signal,
    });
  } catch (error) {
    // A page that is left stops asking, and that is nobody's problem; silence is one.
    throw signal?.aborted ? error : new Problem(0, { detail: error.message });
  } finally {
    clearTimeout(tooLate);
  }
  if (answer.ok) {
    return answer;
  }
  const problem = await problemOf(answer);
  if (problem.status === 401 && token === currentToken()) {
    endSession("signin.ended");
  }
  throw problem;
}

async function problemOf(answer) {
  const retryAfterS = Number.parseFloat(answer.headers.get("Retry-After"));
  const kind = answer.headers.get("Content-Type") ?? "";
  const document = kind.includes("problem+json") ? await answer.json().catch(() => ({})) : {};
  return new Problem(answer.status, {
    detail: document.detail ?? "",
    retryAfterS: Number.isFinite(retryAfterS) ? retryAfterS : null,
  });
}

/** Return *path* with the parameters that are there. */
export function withParameters(path, parameters) {
  const there = Object.entries(parameters).filter(([, value]) => value !== null && value !== "" && value !== undefined);
  return there.length === 0 ? path : `${path}?${new URLSearchParams(there)}`;
}
