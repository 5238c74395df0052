// What is known about, for and from a customer, as the profile sums it up.
import { count, day, number, percent } from "../lib/format.js";
import { html } from "../lib/html.js";
import { hasText, t, word } from "../lib/text.js";
import { Card } from "./page.js";
import { Hint } from "./words.js";

export const SECTIONS = ["about", "for", "from"];

const SHARES = new Set(["tacit_share"]);
const AMOUNTS = new Set(["order_amount", "refund_amount"]);
// In this order; whatever a later release adds comes behind, under its own name.
const ORDER = [
  "first_seen_s", "last_seen_s", "days_silent", "touchpoints", "touchpoints_by_type", "channel_shares",
  "orders", "order_amount", "first_purchase_s", "last_purchase_s", "purchase_days", "categories", "refunds", "refund_amount",
  "answers", "answers_from_knowledge_base", "rewards_offered",
  "items", "explicit", "tacit", "externalised", "tacit_share", "adopted", "rejected",
  "days_with_contact", "last_complaint_s", "referral_events", "referred_customers", "referred_buyers",
];

export function Sections({ profile }) {
  return html`<div class="sections">
    ${SECTIONS.map((name) => html`<${Card} key=${name} title=${t(`section.${name}`)} hint=${html`<${Hint} about=${t(`section.${name}`)}>${t(`section.${name}.hint`)}<//>`}>
      <dl class="summary">
        ${inOrder(profile[name].summary).map(([key, value]) => html`<div><dt>${word("summary", key)}</dt><dd>${shown(key, value)}</dd></div>`)}
      </dl>
    <//>`)}
  </div>`;
}

function inOrder(summary) {
  const place = (key) => (ORDER.includes(key) ? ORDER.indexOf(key) : ORDER.length);
  return Object.entries(summary).sort(([a], [b]) => place(a) - place(b) || a.localeCompare(b));
}

function shown(key, value) {
  if (value === null) {
    return t("unknown.dash");
  }
  if (typeof value === "object") {
    const parts = Object.entries(value).filter(([, each]) => each !== 0).sort(([, a], [, b]) => b - a);
    const figure = key.endsWith("_shares") ? percent : count;
    return parts.length === 0 ? t("unknown.dash") : parts.map(([name, each]) => `${word("kind", name)} ${figure(each)}`).join(" · ");
  }
  if (typeof value !== "number") {
    return hasText(`value.${value}`) ? t(`value.${value}`) : String(value);
  }
  if (key.endsWith("_s")) {
    return day(value * 1000);
  }
  if (SHARES.has(key)) {
    return percent(value);
  }
  // Minor units: which currency they are of is not the service's business, but all have hundredths or say so.
  return AMOUNTS.has(key) || Number.isInteger(value) ? count(value) : number(value);
}
