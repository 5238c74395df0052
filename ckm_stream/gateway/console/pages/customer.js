// One customer: the score and why it is so, how it came about, and what is known.
import { count, number, score } from "../lib/format.js";
import { html, useRef, useState } from "../lib/html.js";
import { useLoaded } from "../lib/loading.js";
import { usePages } from "../lib/pages.js";
import { address } from "../lib/route.js";
import { useUpdates } from "../lib/stream.js";
import { engagementReason, t } from "../lib/text.js";
import { Bar } from "../parts/bars.js";
import { Explanation, Indicators } from "../parts/explanation.js";
import { Card, Loading, More, Page, Trouble } from "../parts/page.js";
import { Sections } from "../parts/sections.js";
import { TimeChart } from "../parts/timechart.js";
import { Timeline } from "../parts/timeline.js";
import { ClassName, DIMENSIONS, Hint, LeadUser, Simulated, Time } from "../parts/words.js";

const SCORES = 200;
const EVERY_S = 15;
// The store is written a moment after the update is announced.
const STORED_AFTER_MS = 1500;

export function Customer({ route }) {
  const id = route.argument ?? "";
  const shown = useLoaded(`/customers/${encodeURIComponent(id)}`, { everyS: EVERY_S });
  const [news, setNews] = useState("");
  const timer = useRef(null);
  useUpdates({ customer_id: id }, (update) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(shown.reload, STORED_AFTER_MS);
    setNews(t("customer.news", { total: score(update.total), class: t(`class.${update.source_class}`) }));
  }, { active: shown.problem === null });

  if (shown.problem?.status === 404) {
    return html`<${Page} title=${t("customer.unknown")}>
      <p>${t("customer.unknown.why", { id })}</p>
      <p><a href=${address("sources")}>${t("customer.unknown.do")}</a></p>
    <//>`;
  }
  const profile = shown.data;
  const marks = profile && html`
    ${profile.score && html`<${ClassName} name=${profile.score.source_class} />`}
    ${profile.score?.lead_user && html`<${LeadUser} />`}
    ${profile.simulated && html`<${Simulated} />`}`;
  return html`<${Page} title=${html`<span class="id">${id}</span>`} name=${id} aside=${marks}>
    <p class="unseen" role="status">${news}</p>
    ${shown.problem && html`<${Trouble} problem=${shown.problem} />`}
    ${shown.loading && html`<${Loading} />`}
    ${profile && html`<p class="quiet">${t("customer.state", { version: count(profile.version) })} <${Time} at=${profile.as_of} /></p>`}
    ${profile && (profile.score ? html`<${Scored} profile=${profile} />` : html`<p class="card">${t("customer.no-score")}</p>`)}
    ${profile && html`<${Sections} profile=${profile} />`}
    ${profile && html`<${Past} id=${id} version=${profile.version} />`}
    ${profile?.score && html`<${Indicators} />`}
  <//>`;
}

function Scored({ profile }) {
  const now = profile.score;
  return html`
    <${Card} title=${t("score.title")} className="score">
      <div class="side-by-side">
      <p class="total"><span class="number">${score(now.total)}</span> <span class="quiet">${t("score.total")}</span></p>
      <table class="dimensions">
        <caption class="unseen">${t("score.dimensions")}</caption>
        <thead class="unseen"><tr><th scope="col">${t("score.dimension")}</th><th scope="col">${t("score.share")}</th><th scope="col">${t("score.number")}</th><th scope="col">${t("why.evidence")}</th></tr></thead>
        <tbody>${DIMENSIONS.map((name) => html`<tr>
          <th scope="row">${t(`dimension.${name}`)} <${Hint} about=${t(`dimension.${name}`)}>${t(`dimension.${name}.hint`)}<//></th>
          <td class="bars"><${Bar} share=${now[name]} kind=${name} /></td>
          <td class="figure">${score(now[name])}</td>
          <td class="figure quiet">${t("score.evidence", { n: number(now[`${name}_n_eff`]) })}</td>
        </tr>`)}</tbody>
      </table>
      <dl class="advice">
        <dt>${t("source.class")}</dt><dd>${t("class.advice", { class: t(`class.${now.source_class}`), do: t(`class.${now.source_class}.do`) })}</dd>
        <dt>${t("source.engagement")}</dt><dd>${t("class.advice", { class: t(`engagement.${now.engagement}`), do: engagementReason(now.engagement_reason) })}</dd>
        <dt>${t("score.announced")}</dt><dd><${Time} at=${now.as_of} />${[`reason.${now.reason}`, "score.epoch"].map((key) => t("comma") + t(key, { n: now.epoch_id }))}</dd>
      </dl>
      </div>
    <//>
    <${Explanation} id=${profile.customer_id} asOf=${profile.as_of} reloadOn=${profile.version} />`;
}

function Past({ id, version }) {
  const list = usePages(`/customers/${encodeURIComponent(id)}/history`, { limit: SCORES }, { reloadOn: version });
  const newestFirst = list.pages.flatMap((page) => page.scores);
  const classes = list.pages.flatMap((page) => page.classes);
  return html`
    <${Card} title=${t("history.title")} hint=${html`<${Hint} about=${t("history.title")}>${t("history.hint")}<//>`}>
      ${list.problem && html`<${Trouble} problem=${list.problem} />`}
      ${newestFirst.length === 0 && !list.loading && html`<p>${t("history.none")}</p>`}
      ${newestFirst.length > 0 && html`<${TimeChart} scores=${[...newestFirst].reverse()} classes=${classes} />`}
      <${More} list=${list} label=${t("history.more")} />
      ${newestFirst.length > 0 && html`<details><summary>${t("chart.as-table")}</summary>
        <div class="wide tall" tabindex="0" role="region" aria-label=${t("history.title")}><table>
          <caption class="unseen">${t("history.title")}</caption>
          <thead><tr><th scope="col">${t("history.at")}</th><th scope="col" class="figure">${t("dimension.total")}</th>
            ${DIMENSIONS.map((name) => html`<th scope="col" class="figure">${t(`dimension.${name}`)}</th>`)}<th scope="col">${t("source.class")}</th><th scope="col">${t("history.reason")}</th></tr></thead>
          <tbody>${newestFirst.map((each) => html`<tr><td><${Time} at=${each.as_of} /></td><td class="figure">${score(each.total)}</td>
            ${DIMENSIONS.map((name) => html`<td class="figure">${score(each[name])}</td>`)}<td>${t(`class.${each.source_class}`)}</td><td>${t(`reason.${each.reason}`)}</td></tr>`)}</tbody>
        </table></div>
      </details>`}
    <//>
    <${Timeline} id=${id} classes=${classes} reloadOn=${version} />`;
}
