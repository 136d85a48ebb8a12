/**
 * Makes a page that is open what the server now says it is, without loading it: scroll position, focus
 * and what was typed stay. Whoever asks for it decides what becomes of each part that has a life of
 * its own.
 */
import { controlsIn, get, isBox, isControl, query, queryAll } from "./dom.js";
import { morph } from "./morph.js";

/**
 * @typedef {import("./dom.js").Control} Control
 * @typedef {import("./morph.js").Settle} Settle
 */

/**
 * Asks for the page; there is no `fresh` one where something else is at its address now.
 * @returns {Promise<{ status: number, fresh: Document | null }>}
 */
export async function readPage() {
  const answer = await fetch(location.href, { cache: "no-store" });
  const { status } = answer;
  const isPage = answer.headers.get("Content-Type")?.startsWith("text/html");
  if (!isPage || answer.redirected) return { status, fresh: null };
  const fresh = new DOMParser().parseFromString(permitted(await answer.text()), "text/html");
  const isThis = fresh.querySelector("main") && document.querySelector("main");
  return { status, fresh: isThis ? fresh : null };
}

/**
 * Shows a page in place of the one that is open.
 * @param {Document} fresh
 * @param {Settle} settle
 */
export function show(fresh, settle) {
  const focus = holdFocus();
  const scrolled = holdScroll();
  document.title = fresh.title;
  renewHead(fresh);
  for (const part of ["header", "main"]) {
    const [old, now] = [document.querySelector(part), fresh.querySelector(part)];
    if (old && now) morph(old, document.adoptNode(now), settle);
  }
  scrolled();
  focus();
}

/**
 * Whether a cell of a table is open, or what was entered is being saved.
 * @param {Element} table
 * @returns {boolean}
 */
export function isOpen(table) {
  return table.querySelector(".pt-editing, .pt-pending") !== null;
}

/**
 * Waits until no cell of a table is open.
 * @param {Element} table
 * @returns {Promise<void>}
 */
export function closed(table) {
  return new Promise((resolve) => {
    const observer = new MutationObserver(() => {
      if (isOpen(table)) return;
      observer.disconnect();
      resolve();
    });
    observer.observe(table, { subtree: true, attributeFilter: ["class"] });
  });
}

/**
 * The theme, the description and the stylesheets.
 * @param {Document} fresh
 */
function renewHead(fresh) {
  for (const kind of ["style", "meta[name=description]", "link[rel=stylesheet]"]) {
    const [old, now] = [document, fresh].map((from) => [...from.head.querySelectorAll(kind)]);
    now.forEach((element, index) => {
      if (!old[index]) document.head.append(document.adoptNode(element));
      else if (element.localName === "style") old[index].textContent = element.textContent;
      else morph(old[index], element);
    });
    old.slice(now.length).forEach((element) => element.remove());
  }
}

/**
 * The policy that this page came with knows only the nonce that it came with.
 * @param {string} html
 */
function permitted(html) {
  const { nonce } = get(document, "#pagetide-config", HTMLElement);
  return html.replaceAll(/ nonce="[^"]*"/g, ` nonce="${nonce}"`);
}

/**
 * Takes what was typed over into the controls of the same name. What was typed in a form goes with what
 * its control showed before, so that the server sees whom it would overwrite; and what was typed for
 * one record is only told where the form is of another one now.
 * @param {Element} old
 * @param {Element} fresh
 */
export function keepTyped(old, fresh) {
  /** @type {Map<HTMLFormElement, string[]>} */
  const lost = new Map();
  for (const control of controlsIn(old)) {
    if (control.type === "file" || !isTouched(control)) continue;
    const twin = sameElement(fresh, control);
    if (!twin || !isControl(twin)) continue;
    if (control.form && twin.form && recordOf(control.form) !== recordOf(twin.form)) {
      lost.set(twin.form, [...(lost.get(twin.form) ?? []), `${control.name}: ${textOf(control)}`]);
    } else if (twin.type === control.type) {
      keep(control, twin);
    }
  }
  for (const [form, typed] of lost) tellLost(form, typed);
}

/**
 * Whether a control holds what somebody typed, now or before the server gave the form back.
 * @param {Control} control
 * @returns {boolean}
 */
