// The console's beginning: texts, then either the sign-in page or the one that the address names.
import { html, render, useEffect, useState } from "./lib/html.js";
import { useLoaded } from "./lib/loading.js";
import { address, useRoute } from "./lib/route.js";
import { currentToken, onSession } from "./lib/session.js";
import { loadTexts, onLanguage, t } from "./lib/text.js";
import { Customer } from "./pages/customer.js";
import { Live } from "./pages/live.js";
import { Map_ } from "./pages/map.js";
import { Overview } from "./pages/overview.js";
import { SignIn } from "./pages/signin.js";
import { Sources } from "./pages/sources.js";
import { Page } from "./parts/page.js";
import { Shell } from "./parts/shell.js";

const PAGES = { overview: Overview, sources: Sources, customers: Customer, map: Map_, live: Live };

function App() {
  const [token, setToken] = useState(currentToken());
  const [, draw] = useState(0);
  useEffect(() => onSession(() => setToken(currentToken())), []);
  useEffect(() => onLanguage(() => draw((before) => before + 1)), []);
  const route = useRoute();
  return token === null
    ? html`<${Shell} route=${route} me=${null}><${SignIn} /><//>`
    : html`<${SignedIn} key=${token} route=${route} />`;
}

function SignedIn({ route }) {
  const me = useLoaded("/me");
  const page = PAGES[route.page];
  return html`<${Shell} route=${route} me=${me.data ?? { name: "", scopes: [] }}>
    ${page === undefined ? html`<${Lost} />` : html`<${page} key=${`${route.page}/${route.argument}`} route=${route} />`}
  <//>`;
}

function Lost() {
  return html`<${Page} title=${t("lost.title")}><p><a href=${address("overview")}>${t("lost.do")}</a></p><//>`;
}

async function start() {
  const place = document.getElementById("app");
  try {
    await loadTexts();
  } catch {
    // Without the texts there is no sentence of theirs to say it with.
    place.textContent = "The console could not be loaded; reload the page. 控制台加载失败，请刷新页面。";
    return;
  }
  render(html`<${App} />`, place);
}

start();
