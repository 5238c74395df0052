// A ranking: who, of which class, and the three dimensions behind the total.
import { score } from "../lib/format.js";
import { html } from "../lib/html.js";
import { t } from "../lib/text.js";
import { Bar } from "./bars.js";
import { ClassName, CustomerLink, DIMENSIONS, LeadUser, Simulated } from "./words.js";

export function SourceTable({ rows, caption }) {
  return html`<table class="sources">
    <caption class="unseen">${caption}</caption>
    <thead><tr>
      <th scope="col" class="figure">${t("source.place")}</th>
      <th scope="col">${t("source.customer")}</th>
      <th scope="col">${t("source.class")}</th>
      <th scope="col" class="figure">${t("dimension.total")}</th>
      ${DIMENSIONS.map((name) => html`<th scope="col" class="figure less">${t(`dimension.${name}`)}</th>`)}
      <th scope="col" class="least">${t("source.engagement")}</th>
    </tr></thead>
    <tbody>${rows.map((row) => html`<tr key=${row.customer_id}>
      <td class="figure">${row.place}</td>
      <th scope="row"><${CustomerLink} id=${row.customer_id} /> ${row.lead_user && html`<${LeadUser} />`} ${row.simulated && html`<${Simulated} />`}</th>
      <td><${ClassName} name=${row.source_class} /></td>
      <td class="figure total">${score(row.total)}</td>
      ${DIMENSIONS.map((name) => html`<td class="figure less">${score(row[name])}<${Bar} share=${row[name]} kind=${name} /></td>`)}
      <td class="least">${t(`engagement.${row.engagement}`)}</td>
    </tr>`)}</tbody>
  </table>`;
}
