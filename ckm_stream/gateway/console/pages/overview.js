// How many customers there are of each class, what flows, and how fresh all of it is.
import { count, percent, rate } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useLoaded } from "../lib/loading.js";
import { address } from "../lib/route.js";
import { t } from "../lib/text.js";
import { Bar } from "../parts/bars.js";
import { Card, Loading, NothingYet, Page, Trouble } from "../parts/page.js";
import { SourceTable } from "../parts/sourcetable.js";
import { Ago, Hint, Pattern, PATTERNS, Simulated } from "../parts/words.js";

const EVERY_S = 5;
const FIRST = 5;

export function Overview() {
  const overview = useLoaded("/overview", { everyS: EVERY_S });
  const first = useLoaded(`/key-sources?limit=${FIRST}`, { everyS: EVERY_S });
  const shown = overview.data;
  const isEmpty = shown !== null && shown.customers === 0;

  return html`<${Page} title=${t("page.overview")} aside=${shown?.simulated && html`<${Simulated} />`}>
    ${overview.problem && html`<${Trouble} problem=${overview.problem} />`}
    ${overview.loading && html`<${Loading} />`}
    ${isEmpty && html`<${NothingYet} />`}
    ${shown && html`<${Figures} shown=${shown} />`}
    ${shown && html`<div class="columns">
      ${!isEmpty && html`<${Classes} shown=${shown} />`}
      <div class="compact">
        ${!isEmpty && first.data && html`<${Card} title=${t("overview.first")}>
          <${SourceTable} rows=${first.data.key_sources} caption=${t("overview.first")} />
          <p class="more"><a href=${address("sources")}>${t("overview.all")}</a></p>
        <//>`}
        <${Flow} flow=${shown.flow} />
      </div>
    </div>`}
  <//>`;
}

function Figures({ shown }) {
  const { flow, freshness } = shown;
  const key = shown.classes.find((each) => each.source_class === "key_source")?.customers ?? 0;
  const lag = freshness.store_lag_records;
  return html`<dl class="figures">
    <${Figure} name="customers" figure=${count(shown.customers)} />
    <${Figure} name="key-sources" figure=${count(key)} />
    <${Figure} name="published" figure=${flow === null ? t("unknown.dash") : rate(flow.published_per_s)} />
    <${Figure} name="updates" figure=${flow === null ? t("unknown.dash") : rate(flow.score_updates_per_s)} />
    <${Figure} name="newest" figure=${freshness.newest_event === null ? t("unknown.dash") : html`<${Ago} at=${freshness.newest_event} />`} />
    <${Figure} name="lag" figure=${lag === null ? t("unknown.dash") : count(lag)} />
    <${Figure} name="epoch" figure=${count(freshness.epoch_id)} />
  </dl>`;
}

function Figure({ name, figure }) {
  const label = t(`figure.${name}`);
  return html`<div class="figure">
    <dt>${label} <${Hint} about=${label}>${t(`figure.${name}.hint`)}<//></dt>
    <dd>${figure}</dd>
  </div>`;
}

function Classes({ shown }) {
  const customers = Object.fromEntries(shown.classes.map((each) => [each.source_class, each.customers]));
  const most = Math.max(...Object.values(customers));
  return html`<${Card} title=${t("classes.title")} hint=${html`<${Hint} about=${t("classes.title")}>${t("classes.hint")}<//>`}>
    <table class="classes">
      <caption class="unseen">${t("classes.title")}</caption>
      <thead class="unseen"><tr><th scope="col">${t("source.class")}</th><th scope="col">${t("classes.share")}</th><th scope="col">${t("figure.customers")}</th></tr></thead>
      <tbody>${Object.keys(PATTERNS).map((name) => html`<tr key=${name}>
        <th scope="row">
          <a href=${address("sources", null, { class: name })}><${Pattern} name=${name} />${t(`class.${name}`)}</a>
          <span class="quiet">${t(`class.${name}.do`)}</span>
        </th>
        <td class="bars"><${Bar} share=${(customers[name] ?? 0) / most} /><span class="unseen">${percent((customers[name] ?? 0) / shown.customers)}</span></td>
        <td class="figure">${count(customers[name] ?? 0)}</td>
      </tr>`)}</tbody>
    </table>
  <//>`;
}

function Flow({ flow }) {
  return html`<${Card} title=${t("flow.title")} hint=${html`<${Hint} about=${t("flow.title")}>${t("flow.hint")}<//>`}>
    ${flow === null ? html`<p class="trouble">${t("flow.away")}</p>` : html`<div class="wide" tabindex="0" role="region" aria-label=${t("flow.title")}><table class="flow">
      <caption class="unseen">${t("flow.title")}</caption>
      <thead><tr><th scope="col">${t("flow.topic")}</th><th scope="col" class="figure">${t("flow.records")}</th><th scope="col" class="figure">${t("flow.rate")}</th></tr></thead>
      <tbody>${flow.topics.map((each) => html`<tr key=${each.topic}>
        <th scope="row" class="id">${each.topic}</th>
        <td class="figure">${count(each.records)}</td>
        <td class="figure">${rate(each.per_s)}</td>
      </tr>`)}</tbody>
    </table></div>`}
  <//>`;
}
