/**
 * Looking up the record that another is to refer to, where there are too many to be listed. What is
 * offered reads as `Ada #7`; that, `#7` and `7` are taken with and without this script.
 */
import { closest } from "./dom.js";

/** How long, in ms, typing must rest before it is looked up. */
const TYPING_MS = 200;
/** How many records are offered. */
const MOST_OFFERED = 20;

/**
 * The control of an event, if it looks up records.
 * @param {EventTarget | null} target
 */
function pickerOf(target) {
  return closest(target, "input[data-records]", HTMLInputElement);
}

/**
 * Whether the text is one of those that are offered.
 * @param {HTMLInputElement} input
 */
function isPicked({ list, value }) {
  return Array.from(list?.options ?? []).some((option) => option.value === value);
}

/** @param {HTMLInputElement} input */
async function offer(input) {
  const { records, display } = input.dataset;
  const typed = input.value.trim();
  const query = new URLSearchParams({ limit: String(MOST_OFFERED) });
  if (display) {
    query.set("fields", display);
    query.set("sort", display);
    const holds = [{ field: display, operator: "contains", value: typed }];
    if (typed) query.set("filter", JSON.stringify(holds));
  }
  const answer = await fetch(`/api/tables/${records}/records?${query}`).catch(() => null);
  if (!answer?.ok || input.value.trim() !== typed) return;
  /** @type {{ records: import("./messages.js").RecordBody[] }} */
  const found = await answer.json();
  const options = found.records.map(({ id, fields }) => {
    const label = display && fields[display];
    return new Option("", label ? `${label} #${id}` : `#${id}`);
  });
  input.list?.replaceChildren(...options);
}

/** @type {number | undefined} */
let timer;
document.addEventListener("input", ({ target }) => {
  const input = pickerOf(target);
  if (!input) return;
  clearTimeout(timer);
  if (isPicked(input)) input.dispatchEvent(new Event("change", { bubbles: true }));
  else timer = setTimeout(() => offer(input), TYPING_MS);
});
document.addEventListener("focusin", ({ target }) => {
  const input = pickerOf(target);
  if (input?.value === "") offer(input);
});
