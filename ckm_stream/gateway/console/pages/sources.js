// The ranking of customers by their total, filtered and searched; the filter is in the address.
import { html, useEffect, useRef, useState } from "../lib/html.js";
import { usePages } from "../lib/pages.js";
import { replaceParameters } from "../lib/route.js";
import { t } from "../lib/text.js";
import { Loading, More, Page, Trouble } from "../parts/page.js";
import { SourceTable } from "../parts/sourcetable.js";
import { PATTERNS } from "../parts/words.js";

const EACH = 50;
const TYPING_MS = 250;
const TOTALS = ["", "0.2", "0.4", "0.6", "0.8"];

export function Sources({ route }) {
  const { class: sourceClass = "", q = "", lead = "", min = "" } = route.parameters;
  const list = usePages("/key-sources", {
    class: sourceClass,
    q,
    lead_user: lead === "yes" ? "true" : "",
    min_total: min,
    limit: EACH,
  });
  const rows = list.pages.flatMap((page) => page.key_sources);
  const isFiltered = Boolean(sourceClass || q || lead || min);
  const change = (changed) => replaceParameters("sources", null, { class: sourceClass, q, lead, min, ...changed });

  return html`<${Page} title=${t("page.sources")}>
    <form class="filters card" role="search" onSubmit=${(event) => event.preventDefault()}>
      <label>${t("source.class")}
        <select value=${sourceClass} onChange=${(event) => change({ class: event.target.value })}>
          <option value="">${t("filter.all")}</option>
          ${Object.keys(PATTERNS).map((name) => html`<option value=${name}>${t(`class.${name}`)}</option>`)}
        </select>
      </label>
      <${Search} q=${q} onSearch=${(wanted) => change({ q: wanted })} />
      <label>${t("filter.min")}
        <select value=${min} onChange=${(event) => change({ min: event.target.value })}>
          ${TOTALS.map((each) => html`<option value=${each}>${each === "" ? t("filter.any") : `≥ ${each}`}</option>`)}
        </select>
      </label>
      <label class="tick-box"><input type="checkbox" checked=${lead === "yes"} onChange=${(event) => change({ lead: event.target.checked ? "yes" : "" })} /> ${t("filter.lead")}</label>
      ${isFiltered && html`<button type="button" onClick=${() => change({ class: "", q: "", lead: "", min: "" })}>${t("filter.clear")}</button>`}
    </form>
    <p class="found" role="status">${list.loading ? "" : t(list.more ? "source.shown.more" : "source.shown", { n: rows.length })}</p>
    ${list.problem && html`<${Trouble} problem=${list.problem} />`}
    ${list.loading && rows.length === 0 && html`<${Loading} />`}
    ${!list.loading && !list.problem && rows.length === 0 && html`<p class="card">${t(isFiltered ? "source.none" : "nothing.short")}</p>`}
    ${rows.length > 0 && html`<section class="card"><${SourceTable} rows=${rows} caption=${t("page.sources")} /><${More} list=${list} label=${t("source.more")} /></section>`}
  <//>`;
}

/** A search by the beginning of the id, asked for when typing pauses. */
function Search({ q, onSearch }) {
  const [typed, setTyped] = useState(q);
  const timer = useRef(null);
  useEffect(() => {
    setTyped(q);
    return () => clearTimeout(timer.current);
  }, [q]);
  const type = (event) => {
    const wanted = event.target.value;
    setTyped(wanted);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => onSearch(wanted.trim()), TYPING_MS);
  };
  return html`<label>${t("filter.search")}
    <input type="search" value=${typed} onInput=${type} placeholder=${t("filter.search.hint")} autocomplete="off" spellcheck=${false} maxlength="200" />
  </label>`;
}
