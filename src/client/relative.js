/**
 * How long ago something was. It is said over the exact words, which keep their room: nothing moves
 * when it changes, and whoever points at it reads when it was.
 */
import { queryAll } from "./dom.js";

/** How often, in ms, it is looked at again. */
const TICK_MS = 10_000;
const DAY = 86_400;
/**
 * From how many seconds on each unit is spoken of.
 * @type {[Intl.RelativeTimeFormatUnit, number][]}
 */
const UNITS = [["year", 365.25 * DAY], ["month", 30.4375 * DAY], ["day", DAY], ["hour", 3_600], ["minute", 60]];

const words = new Intl.RelativeTimeFormat(document.documentElement.lang || "en", { numeric: "auto" });

/**
 * What is said of a day or an instant, as its `datetime` has it; null if it is neither.
 * @param {string} text
 * @param {Date} [now]
 * @returns {string | null}
 */
export function ago(text, now = new Date()) {
  const isDay = /^\d+-\d+-\d+$/.test(text);
  const today = Date.UTC(now.getFullYear(), now.getMonth(), now.getDate());
  const seconds = (Date.parse(text) - (isDay ? today : now.getTime())) / 1000;
  if (Number.isNaN(seconds)) return null;
  const unit = UNITS.find(([, length]) => Math.abs(seconds) >= length);
  if (unit) return words.format(Math.trunc(seconds / unit[1]), unit[0]);
  return words.format(0, isDay ? "day" : "second");
}

function tellAll() {
  for (const time of queryAll(document, "time[data-relative]", HTMLTimeElement)) {
    const told = ago(time.dateTime);
    if (told !== null && time.dataset.told !== told) time.dataset.told = told;
  }
}

setInterval(() => document.hidden || tellAll(), TICK_MS);
document.addEventListener("visibilitychange", () => document.hidden || tellAll());
// What comes anew is told before it is painted.
const seen = { childList: true, subtree: true, attributeFilter: ["datetime", "data-told"] };
new MutationObserver(tellAll).observe(document.body, seen);
tellAll();
