// What was told and given, and how the customer's class changed, newest first.
import { number } from "../lib/format.js";
import { html, useState } from "../lib/html.js";
import { usePages } from "../lib/pages.js";
import { t, word } from "../lib/text.js";
import { Card, Loading, More, Trouble } from "./page.js";
import { SECTIONS } from "./sections.js";
import { Pattern, Time } from "./words.js";

const EACH = 50;

/** Show the items of *id*, with *classes* (changes of class, newest first) between them. */
export function Timeline({ id, classes, reloadOn }) {
  const [section, setSection] = useState("");
  const list = usePages(`/customers/${encodeURIComponent(id)}/items`, { section, limit: EACH }, { reloadOn });
  const items = list.pages.flatMap((page) => page.items);
  const entries = merged(items, section === "" ? classes : [], list.more);

  return html`<${Card} title=${t("timeline.title")} className="timeline">
    <p class="controls"><label>${t("timeline.show")}
      <select value=${section} onChange=${(event) => setSection(event.target.value)}>
        <option value="">${t("timeline.all")}</option>
        ${SECTIONS.map((each) => html`<option value=${each}>${t(`section.${each}`)}</option>`)}
      </select>
    </label></p>
    ${list.problem && html`<${Trouble} problem=${list.problem} />`}
    ${list.loading && list.pages.length === 0 && html`<${Loading} />`}
    ${!list.loading && entries.length === 0 && html`<p>${t("timeline.none")}</p>`}
    <ol>${entries.map((entry) => (entry.item_id ? html`<${Item} key=${entry.item_id} item=${entry} />` : html`<${Change} key=${`${entry.version} ${entry.as_of}`} change=${entry} />`))}</ol>
    <${More} list=${list} label=${t("timeline.more")} />
  <//>`;
}

/** Put changes of class between items, newest first; older ones wait for the items of their time. */
function merged(items, classes, more) {
  const oldest = more && items.length > 0 ? Date.parse(items[items.length - 1].occurred_at) : -Infinity;
  return [...items, ...classes.filter((each) => Date.parse(each.as_of) >= oldest)]
    .map((entry) => [Date.parse(entry.occurred_at ?? entry.as_of), entry])
    .sort(([a], [b]) => b - a)
    .map(([, entry]) => entry);
}

function Item({ item }) {
  return html`<li class="item ${item.section}">
    <p class="head">
      <${Time} at=${item.occurred_at} />
      <strong>${word("kind", item.kind)}</strong>
      <span class="mark">${t(`section.${item.section}.short`)}</span>
      <span class="mark">${word("form", item.form)}${item.externalised ? ` · ${t("externalised")}` : ""}</span>
      <span class="mark">${word("stage", item.stage)}</span>
    </p>
    ${item.text && html`<blockquote>${item.text}</blockquote>`}
    <p class="details">
      ${item.topics.length > 0 && html`<span>${t("item.topics", { topics: item.topics.join(", ") })}</span>`}
      ${item.product && html`<span>${t("item.product", { product: item.product })}</span>`}
      ${item.novelty !== null && html`<span>${t("item.novelty", { novelty: number(item.novelty) })}</span>`}
      <span>${t("item.source", { source: item.source, event: item.event_id })}</span>
    </p>
  </li>`;
}

function Change({ change }) {
  const names = { from: t(`class.${change.previous_class ?? "none"}`), to: t(`class.${change.source_class}`) };
  return html`<li class="change">
    <p class="head"><${Time} at=${change.as_of} /> <${Pattern} name=${change.source_class} /> <strong>${t("timeline.class", names)}</strong>
      <span class="mark">${t(`reason.${change.reason}`)}</span></p>
  </li>`;
}
