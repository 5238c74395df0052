// All customers on three dimensions at once.
import { count, percent, score } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useLoaded } from "../lib/loading.js";
import { t } from "../lib/text.js";
import { HeatMap } from "../parts/heatmap.js";
import { Card, Loading, NothingYet, Page, Trouble } from "../parts/page.js";
import { Hint, Simulated } from "../parts/words.js";

const BINS = 25;
const EVERY_S = 30;

export function Map_() {
  const shown = useLoaded(`/map?bins=${BINS}`, { everyS: EVERY_S });
  const map = shown.data;
  return html`<${Page} title=${t("page.map")} aside=${map?.simulated && html`<${Simulated} />`}>
    ${shown.problem && html`<${Trouble} problem=${shown.problem} />`}
    ${shown.loading && html`<${Loading} />`}
    ${map && map.cells.length === 0 && html`<${NothingYet} />`}
    ${map && map.cells.length > 0 && html`
      <p>${t("map.what")}</p>
      <div class="columns map">
        <${Card} title=${t("map.title")} hint=${html`<${Hint} about=${t("map.title")}>${t("map.hint")}<//>`}>
          <${HeatMap} bins=${map.bins} cells=${map.cells} />
        <//>
        <${Corners} map=${map} />
      </div>
      <${Table} map=${map} />`}
  <//>`;
}

/** The four quarters in numbers: what the picture says, for whoever cannot see it. */
function Corners({ map }) {
  const all = map.cells.reduce((sum, each) => sum + each.customers, 0);
  const corner = (isValuable, isWilling) => {
    const cells = map.cells.filter((each) => (each.value_bin >= map.bins / 2) === isValuable && (each.willingness_bin >= map.bins / 2) === isWilling);
    const customers = cells.reduce((sum, each) => sum + each.customers, 0);
    const absorption = cells.reduce((sum, each) => sum + each.customers * each.absorption, 0) / customers;
    return { customers, absorption };
  };
  return html`<${Card} title=${t("corners.title")} hint=${html`<${Hint} about=${t("corners.title")}>${t("corners.hint")}<//>`}>
    <table>
      <caption class="unseen">${t("corners.title")}</caption>
      <thead><tr><th scope="col">${t("corners.quarter")}</th><th scope="col" class="figure">${t("figure.customers")}</th><th scope="col" class="figure">${t("classes.share")}</th><th scope="col" class="figure">${t("corners.absorption")}</th></tr></thead>
      <tbody>${[[true, true], [true, false], [false, true], [false, false]].map(([isValuable, isWilling]) => {
        const { customers, absorption } = corner(isValuable, isWilling);
        return html`<tr><th scope="row">${t(`corners.${isValuable ? "high" : "low"}.${isWilling ? "high" : "low"}`)}</th>
          <td class="figure">${count(customers)}</td><td class="figure">${percent(customers / all)}</td>
          <td class="figure">${customers === 0 ? t("unknown.dash") : score(absorption)}</td></tr>`;
      })}</tbody>
    </table>
  <//>`;
}

function Table({ map }) {
  const cells = [...map.cells].sort((a, b) => b.customers - a.customers);
  const span = (bin) => `${score(bin / map.bins)}–${score((bin + 1) / map.bins)}`;
  return html`<details class="card"><summary>${t("chart.as-table")}</summary>
    <div class="wide tall" tabindex="0" role="region" aria-label=${t("map.title")}><table>
      <caption class="unseen">${t("map.title")}</caption>
      <thead><tr><th scope="col">${t("dimension.value")}</th><th scope="col">${t("dimension.willingness")}</th><th scope="col" class="figure">${t("figure.customers")}</th><th scope="col" class="figure">${t("dimension.absorption")}</th></tr></thead>
      <tbody>${cells.map((each) => html`<tr><td>${span(each.value_bin)}</td><td>${span(each.willingness_bin)}</td><td class="figure">${count(each.customers)}</td><td class="figure">${score(each.absorption)}</td></tr>`)}</tbody>
    </table></div>
  </details>`;
}
