// Small charts inside of tables: every one stands beside the number that it shows.
import { html } from "../lib/html.js";

/** A share of a whole, 0..1. */
export function Bar({ share, kind = "" }) {
  return html`<svg class="bar ${kind}" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
    <rect class="ground" width="100" height="6" />
    <rect class="amount" width=${100 * Math.min(1, Math.max(0, share))} height="6" />
  </svg>`;
}

/** What lifts or lowers, from the middle; *greatest* is the length of the longest bar. */
export function TwoWayBar({ amount, greatest }) {
  const length = greatest > 0 ? (50 * Math.abs(amount)) / greatest : 0;
  return html`<svg class="bar two-way" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
    <rect class=${amount < 0 ? "lowers" : "lifts"} x=${amount < 0 ? 50 - length : 50} y="1" width=${length} height="6" />
    <line x1="50" x2="50" y1="0" y2="8" vector-effect="non-scaling-stroke" />
  </svg>`;
}
