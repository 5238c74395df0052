// Where the console is: #/page/argument?parameter=value.
import { useEffect, useState } from "./html.js";

/** Read an address's hash: {page, argument, parameters}; nothing is the overview. */
export function readRoute(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [page, ...rest] = path.split("/");
  return {
    page: page || "overview",
    argument: rest.length === 0 ? null : decode(rest.join("/")),
    parameters: Object.fromEntries(new URLSearchParams(query)),
  };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // typed by hand: what cannot be decoded is looked for as it stands
  }
}

/** Return the hash of a page. */
export function address(page, argument = null, parameters = {}) {
  const there = Object.entries(parameters).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const query = there.length === 0 ? "" : `?${new URLSearchParams(there)}`;
  return `#/${page}${argument === null ? "" : `/${encodeURIComponent(argument)}`}${query}`;
}

/** Return the route, anew with each navigation. */
export function useRoute() {
  const [route, setRoute] = useState(readRoute(location.hash));
  useEffect(() => {
    const follow = () => setRoute(readRoute(location.hash));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return route;
}

/** Change the parameters of the page that is shown, without a step in the history. */
export function replaceParameters(page, argument, parameters) {
  history.replaceState(null, "", address(page, argument, parameters));
  dispatchEvent(new HashChangeEvent("hashchange"));
}
