// All words of the console, in two languages with the same keys; English fills in while one loads.

const LANGUAGES = ["en", "zh"];
const STORED_AS = "ckm.language";

const dictionaries = {};
const listeners = new Set();
let language = "en";

/** Load both dictionaries, and take the language chosen before or else the browser's. */
export async function loadTexts() {
  await Promise.all(LANGUAGES.map(async (each) => {
    const answer = await fetch(`lang/${each}.json`, { credentials: "omit" });
    if (!answer.ok) {
      throw new Error(`lang/${each}.json: status ${answer.status}`);
    }
    dictionaries[each] = await answer.json();
  }));
  const remembered = localStorage.getItem(STORED_AS);
  const wanted = navigator.languages.map((each) => each.slice(0, 2));
  const known = [remembered, ...wanted].find((each) => LANGUAGES.includes(each));
  chooseLanguage(known ?? "en", { remember: false });
}

export function currentLanguage() {
  return language;
}

/** Switch to "en" or "zh"; whatever listens is told. */
export function chooseLanguage(wanted, { remember = true } = {}) {
  language = wanted;
  document.documentElement.lang = wanted === "zh" ? "zh-CN" : "en";
  if (remember) {
    localStorage.setItem(STORED_AS, wanted);
  }
  listeners.forEach((listener) => listener(wanted));
}

/** Call *listener* after each switch; returns how to stop that. */
export function onLanguage(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Return the text of *key* with {names} filled in; a key without a text shows itself. */
export function t(key, values = {}) {
  const text = dictionaries[language][key] ?? dictionaries.en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** Tell whether there is a text of *key*. */
export function hasText(key) {
  return key in dictionaries.en;
}

/** Return *word* as the dictionary says it, or itself: sources name things that nobody foresaw. */
export function word(group, name) {
  const key = `${group}.${name}`;
  return hasText(key) ? t(key) : String(name);
}

const LEAD = /^(.*?) ?Spoke of (a topic|(\d+) topics) ahead of (\d+) % of those who did\.$/;

/**
 * Return why a style of engagement was chosen, in the language in use.
 *
 * The service says it in English, in one of few sentences; one that is not known here stays so.
 */
export function engagementReason(sentence) {
  const lead = LEAD.exec(sentence);
  const main = lead ? lead[1] : sentence;
  const key = Object.keys(dictionaries.en)
    .find((each) => each.startsWith("advice.") && dictionaries.en[each] === main);
  if (key === undefined) {
    return sentence;
  }
  const ahead = lead ? t("lead.ahead", { topics: lead[3] ?? "1", percent: lead[4] }) : "";
  return [t(key), ahead].filter(Boolean).join(language === "zh" ? "" : " ");
}
