// What is around every page: where one may go, who one is, and what does not work just now.
import { clock } from "../lib/format.js";
import { html, useEffect, useState } from "../lib/html.js";
import { currentOutage, onOutage } from "../lib/outage.js";
import { address } from "../lib/route.js";
import { endSession } from "../lib/session.js";
import { chooseLanguage, currentLanguage, t } from "../lib/text.js";

const PAGES = ["overview", "sources", "map", "live"];
// Page of a customer → the one in the navigation that it is below.
const BELOW = { customers: "sources" };

export function Shell({ route, me, children }) {
  const skip = (event) => {
    event.preventDefault(); // the hash is the router's
    document.getElementById("main").focus();
  };
  return html`
    <a class="skip" href="#main" onClick=${skip}>${t("skip")}</a>
    <header class="top">
      <a class="brand" href=${address("overview")}><img src="favicon.svg" alt="" width="24" height="24" />ckm-stream</a>
      ${me && html`<nav aria-label=${t("nav")}>
        <ul>
          ${PAGES.map((page) => html`<li>
            <a href=${address(page)} aria-current=${(BELOW[route.page] ?? route.page) === page ? "page" : null}>${t(`page.${page}`)}</a>
          </li>`)}
        </ul>
      </nav>`}
      <div class="who">
        <${Languages} />
        ${me && html`<span class="name" title=${me.scopes.join(", ")}>${me.name}</span>
        <button type="button" onClick=${() => endSession()}>${t("signout")}</button>`}
      </div>
    </header>
    <${Outage} />
    <main id="main" tabindex="-1">${children}</main>
    <footer><p>${t("footer.zone", { zone: Intl.DateTimeFormat().resolvedOptions().timeZone })}</p></footer>`;
}

function Languages() {
  const other = currentLanguage() === "en" ? "zh" : "en";
  const [lang, name] = other === "zh" ? ["zh-CN", "中文"] : ["en", "English"];
  return html`<button type="button" class="language" lang=${lang} onClick=${() => chooseLanguage(other)}>${name}</button>`;
}

function Outage() {
  const [outage, setOutage] = useState(currentOutage());
  useEffect(() => onOutage(() => setOutage(currentOutage())), []);
  // The region is always there: one that appears together with its words is not read out.
  return html`<div class="outage" role="alert">
    ${outage && html`<p><strong>${outage.problem.sentence}</strong> ${t("outage.since", { at: clock(outage.since) })}</p>`}
  </div>`;
}
