// Score updates as they are announced.
import { clock, effect, score } from "../lib/format.js";
import { html, useEffect, useRef, useState } from "../lib/html.js";
import { replaceParameters } from "../lib/route.js";
import { useUpdates } from "../lib/stream.js";
import { t } from "../lib/text.js";
import { Page, Trouble } from "../parts/page.js";
import { ClassName, CustomerLink, PATTERNS, Time } from "../parts/words.js";

const KEPT = 100;
const REASONS = 3;
// However many come, the table is drawn four times a second, and the count read out every 10 s.
const DRAWN_MS = 250;
const READ_OUT_MS = 10_000;

export function Live({ route }) {
  const { class: sourceClass = "", customer = "" } = route.parameters;
  const [active, setActive] = useState(true);
  const parameters = { class: sourceClass, customer_id: customer };
  const { rows, total, take } = useNewest(JSON.stringify(parameters));
  const { state, problem } = useUpdates(parameters, take, { active });
  const said = useThrottled(total);
  const change = (changed) => replaceParameters("live", null, { class: sourceClass, customer, ...changed });

  return html`<${Page} title=${t("page.live")} aside=${html`<span class="state ${state}" role="status">${t(`live.${state}`)}</span>`}>
    <p>${t("live.what")}</p>
    <form class="filters card" onSubmit=${(event) => { event.preventDefault(); change({ customer: new FormData(event.target).get("customer").trim() }); }}>
      <label>${t("source.class")}
        <select value=${sourceClass} onChange=${(event) => change({ class: event.target.value })}>
          <option value="">${t("filter.all")}</option>
          ${Object.keys(PATTERNS).map((name) => html`<option value=${name}>${t(`class.${name}`)}</option>`)}
        </select>
      </label>
      <label>${t("live.customer")} <input name="customer" value=${customer} autocomplete="off" spellcheck=${false} maxlength="200" /></label>
      <button type="submit">${t("live.filter")}</button>
      <button type="button" aria-pressed=${active ? "false" : "true"} onClick=${() => setActive(!active)}>${t(active ? "live.pause" : "live.resume")}</button>
    </form>
    ${problem && html`<${Trouble} problem=${problem} />`}
    <p class="found" role="status" aria-live="polite">${t("live.count", { n: said })}</p>
    ${rows.length === 0 ? html`<p class="card">${t("live.none")}</p>` : html`<section class="card"><table class="updates">
      <caption class="unseen">${t("page.live")}</caption>
      <thead><tr>
        <th scope="col">${t("live.arrived")}</th><th scope="col">${t("source.customer")}</th><th scope="col">${t("source.class")}</th>
        <th scope="col" class="figure">${t("dimension.total")}</th><th scope="col" class="less">${t("live.reasons")}</th><th scope="col" class="least">${t("history.at")}</th>
      </tr></thead>
      <tbody>${rows.map((row) => html`<tr key=${row.number}>
        <td>${clock(row.arrived)}</td>
        <th scope="row"><${CustomerLink} id=${row.update.customer_id} /></th>
        <td>${moved(row.update) && html`<span class="before">${t(`class.${row.update.previous_class}`)} → </span>`}<${ClassName} name=${row.update.source_class} /></td>
        <td class="figure total">${score(row.update.total)}</td>
        <td class="less">${strongest(row.update.factors).map((each) => html`<span class="reason">${each.indicator} ${t(`indicator.${each.indicator}`)} ${effect(each.contribution)}</span> `)}</td>
        <td class="least"><${Time} at=${row.update.as_of} /></td>
      </tr>`)}</tbody>
    </table></section>`}
  <//>`;
}

function moved(update) {
  return update.previous_class !== null && update.previous_class !== update.source_class;
}

function strongest(factors) {
  return [...factors].sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution)).slice(0, REASONS);
}

/** Keep the newest updates, and draw at most every DRAWN_MS; begins anew with another *filter*. */
function useNewest(filter) {
  const kept = useRef(null);
  if (kept.current === null || kept.current.filter !== filter) {
    kept.current = { filter, rows: [], total: 0 };
  }
  const [, draw] = useState(0);
  const timer = useRef(null);
  useEffect(() => () => clearTimeout(timer.current), []);
  const take = (update) => {
    const now = kept.current;
    now.total += 1;
    now.rows = [{ number: now.total, arrived: Date.now(), update }, ...now.rows].slice(0, KEPT);
    timer.current ??= setTimeout(() => {
      timer.current = null;
      draw((before) => before + 1);
    }, DRAWN_MS);
  };
  return { rows: kept.current.rows, total: kept.current.total, take };
}

function useThrottled(value) {
  const [said, setSaid] = useState(value);
  const newest = useRef(value);
  newest.current = value;
  useEffect(() => {
    const timer = setInterval(() => setSaid(newest.current), READ_OUT_MS);
    return () => clearInterval(timer);
  }, []);
  return said;
}
