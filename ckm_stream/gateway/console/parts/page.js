// What every page is made of: its heading, and what it says while and when there is nothing.
import { html, useEffect, useLayoutEffect, useRef } from "../lib/html.js";
import { t } from "../lib/text.js";

let isFirst = true;

/** A page: its heading takes the focus after a navigation, so that it is read out next. */
export function Page({ title, children, aside = null, name = title }) {
  const heading = useRef(null);
  useLayoutEffect(() => {
    if (!isFirst) {
      heading.current.focus();
      scrollTo(0, 0);
    }
    isFirst = false;
  }, []);
  useEffect(() => {
    document.title = `${name} · ckm-stream`;
  }, [name]);
  return html`
    <header class="page-head">
      <h1 tabindex="-1" ref=${heading}>${title}</h1>
      ${aside && html`<div class="aside">${aside}</div>`}
    </header>
    ${children}`;
}

export function Card({ title, children, hint = null, className = "" }) {
  return html`<section class="card ${className}">
    <h2>${title}${hint}</h2>
    ${children}
  </section>`;
}

export function Loading() {
  return html`<p class="loading">${t("loading")}</p>`;
}

export function Trouble({ problem }) {
  return html`<p class="trouble" role="alert">${problem.sentence}</p>`;
}

/** What to do with a system in which nobody has done anything yet. */
export function NothingYet() {
  return html`<section class="card nothing">
    <h2>${t("nothing.title")}</h2>
    <p>${t("nothing.why")}</p>
    <ol>
      <li>${t("nothing.publish")} <pre tabindex="0"><code>ckm publish events.jsonl</code></pre></li>
      <li>${t("nothing.workers")} <pre tabindex="0"><code>ckm worker${"\n"}ckm snapshots</code></pre></li>
      <li>${t("nothing.demo")} <pre tabindex="0"><code>ckm demo</code></pre></li>
    </ol>
    <p>${t("nothing.then")}</p>
  </section>`;
}

/** More of a list that comes in pages. */
export function More({ list, label }) {
  if (!list.more) {
    return null;
  }
  return html`<p class="more">
    <button type="button" aria-disabled=${list.loading ? "true" : "false"} onClick=${() => list.loading || list.next()}>
      ${list.loading ? t("loading") : label}
    </button>
  </p>`;
}
