/**
 * Looking up the record that another is to refer to, where there are too many to be listed. What is
 * offered reads as `Ada #7`; that, `#7` and `7` are taken with and without this script.
 */

/** How long, in ms, typing must rest before it is looked up. */
const TYPING_MS = 200;
/** How many records are offered. */
const MOST_OFFERED = 20;

/** Whether the text is one of those that are offered. */
function isPicked({ list, value }) {
  return Array.from(list.options).some((option) => option.value === value);
}

async function offer(input) {
  const { records, display } = input.dataset;
  const typed = input.value.trim();
  const query = new URLSearchParams({ limit: MOST_OFFERED });
  if (display) {
    query.set("fields", display);
    query.set("sort", display);
    const holds = [{ field: display, operator: "contains", value: typed }];
    if (typed) query.set("filter", JSON.stringify(holds));
  }
  const answer = await fetch(`/api/tables/${records}/records?${query}`).catch(() => null);
  if (!answer?.ok || input.value.trim() !== typed) return;
  const found = (await answer.json()).records.map(({ id, fields }) => {
    const label = display && fields[display];
    return new Option("", label ? `${label} #${id}` : `#${id}`);
  });
  input.list.replaceChildren(...found);
}

let timer;
document.addEventListener("input", ({ target }) => {
  if (!target.matches("[data-records]")) return;
  clearTimeout(timer);
  if (isPicked(target)) target.dispatchEvent(new Event("change", { bubbles: true }));
  else timer = setTimeout(() => offer(target), TYPING_MS);
});
document.addEventListener("focusin", ({ target }) => {
  if (target.matches("[data-records]") && target.value === "") offer(target);
});
