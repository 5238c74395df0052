// Total and dimensions of one customer over time, with the changes of class.
import { day, instant, monthOf, score } from "../lib/format.js";
import { html, useLayoutEffect, useRef, useState } from "../lib/html.js";
import { t } from "../lib/text.js";
import { DIMENSIONS } from "./words.js";

const HEIGHT = 260;
const LEFT = 34;
const RIGHT = 10;
const TOP = 22;
const BOTTOM = 26;
const LINES = [...DIMENSIONS, "total"];
const ROUGH_TICK_PX = 110;
const DOTTED_UP_TO = 60; // scores: with more, the line says it all

/**
 * Draw *scores* (oldest first, each with as_of, total and the dimensions) and *classes*.
 *
 * A score holds until the next one is announced, so lines are steps. Left and right move the mark
 * from score to score; what it stands on is said below and read out.
 */
export function TimeChart({ scores, classes }) {
  const [width, setWidth] = useState(640);
  const [marked, setMarked] = useState(null);
  const frame = useRef(null);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.max(280, Math.floor(entry.contentRect.width))));
    observer.observe(frame.current);
    return () => observer.disconnect();
  }, []);

  const times = scores.map((each) => Date.parse(each.as_of));
  const [from, to] = [times[0], times[times.length - 1]];
  const x = (at) => LEFT + ((width - LEFT - RIGHT) * (at - from)) / Math.max(1, to - from);
  const y = (share) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - share);
  const steps = (name) => scores
    .map((each, place) => (place === 0 ? `M${x(times[0])} ${y(each[name])}` : `H${x(times[place])}V${y(each[name])}`))
    .join("");
  const place = marked === null ? scores.length - 1 : Math.min(marked, scores.length - 1);
  const at = scores[place];

  const move = (event) => {
    const to_ = { ArrowLeft: place - 1, ArrowRight: place + 1, Home: 0, End: scores.length - 1 }[event.key];
    if (to_ !== undefined) {
      event.preventDefault();
      setMarked(Math.min(scores.length - 1, Math.max(0, to_)));
    }
  };
  const point = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    const px = ((event.clientX - box.left) * width) / box.width;
    let nearest = 0;
    times.forEach((each, which) => {
      nearest = Math.abs(x(each) - px) < Math.abs(x(times[nearest]) - px) ? which : nearest;
    });
    setMarked(nearest);
  };

  return html`<div class="time-chart" ref=${frame}>
    <ul class="legend" aria-hidden="true">
      ${[...LINES].reverse().map((name) => html`<li><svg viewBox="0 0 24 8"><line class="line ${name}" x1="0" x2="24" y1="4" y2="4" /></svg>${t(`dimension.${name}`)}</li>`)}
    </ul>
    <svg class="plot" viewBox="0 0 ${width} ${HEIGHT}" height=${HEIGHT} role="slider" tabindex="0"
      aria-label=${t("chart.time.label", { n: scores.length, from: day(from), to: day(to) })}
      aria-valuemin="1" aria-valuemax=${scores.length} aria-valuenow=${place + 1}
      aria-valuetext=${reading(at)} onKeyDown=${move} onPointerMove=${point} onPointerDown=${point}>
      ${[0, 0.25, 0.5, 0.75, 1].map((share) => html`<g class="tick">
        <line x1=${LEFT} x2=${width - RIGHT} y1=${y(share)} y2=${y(share)} />
        <text x=${LEFT - 6} y=${y(share) + 4} text-anchor="end">${share}</text>
      </g>`)}
      ${ticks(from, to, width).map((tick) => html`<text class="when" x=${x(tick)} y=${HEIGHT - 6} text-anchor="middle">${monthOf(tick)}</text>`)}
      ${classes.filter((each) => Date.parse(each.as_of) >= from && Date.parse(each.as_of) <= to).map((change) => html`<g class="change">
        <line x1=${x(Date.parse(change.as_of))} x2=${x(Date.parse(change.as_of))} y1=${TOP - 8} y2=${HEIGHT - BOTTOM} />
        <path d="M${x(Date.parse(change.as_of)) - 4} ${TOP - 14}h8l-4 6z" />
        <title>${t("timeline.class", { from: t(`class.${change.previous_class ?? "none"}`), to: t(`class.${change.source_class}`) })}</title>
      </g>`)}
      ${LINES.map((name) => html`<path class="line ${name}" d=${steps(name)} />`)}
      ${scores.length <= DOTTED_UP_TO && scores.map((each, which) => html`<circle class="dot" cx=${x(times[which])} cy=${y(each.total)} r="3" />`)}
      <line class="mark" x1=${x(times[place])} x2=${x(times[place])} y1=${TOP} y2=${HEIGHT - BOTTOM} />
      <circle class="mark" cx=${x(times[place])} cy=${y(at.total)} r="4" />
    </svg>
    <p class="reading">${reading(at)}</p>
  </div>`;
}

function reading(at) {
  const numbers = ["total", ...DIMENSIONS].map((name) => `${t(`dimension.${name}`)} ${score(at[name])}`);
  return [instant(at.as_of), t(`class.${at.source_class}`), ...numbers].join(" · ");
}

/** Return the first instants of months, in UTC, as many as have room. */
function ticks(from, to, width) {
  const room = Math.max(2, Math.floor((width - LEFT - RIGHT) / ROUGH_TICK_PX));
  const first = new Date(from);
  const months = [];
  for (let month = 0; ; month += 1) {
    const at = Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + month + 1, 1);
    if (at > to) {
      break;
    }
    months.push(at);
  }
  const every = Math.max(1, Math.ceil(months.length / room));
  const chosen = months.filter((_, place) => place % every === 0);
  // A word of 60 px must not stick out over the edge.
  const margin = ((to - from) * 34) / width;
  const fitting = chosen.filter((each) => each - from > margin / 2 && to - each > margin);
  return fitting.length > 0 || to === from ? fitting : [from + (to - from) / 2];
}
