// Numbers and times as people of the language in use write them.
import { currentLanguage, t } from "./text.js";

const made = new Map();

function format(kind, options) {
  const locale = currentLanguage() === "zh" ? "zh-CN" : "en-GB";
  const key = `${locale} ${kind.name} ${JSON.stringify(options)}`;
  if (!made.has(key)) {
    made.set(key, new kind(locale, options));
  }
  return made.get(key);
}

export function count(number) {
  return format(Intl.NumberFormat, { maximumFractionDigits: 0 }).format(number);
}

/** A dimension, a total or a share: 0.01 to 1, three places. */
export function score(number) {
  return format(Intl.NumberFormat, { minimumFractionDigits: 3, maximumFractionDigits: 3 }).format(number);
}

/** Any measured number, four digits. */
export function number(value) {
  return format(Intl.NumberFormat, { maximumSignificantDigits: 4 }).format(value);
}

/** A rate per second; null where it is not known. */
export function rate(perSecond) {
  return perSecond === null ? t("unknown.dash") : format(Intl.NumberFormat, { maximumFractionDigits: 1 }).format(perSecond);
}

/** A contribution in natural-log units, with its sign. */
export function effect(contribution) {
  const options = { minimumFractionDigits: 3, maximumFractionDigits: 3, signDisplay: "exceptZero" };
  return format(Intl.NumberFormat, options).format(contribution);
}

export function percent(share) {
  return format(Intl.NumberFormat, { style: "percent", maximumFractionDigits: 1 }).format(share);
}

/** An instant, RFC 3339 or Unix milliseconds, to the minute in the browser's time zone. */
export function instant(at) {
  return format(Intl.DateTimeFormat, { dateStyle: "medium", timeStyle: "short" }).format(new Date(at));
}

export function day(at) {
  return format(Intl.DateTimeFormat, { dateStyle: "medium" }).format(new Date(at));
}

export function clock(at) {
  return format(Intl.DateTimeFormat, { timeStyle: "medium" }).format(new Date(at));
}

export function monthOf(at) {
  return format(Intl.DateTimeFormat, { year: "numeric", month: "short" }).format(new Date(at));
}

const UNITS = [["year", 31_557_600], ["month", 2_629_800], ["day", 86_400], ["hour", 3600], ["minute", 60], ["second", 1]];

/** How long ago *at* is from *now* (Unix milliseconds), in the largest unit that fits. */
export function ago(at, now) {
  const seconds = Math.round((now - new Date(at).getTime()) / 1000);
  if (Math.abs(seconds) < 5) {
    return t("time.now");
  }
  const [unit, length] = UNITS.find(([, each]) => Math.abs(seconds) >= each);
  return format(Intl.RelativeTimeFormat, { numeric: "always" }).format(-Math.round(seconds / length), unit);
}

/** A half-life, in whole weeks where it is some. */
export function duration(seconds) {
  const weeks = seconds / 604_800;
  return Number.isInteger(weeks)
    ? t("time.weeks", { n: count(weeks) })
    : t("time.days", { n: number(seconds / 86_400) });
}
