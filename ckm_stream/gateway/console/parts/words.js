// Words with a meaning of their own: classes, dimensions, marks, and what explains them.
import { html, useId, useLayoutEffect, useRef, useState } from "../lib/html.js";
import { ago, instant } from "../lib/format.js";
import { useNow } from "../lib/loading.js";
import { address } from "../lib/route.js";
import { t } from "../lib/text.js";

export const DIMENSIONS = ["value", "willingness", "absorption"];

/** High, low or neither on value, willingness and absorption: the pattern that a class is. */
export const PATTERNS = {
  key_source: [1, 1, 1],
  silent_valuable: [1, 0, 1],
  unabsorbed: [1, 1, 0],
  willing_scout: [0, 1, 1],
  valuable_out_of_reach: [1, 0, 0],
  ordinary: null,
  unknown: null,
};

const HEIGHT = 12;

/** Draw a class as three columns, V W A: full where it is high, an outline where it is low. */
export function Pattern({ name }) {
  const pattern = PATTERNS[name];
  return html`<svg class="pattern" viewBox="0 0 20 14" aria-hidden="true">
    ${DIMENSIONS.map((dimension, place) => {
      const x = 1 + place * 6.5;
      if (!pattern) {
        return html`<rect class="neither" x=${x} y="8.5" width="5" height="2" rx="1" />`;
      }
      const top = pattern[place] ? 1 : 8;
      return html`<rect class=${pattern[place] ? `high ${dimension}` : "low"} x=${x + 0.5} y=${top + 0.5} width="4" height=${HEIGHT - top} rx="1" />`;
    })}
  </svg>`;
}

export function ClassName({ name }) {
  return html`<span class="class-name"><${Pattern} name=${name} />${t(`class.${name}`)}</span>`;
}

export function Simulated() {
  return html`<span class="mark simulated" title=${t("simulated.why")}>${t("simulated")}</span>`;
}

export function LeadUser() {
  return html`<span class="mark lead" title=${t("lead.why")}>${t("lead")}</span>`;
}

export function CustomerLink({ id }) {
  return html`<a class="customer" href=${address("customers", id)}>${id}</a>`;
}

/** An instant; its exact time in UTC is in the tooltip and in the element. */
export function Time({ at }) {
  return html`<time datetime=${at} title=${at}>${instant(at)}</time>`;
}

export function Ago({ at }) {
  const now = useNow(5);
  return html`<time datetime=${at} title=${instant(at)}>${ago(at, now)}</time>`;
}

/** A question mark that explains *about*: on click, by keyboard, and read out as a button. */
export function Hint({ about, children }) {
  const [isOpen, setOpen] = useState(false);
  const id = useId();
  const whole = useRef(null);
  // Before the next key: Escape may follow at once.
  useLayoutEffect(() => {
    if (!isOpen) {
      return undefined;
    }
    const close = (event) => {
      if (event.key === "Escape" || (event.type === "pointerdown" && !whole.current.contains(event.target))) {
        setOpen(false);
      }
    };
    document.addEventListener("keydown", close);
    document.addEventListener("pointerdown", close);
    return () => {
      document.removeEventListener("keydown", close);
      document.removeEventListener("pointerdown", close);
    };
  }, [isOpen]);
  return html`<span class="hint" ref=${whole}>
    <button type="button" aria-label=${t("hint.about", { what: about })} aria-expanded=${isOpen ? "true" : "false"} aria-controls=${id} onClick=${() => setOpen(!isOpen)}><span aria-hidden="true">?</span></button>
    <span class="bubble" role="status" id=${id}>${isOpen ? children : null}</span>
  </span>`;
}