export function isTouched(control) {
  if (control.type === "hidden") return false;
  if (control.closest("[data-entered]")) return true;
  if (control instanceof HTMLSelectElement) {
    return [...control.options].some((option) => option.selected !== option.defaultSelected);
  }
  const isChecked = control instanceof HTMLInputElement && control.checked !== control.defaultChecked;
  return isChecked || control.value !== control.defaultValue;
}

/**
 * @param {Control} control
 * @param {Control} twin of the same type
 */
function keep(control, twin) {
  if (control instanceof HTMLSelectElement && twin instanceof HTMLSelectElement) keepChosen(control, twin);
  else if (isBox(control) && isBox(twin)) twin.checked = control.checked;
  else twin.value = control.value;
  const [before, now] = [control, twin].map(({ form }) => form && hidden(form, "_base"));
  if (!before || !now) return;
  const [showed, shows] = [before, now].map(({ value }) => JSON.parse(value));
  if (!(control.name in showed) || !(control.name in shows)) return;
  now.value = JSON.stringify({ ...shows, [control.name]: showed[control.name] });
}

/**
 * What a form says of itself in a control that is not shown.
 * @param {HTMLFormElement} form
 * @param {string} name
 */
function hidden(form, name) {
  const control = form.elements.namedItem(name);
  return control instanceof HTMLInputElement ? control : null;
}

/**
 * What a form changes, or that it adds.
 * @param {HTMLFormElement} form
 */
function recordOf(form) {
  return JSON.stringify(["_table", "_record"].map((name) => hidden(form, name)?.value));
}

/** @param {Control} control */
function textOf(control) {
  if (isBox(control)) return String(control.checked);
  if (!(control instanceof HTMLSelectElement)) return control.value;
  return [...control.selectedOptions].map((option) => option.value).join(", ");
}

/**
 * @param {HTMLFormElement} form
 * @param {string[]} typed
 */
function tellLost(form, typed) {
  const told = document.createElement("p");
  told.className = "pt-problem";
  told.role = "alert";
  told.textContent = `This form is for another record now. You had entered ${typed.join("; ")}`;
  form.querySelector(".pt-fields, .pt-form-foot")?.before(told);
}

/**
 * @param {HTMLSelectElement} control
 * @param {HTMLSelectElement} twin
 */
function keepChosen(control, twin) {
  const chosen = new Set([...control.selectedOptions].map(({ value }) => value));
  for (const option of twin.options) option.selected = chosen.has(option.value);
}

/**
 * The element that stands for another one in a new state of the page: by its id, or of its name.
 * @param {Element} within
 * @param {Element} old
 * @returns {HTMLElement | null}
 */
function sameElement(within, old) {
  if (old.id) return query(within, `#${CSS.escape(old.id)}`, HTMLElement);
  const name = old.getAttribute("name");
  if (!name) return null;
  const withValue = isBox(old) ? `[value=${CSS.escape(old.value)}]` : "";
  return query(within, `[name=${CSS.escape(name)}]${withValue}`, HTMLElement);
}

/** Gives the focus back to the control of the same name, if it was lost. */
function holdFocus() {
  const held = document.activeElement;
  const whole = held?.closest("[data-component], [data-form]");
  const selection = held && isText(held) ? [held.selectionStart, held.selectionEnd] : [];
  return () => {
    const within = whole && document.getElementById(whole.id);
    if (!held || !within || document.activeElement === held) return;
    const twin = sameElement(within, held);
    twin?.focus({ preventScroll: true });
    const [start, end] = selection;
    if (twin && isText(twin) && typeof start === "number") twin.setSelectionRange(start, end ?? start);
  };
}

/**
 * Whether a part of the text in an element can be selected.
 * @param {Element} element
 * @returns {element is HTMLInputElement | HTMLTextAreaElement}
 */
function isText(element) {
  return element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement;
}

/** Gives the page, and each part of it that scrolls by itself, its place back. */
function holdScroll() {
  const [left, top] = [scrollX, scrollY];
  const parts = queryAll(document, "[data-component] .pt-table-frame", HTMLElement).map((part) => {
    const id = part.closest("[data-component]")?.id ?? "";
    return { id, left: part.scrollLeft, top: part.scrollTop };
  });
  return () => {
    for (const { id, ...place } of parts) {
      document.getElementById(id)?.querySelector(".pt-table-frame")?.scrollTo(place);
    }
    scrollTo({ left, top, behavior: "instant" });
  };
}
