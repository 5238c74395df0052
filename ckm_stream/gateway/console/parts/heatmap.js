// The three-dimension map: value to the right, willingness upwards, absorption by lightness.
import { count, score } from "../lib/format.js";
import { html, useMemo, useState } from "../lib/html.js";
import { t } from "../lib/text.js";

const SIDE = 520;
const LEFT = 44;
const RIGHT = 10;
const BOTTOM = 46;
const TOP = 26;
const STEPS = 7; // of lightness; the classes .a0 to .a6

/** Return the span that the shades cover: from the least to the greatest absorption, in tenths. */
export function spanOf(cells) {
  const absorptions = cells.map((each) => each.absorption);
  const least = Math.floor(Math.min(...absorptions) * 10) / 10;
  return [least, Math.max(least + 0.1, Math.ceil(Math.max(...absorptions) * 10) / 10)];
}

/** Return the step of lightness of an absorption, 0..STEPS - 1. */
export function shade(absorption, [least, greatest]) {
  const step = Math.floor((STEPS * (absorption - least)) / (greatest - least));
  return Math.min(STEPS - 1, Math.max(0, step));
}

/** Return what a cell says in words. */
export function cellReading(cell, bins) {
  const span = (bin) => `${score(bin / bins)}–${score((bin + 1) / bins)}`;
  return t("map.cell", {
    value: span(cell.value_bin),
    willingness: span(cell.willingness_bin),
    customers: count(cell.customers),
    absorption: score(cell.absorption),
  });
}

/**
 * Draw the cells; a square's area grows with the number of customers.
 *
 * The arrow keys go to the nearest cell in their direction; its words are below and read out.
 */
export function HeatMap({ bins, cells }) {
  const [chosen, setChosen] = useState(() => fullest(cells));
  const size = (SIDE - LEFT - RIGHT) / bins;
  const height = TOP + bins * size + BOTTOM;
  const most = useMemo(() => Math.max(...cells.map((each) => each.customers)), [cells]);
  const span = useMemo(() => spanOf(cells), [cells]);
  const place = Math.min(chosen, cells.length - 1);
  const cell = cells[place];
  const x = (bin) => LEFT + bin * size;
  const y = (bin) => TOP + (bins - 1 - bin) * size;

  const move = (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      setChosen(next(cells, place, step));
    }
  };

  return html`<div class="heat-map">
    <svg class="plot" viewBox="0 0 ${SIDE} ${height}" role="slider" tabindex="0" aria-label=${t("map.label")}
      aria-valuemin="1" aria-valuemax=${cells.length} aria-valuenow=${place + 1} aria-valuetext=${cellReading(cell, bins)} onKeyDown=${move}>
      <rect class="field" x=${LEFT} y=${TOP} width=${bins * size} height=${bins * size} />
      ${[0, 0.25, 0.5, 0.75, 1].map((share) => html`<g class="tick">
        <line x1=${LEFT + share * bins * size} x2=${LEFT + share * bins * size} y1=${TOP} y2=${TOP + bins * size} />
        <line x1=${LEFT} x2=${LEFT + bins * size} y1=${TOP + share * bins * size} y2=${TOP + share * bins * size} />
        <text x=${LEFT + share * bins * size} y=${TOP + bins * size + 18} text-anchor=${share === 1 ? "end" : "middle"}>${share}</text>
        <text x=${LEFT - 6} y=${TOP + (1 - share) * bins * size + (share === 1 ? 9 : 4)} text-anchor="end">${share}</text>
      </g>`)}
      <text class="axis" x=${SIDE - RIGHT} y=${height - 6} text-anchor="end">${t("dimension.value")} →</text>
      <text class="axis" x=${LEFT} y=${TOP - 10}>↑ ${t("dimension.willingness")}</text>
      ${cells.map((each, which) => {
        const side = size * (0.28 + 0.68 * Math.sqrt(each.customers / most));
        return html`<rect class="cell a${shade(each.absorption, span)} ${which === place ? "chosen" : ""}"
          x=${x(each.value_bin) + (size - side) / 2} y=${y(each.willingness_bin) + (size - side) / 2} width=${side} height=${side} rx="1.5"
          onPointerEnter=${() => setChosen(which)} onPointerDown=${() => setChosen(which)} />`;
      })}
    </svg>
    <p class="reading">${cellReading(cell, bins)}</p>
    <div class="map-legend" aria-hidden="true">
      <span>${t("dimension.absorption")}</span>
      <span>${score(span[0])}</span>
      <svg viewBox="0 0 ${STEPS * 22} 14">${Array.from({ length: STEPS }, (_, step) => html`<rect class="cell a${step}" x=${step * 22 + 1} y="1" width="20" height="12" rx="2" />`)}</svg>
      <span>${score(span[1])}</span>
      <span class="sizes">${t("map.sizes", { most: count(most) })}</span>
    </div>
  </div>`;
}

/** Return the place of the cell with the most customers: where to begin. */
function fullest(cells) {
  return cells.reduce((best, each, place) => (each.customers > cells[best].customers ? place : best), 0);
}

/** Return the place of the nearest cell in a direction; the same if there is none. */
export function next(cells, place, [right, up]) {
  const here = cells[place];
  let best = place;
  let least = Infinity;
  cells.forEach((each, which) => {
    const dx = each.value_bin - here.value_bin;
    const dy = each.willingness_bin - here.willingness_bin;
    const along = dx * right + dy * up;
    const aside = Math.abs(dx * up) + Math.abs(dy * right);
    // Aside counts three times, so that the keys follow rows and columns where they can.
    if (along > 0 && along + 3 * aside < least) {
      least = along + 3 * aside;
      best = which;
    }
  });
  return best;
}
