/**
 * Makes a page that is open what the server now says it is, without loading it: scroll position, focus
 * and what was typed stay. Whoever asks for it decides what becomes of each part that has a life of
 * its own.
 */
import { morph } from "./morph.js";

/** Asks for the page; there is no `fresh` one where something else is at its address now. */
export async function readPage() {
  const answer = await fetch(location.href, { cache: "no-store" });
  const isPage = answer.headers.get("Content-Type")?.startsWith("text/html");
  const fresh = isPage && new DOMParser().parseFromString(permitted(await answer.text()), "text/html");
  const isThis = !answer.redirected && fresh?.querySelector("main") && document.querySelector("main");
  return { status: answer.status, fresh: isThis ? fresh : null };
}

/**
 * Shows a page in place of the one that is open.
 * @param {Document} fresh
 * @param {(old: Element, fresh: Element) => boolean} settle sees to an element in its own way, or
 *   leaves it to `morph`
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

/** Whether a cell of a table is open, or what was entered is being saved. */
export function isOpen(table) {
  return table.querySelector(".pt-editing, .pt-pending") !== null;
}

/** Waits until no cell of a table is open. */
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

/** The theme, the description and the stylesheets. */
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

/** The policy that this page came with knows only the nonce that it came with. */
function permitted(html) {
  const { nonce } = document.getElementById("pagetide-config");
  return html.replaceAll(/ nonce="[^"]*"/g, ` nonce="${nonce}"`);
}

/**
 * Takes what was typed over into the controls of the same name. What was typed in a form goes with what
 * its control showed before, so that the server sees whom it would overwrite; and what was typed for
 * one record is only told where the form is of another one now.
 */
export function keepTyped(old, fresh) {
  const lost = new Map();
  for (const control of old.querySelectorAll("input, textarea, select")) {
    if (control.type === "file" || !isTouched(control)) continue;
    const twin = sameControl(fresh, control);
    if (control.form && twin?.form && recordOf(control.form) !== recordOf(twin.form)) {
      lost.set(twin.form, [...(lost.get(twin.form) ?? []), `${control.name}: ${textOf(control)}`]);
    } else if (twin && twin.type === control.type) {
      keep(control, twin);
    }
  }
  for (const [form, typed] of lost) tellLost(form, typed);
}

/** Whether a control holds what somebody typed, now or before the server gave the form back. */
export function isTouched(control) {
  if (control.type === "hidden") return false;
  if (control.closest("[data-entered]")) return true;
  if (control.localName === "select") {
    return [...control.options].some((option) => option.selected !== option.defaultSelected);
  }
  return control.checked !== control.defaultChecked || control.value !== control.defaultValue;
}

function keep(control, twin) {
  if (control.localName === "select") keepChosen(control, twin);
  else if (["checkbox", "radio"].includes(control.type)) twin.checked = control.checked;
  else twin.value = control.value;
  const [before, now] = [control, twin].map(({ form }) => form?.elements.namedItem("_base"));
  if (!before || !now) return;
  const [showed, shows] = [before, now].map(({ value }) => JSON.parse(value));
  if (!(control.name in showed) || !(control.name in shows)) return;
  now.value = JSON.stringify({ ...shows, [control.name]: showed[control.name] });
}

/** What a form changes, or that it adds. */
function recordOf({ elements }) {
  return JSON.stringify(["_table", "_record"].map((name) => elements.namedItem(name)?.value));
}

function textOf({ type, checked, value, selectedOptions }) {
  if (["checkbox", "radio"].includes(type)) return String(checked);
  return selectedOptions ? [...selectedOptions].map((option) => option.value).join(", ") : value;
}

function tellLost(form, typed) {
  const told = document.createElement("p");
  told.className = "pt-problem";
  told.role = "alert";
  told.textContent = `This form is for another record now. You had entered ${typed.join("; ")}`;
  form.querySelector(".pt-fields, .pt-form-foot")?.before(told);
}

function keepChosen(control, twin) {
  const chosen = new Set([...control.selectedOptions].map(({ value }) => value));
  for (const option of twin.options) option.selected = chosen.has(option.value);
}

function sameControl(within, { id, name, value, type }) {
  if (id) return within.querySelector(`#${CSS.escape(id)}`);
  if (!name) return null;
  const isOneOfMany = ["checkbox", "radio"].includes(type);
  const withValue = isOneOfMany ? `[value=${CSS.escape(value)}]` : "";
  return within.querySelector(`[name=${CSS.escape(name)}]${withValue}`);
}

/** Gives the focus back to the control of the same name, if it was lost. */
function holdFocus() {
  const held = document.activeElement;
  const whole = held?.closest("[data-component], [data-form]");
  const selection = [held?.selectionStart, held?.selectionEnd];
  return () => {
    const within = whole && document.getElementById(whole.id);
    if (!within || document.activeElement === held) return;
    const twin = sameControl(within, held);
    twin?.focus({ preventScroll: true });
    if (twin?.setSelectionRange && typeof selection[0] === "number") twin.setSelectionRange(...selection);
  };
}

/** Gives the page, and each part of it that scrolls by itself, its place back. */
function holdScroll() {
  const [left, top] = [scrollX, scrollY];
  const parts = [...document.querySelectorAll("[data-component] .pt-table-frame")].map((part) => {
    return [part.closest("[data-component]").id, part.scrollLeft, part.scrollTop];
  });
  return () => {
    for (const [id, ...place] of parts) {
      document.getElementById(id)?.querySelector(".pt-table-frame")?.scrollTo(...place);
    }
    scrollTo({ left, top, behavior: "instant" });
  };
}
