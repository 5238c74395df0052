// Why a score is what it is: what each of the twelve indicators lifts or lowers.
import { duration, effect, number, score } from "../lib/format.js";
import { html, useState } from "../lib/html.js";
import { useLoaded } from "../lib/loading.js";
import { withParameters } from "../lib/api.js";
import { t } from "../lib/text.js";
import { TwoWayBar } from "./bars.js";
import { Card, Loading, Trouble } from "./page.js";
import { ClassName, Hint, Time } from "./words.js";

const DIMENSION_OF = { V: "value", W: "willingness", A: "absorption" };
const COOLED_WEEKS = [0, 4, 13, 26, 52];
const WEEK_MS = 604_800_000;

/** Show the explanation of the newest score of *id*, as announced or cooled by some weeks. */
export function Explanation({ id, asOf, reloadOn }) {
  const [weeks, setWeeks] = useState(0);
  const at = weeks === 0 ? null : new Date(Date.parse(asOf) + weeks * WEEK_MS).toISOString();
  const path = withParameters(`/customers/${encodeURIComponent(id)}/score`, { at });
  const shown = useLoaded(path, { reloadOn });

  return html`<${Card} title=${t("why.title")} className="why" hint=${html`<${Hint} about=${t("why.title")}>${t("why.hint")}<//>`}>
    <p class="controls">
      <label>${t("why.read")}
        <select value=${weeks} onChange=${(event) => setWeeks(Number(event.target.value))}>
          ${COOLED_WEEKS.map((each) => html`<option value=${each}>${each === 0 ? t("why.announced") : t("why.later", { n: each })}</option>`)}
        </select>
      </label>
      <${Hint} about=${t("why.read")}>${t("why.read.hint")}<//>
    </p>
    ${shown.problem ? html`<${Trouble} problem=${shown.problem} />` : shown.data ? html`<${Factors} explained=${shown.data} />` : html`<${Loading} />`}
  <//>`;
}

function Factors({ explained }) {
  const greatest = Math.max(...explained.factors.map((each) => Math.abs(each.contribution)));
  return html`
    <p class="sum">${t(explained.cooled ? "why.cooled" : "why.sum", { reference: score(explained.reference_total), total: score(explained.total) })}
      ${" "}<${ClassName} name=${explained.source_class} />${explained.at && html`${t("comma")}<${Time} at=${explained.at} />`}</p>
    <div class="wide" tabindex="0" role="region" aria-label=${t("why.title")}>
    <table class="factors">
      <caption class="unseen">${t("why.caption")}</caption>
      <thead><tr>
        <th scope="col">${t("why.indicator")}</th>
        <th scope="col" class="bars"><span class="lowers">${t("why.lowers")}</span><span class="lifts">${t("why.lifts")}</span></th>
        <th scope="col" class="figure">${t("why.effect")}</th>
        <th scope="col" class="figure less">${t("why.value")}</th>
        <th scope="col" class="figure less">${t("why.scaled")}</th>
        <th scope="col" class="figure less">${t("why.weight")}</th>
        <th scope="col" class="figure less">${t("why.evidence")}</th>
        <th scope="col" class="figure less">${t("why.half-life")}</th>
        <th scope="col" class="least">${t("why.newest")}</th>
      </tr></thead>
      <tbody>${explained.factors.map((factor) => html`<tr key=${factor.indicator}>
        <th scope="row">
          <span class="code ${DIMENSION_OF[factor.indicator[0]]}">${factor.indicator}</span>
          <span class="name">${t(`indicator.${factor.indicator}`)}</span>
          <${Hint} about=${`${factor.indicator} ${t(`indicator.${factor.indicator}`)}`}>${t(`indicator.${factor.indicator}.hint`)}<//>
        </th>
        <td class="bars"><${TwoWayBar} amount=${factor.contribution} greatest=${greatest} /></td>
        <td class="figure">${effect(factor.contribution)}</td>
        <td class="figure less">${number(factor.value)}</td>
        <td class="figure less">${score(factor.normalised)}</td>
        <td class="figure less">${score(factor.weight)}</td>
        <td class="figure less">${number(factor.n_eff)}</td>
        <td class="figure less">${duration(factor.half_life_s)}</td>
        <td class="least id">${factor.newest_event_id ?? t("unknown.dash")}</td>
      </tr>`)}</tbody>
    </table>
    </div>`;
}

/** The twelve indicators and what they say, for whoever has never met them. */
export function Indicators() {
  return html`<details class="card glossary">
    <summary>${t("indicators.title")}</summary>
    ${Object.entries(DIMENSION_OF).map(([letter, dimension]) => html`
      <h3>${t(`dimension.${dimension}`)}</h3>
      <p>${t(`dimension.${dimension}.hint`)}</p>
      <dl>${[1, 2, 3, 4].map((place) => html`
        <dt><span class="code ${dimension}">${letter}${place}</span> ${t(`indicator.${letter}${place}`)}</dt>
        <dd>${t(`indicator.${letter}${place}.hint`)}</dd>`)}</dl>`)}
  </details>`;
}
