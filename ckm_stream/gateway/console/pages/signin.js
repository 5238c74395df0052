// Signing in: a token, pasted once.
import { get } from "../lib/api.js";
import { html, useState } from "../lib/html.js";
import { beginSession, whyEnded } from "../lib/session.js";
import { t } from "../lib/text.js";
import { Page } from "../parts/page.js";

const LOOKS_RIGHT = /^ckm_[^_\s]+_\S+$/;

export function SignIn() {
  const [problem, setProblem] = useState(whyEnded() === null ? null : t(whyEnded()));
  const [busy, setBusy] = useState(false);

  const signIn = async (event) => {
    event.preventDefault();
    const token = new FormData(event.target).get("token").trim();
    if (!LOOKS_RIGHT.test(token)) {
      setProblem(t("signin.not-a-token"));
      return;
    }
    setBusy(true);
    try {
      const me = await get("/me", { token });
      if (me.scopes.includes("read") || me.scopes.includes("admin")) {
        beginSession(token);
        return;
      }
      setProblem(t("signin.may-not-read"));
    } catch (error) {
      setProblem(error.status === 401 ? t("signin.unknown") : error.sentence);
    }
    setBusy(false);
  };

  return html`<div class="sign-in">
    <${Page} title=${t("signin.title")}>
      <p>${t("signin.what")}</p>
      <form class="card" onSubmit=${signIn}>
        <label for="token">${t("signin.token")}</label>
        <input id="token" name="token" type="password" autocomplete="off" spellcheck=${false} required aria-describedby="why" placeholder="ckm_…" />
        <p id="why" class="trouble" role="alert">${problem}</p>
        <button class="main" type="submit" disabled=${busy}>${t("signin.go")}</button>
      </form>
      <p>${t("signin.where")}</p>
      <pre tabindex="0"><code>ckm tokens create --name desk --scope read</code></pre>
      <p class="quiet">${t("signin.kept")}</p>
    <//>
  </div>`;
}
