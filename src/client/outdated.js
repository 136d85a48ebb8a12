/**
 * A page that is open while the app is deployed anew: what its components mean is not what the server
 * means by them any more. Then the page is made what it is now, once. What people are typing stays
 * where they type it; where it could not, the page says that it is stale, and they load it when they
 * like.
 */
import { config } from "./config.js";
import { formOf, isBox, query, queryAll } from "./dom.js";
import { closed, isOpen, keepTyped, readPage, show } from "./renew.js";
import { toast } from "./toast.js";

/** @typedef {import("./component.js").Component} Component */

/** Where this tab notes what the server did not know, so that it never loads the same again and again. */
const NOTED = "pagetide-outdated";
/** An exported page cannot become another one, and one that its author works on does so by itself. */
const { site, dev } = config;

/**
 * The forms that somebody has entered something in.
 * @type {WeakSet<HTMLFormElement>}
 */
const entered = new WeakSet();
/**
 * The tables whose open cell is waited for.
 * @type {WeakSet<HTMLElement>}
 */
const waiting = new WeakSet();
/** @type {Promise<boolean> | null} */
let renewing = null;
let isTold = false;

addEventListener("input", noteEntry, { capture: true });

/** @param {Event} event */
function noteEntry({ target }) {
  const form = formOf(target);
  if (form) entered.add(form);
}

/**
 * The server has another component in the place of this one.
 * @param {Component} component
 * @param {() => Promise<void>} takeUp takes up what the page holds once it is another one
 */
export function foundOther(component, takeUp) {
  const { section } = component;
  component.showState("stale");
  if (site || dev || renewing || !section.isConnected) return;
  if (isOpen(section)) return wait(component, takeUp);
  // The page was loaded anew because of it, and is as before: two servers do not agree.
  if (noted().includes(key(component))) return tell();
  note([...noted(), key(component)]);
  renew(takeUp).then((isDone) => isDone || forget(component));
}

/**
 * Leaves a table as it is until its open cell is closed.
 * @param {Component} component
 * @param {() => Promise<void>} takeUp
 */
function wait(component, takeUp) {
  const { section } = component;
  if (waiting.has(section)) return;
  waiting.add(section);
  closed(section).then(() => {
    waiting.delete(section);
    foundOther(component, takeUp);
  });
}

/**
 * The server knows the component as it is.
 * @param {Component} component
 */
export function foundSame(component) {
  if (noted().length > 0) forget(component);
}

/**
 * Makes the page what it is now; whether the server could say.
 * @param {() => Promise<void>} takeUp
 */
function renew(takeUp) {
  renewing ??= attempt(takeUp).finally(() => (renewing = null));
  return renewing;
}

/** @param {() => Promise<void>} takeUp */
async function attempt(takeUp) {
  const { status, fresh } = await readPage().catch(() => ({ status: 0, fresh: null }));
  if (status === 0 || status >= 500) return false;
  const hands = inHand();
  if (!fresh || status !== 200 || script(fresh) !== script(document)) {
    if (hands.length > 0) tell();
    else location.reload();
  } else if (hands.some((element) => !isStillThere(element, fresh))) {
    tell();
  } else {
    show(fresh, exchange);
    await takeUp();
    for (const table of hands.filter(isOpen)) closed(table).then(() => renew(takeUp));
  }
  return true;
}

/**
 * Puts a component in the place of one that means something else.
 * @type {import("./morph.js").Settle}
 */
function exchange(old, fresh) {
  // What the buttons of the frame look like is for the scripts to say.
  if (fresh.matches("header button")) return true;
  if (!fresh.matches("[data-component], [data-form], [data-presence]") || old.id !== fresh.id) return false;
  if (shapeOf(old) === shapeOf(fresh) || inHand().includes(old)) return true;
  keepTyped(old, fresh);
  old.replaceWith(fresh);
  return true;
}

/** @param {Element} element */
function shapeOf(element) {
  return element.getAttribute("data-shape") ?? query(element, "[name=_shape]", HTMLInputElement)?.value;
}

/**
 * What somebody is entering something in: it must not be taken from under their hands.
 * @returns {Element[]}
 */
function inHand() {
  const forms = queryAll(document, "[data-form]", HTMLFormElement).filter(isEntered);
  return [...forms, ...[...document.querySelectorAll("[data-component]")].filter(isOpen)];
}

/** @param {HTMLFormElement} form */
function isEntered(form) {
  return entered.has(form) || form.querySelector("[data-entered]") !== null || [...form.elements].some(isAltered);
}

/**
 * Whether a control is not as it came, as when a browser has put back what was entered before.
 * @param {Element} control
 */
function isAltered(control) {
  if (isBox(control)) return control.checked !== control.defaultChecked;
  if (!(control instanceof HTMLInputElement || control instanceof HTMLTextAreaElement)) return false;
  const isTyped = ["text", "textarea", "email", "tel", "url", "number"].includes(control.type);
  return isTyped && control.value !== control.defaultValue;
}

/**
 * Whether an element stands where it stood: only then it can stay.
 * @param {Element} element
 * @param {Document} fresh
 */
function isStillThere(element, fresh) {
  const now = fresh.getElementById(element.id);
  return now !== null && placeOf(now) === placeOf(element);
}

/** @param {Element} element */
function placeOf(element) {
  const place = [];
  /** @type {Element | null} */
  let part = element;
  for (; part && part.localName !== "main"; part = part.parentElement) {
    place.push(`${part.localName} ${part.id}`);
  }
  return place.join();
}

function tell() {
  if (isTold) return;
  isTold = true;
  const run = () => location.reload();
  toast("This page has changed. What it shows is no longer current.", { action: { label: "Reload", run } });
}

/** @param {Document} page */
function script(page) {
  return page.querySelector("script[type=module][src]")?.getAttribute("src");
}

/** @param {Component} component */
function key({ id, shape }) {
  return `${location.pathname} ${id} ${shape}`;
}

/** @returns {string[]} */
function noted() {
  try {
    return JSON.parse(sessionStorage.getItem(NOTED) ?? "[]");
  } catch {
    return [];
  }
}

/** @param {string[]} keys */
function note(keys) {
  try {
    sessionStorage.setItem(NOTED, JSON.stringify(keys));
  } catch {
    // Where nothing can be noted, nothing is remembered.
  }
}

/** @param {Component} component */
function forget(component) {
  note(noted().filter((other) => other !== key(component)));
}
