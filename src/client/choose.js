/** Choosing rows: all at once, how many there are, and nothing to press while there are none. */
import { get, queryAll } from "./dom.js";
import { toast } from "./toast.js";

/**
 * The forms that have been taken up.
 * @type {WeakSet<HTMLFormElement>}
 */
const known = new WeakSet();

/** @param {HTMLFormElement} form the form around a table with actions for several rows */
export function letChoose(form) {
  if (known.has(form)) return;
  known.add(form);
  const bar = get(form, ".pt-bulk", HTMLElement);
  const body = get(form, "tbody", HTMLTableSectionElement);
  const all = document.createElement("input");
  all.type = "checkbox";
  all.ariaLabel = "Choose all rows";
  all.autocomplete = "off";
  let chosen = 0;
  const boxes = () => queryAll(body, "tr:not(.pt-leaving) > .pt-choose input", HTMLInputElement);
  const show = () => {
    chosen = boxes().filter((box) => box.checked).length;
    all.checked = chosen > 0 && chosen === boxes().length;
    all.indeterminate = chosen > 0 && !all.checked;
    get(bar, "[data-chosen]", HTMLElement).textContent = `${chosen} chosen`;
    for (const button of bar.querySelectorAll("button")) button.disabled = chosen === 0;
    const head = form.querySelector("th.pt-choose");
    // The heads are made anew when the table is sorted.
    if (head && !head.contains(all)) head.replaceChildren(all);
  };
  /** @param {boolean} isChosen */
  const choose = (isChosen) => {
    for (const box of boxes()) box.checked = isChosen;
    show();
  };
  // Other rows stand there now, and what was chosen went with those before.
  const giveUp = () => {
    if (chosen > 0) toast(`${chosen} ${chosen === 1 ? "row is" : "rows are"} no longer chosen.`, { key: form.id });
    choose(false);
  };
  all.addEventListener("change", () => choose(all.checked));
  form.addEventListener("change", show);
  form.addEventListener("pagetide:done", () => choose(false));
  form.addEventListener("pagetide:turned", giveUp);
  // Rows come and go; those that stay keep what was chosen.
  const seen = { childList: true, subtree: true, attributeFilter: ["class"] };
  new MutationObserver(show).observe(body, seen);
  show();
}
