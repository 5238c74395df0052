// Who is signed in. The token lives as long as the tab, and never in an address.

const STORED_AS = "ckm.token";
const listeners = new Set();

let token = sessionStorage.getItem(STORED_AS);
let ending = null; // why the last session ended: a key of the texts

export function currentToken() {
  return token;
}

export function whyEnded() {
  return ending;
}

export function beginSession(accepted) {
  token = accepted;
  ending = null;
  sessionStorage.setItem(STORED_AS, accepted);
  tell();
}

/** Forget the token; *why* is the key of the sentence that the sign-in page shows. */
export function endSession(why = null) {
  token = null;
  ending = why;
  sessionStorage.removeItem(STORED_AS);
  tell();
}

export function onSession(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell() {
  listeners.forEach((listener) => listener());
}
