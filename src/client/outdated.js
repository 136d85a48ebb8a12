/**
 * A page that is open while the app is deployed anew: what its components mean is not what the server
 * means by them any more. Then the page is made what it is now, once. What people are typing stays
 * where they type it; where it could not, the page says that it is stale, and they load it when they
 * like.
 */
import { closed, isOpen, keepTyped, readPage, show } from "./renew.js";
import { toast } from "./toast.js";

/** Where this tab notes what the server did not know, so that it never loads the same again and again. */
const NOTED = "pagetide-outdated";
/** An exported page cannot become another one, and one that its author works on does so by itself. */
const { site, dev } = JSON.parse(document.getElementById("pagetide-config").textContent);

/** The forms that somebody has entered something in. */
const entered = new WeakSet();
/** The tables whose open cell is waited for. */
const waiting = new WeakSet();
let [renewing, isTold] = [null, false];

addEventListener("input", ({ target }) => target.form && entered.add(target.form), { capture: true });

/**
 * The server has another component in the place of this one.
 * @param {import("./component.js").Component} component
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

/** Leaves a table as it is until its open cell is closed. */
function wait(component, takeUp) {
  const { section } = component;
  if (waiting.has(section)) return;
  waiting.add(section);
  closed(section).then(() => {
    waiting.delete(section);
    foundOther(component, takeUp);
  });
}

/** The server knows the component as it is. */
export function foundSame(component) {
  if (noted().length > 0) forget(component);
}

/** Makes the page what it is now; whether the server could say. */
function renew(takeUp) {
  renewing ??= attempt(takeUp).finally(() => (renewing = null));
  return renewing;
}

async function attempt(takeUp) {
  const { status, fresh } = await readPage().catch(() => ({ status: 0 }));
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

/** Puts a component in the place of one that means something else. */
function exchange(old, fresh) {
  // What the buttons of the frame look like is for the scripts to say.
  if (fresh.matches("header button")) return true;
  if (!fresh.matches("[data-component], [data-form], [data-presence]") || old.id !== fresh.id) return false;
  if (shapeOf(old) === shapeOf(fresh) || inHand().includes(old)) return true;
  keepTyped(old, fresh);
  old.replaceWith(fresh);
  return true;
}

function shapeOf(element) {
  return element.dataset.shape ?? element.querySelector("[name=_shape]")?.value;
}

/** What somebody is entering something in: it must not be taken from under their hands. */
function inHand() {
  const forms = [...document.querySelectorAll("[data-form]")].filter(isEntered);
  return [...forms, ...[...document.querySelectorAll("[data-component]")].filter(isOpen)];
}

function isEntered(form) {
  return entered.has(form) || form.querySelector("[data-entered]") !== null || [...form.elements].some(isAltered);
}

/** Whether a control is not as it came, as when a browser has put back what was entered before. */
function isAltered({ type, value, defaultValue, checked, defaultChecked }) {
  if (["checkbox", "radio"].includes(type)) return checked !== defaultChecked;
  return ["text", "textarea", "email", "tel", "url", "number"].includes(type) && value !== defaultValue;
}

/** Whether an element stands where it stood: only then it can stay. */
function isStillThere(element, fresh) {
  const now = fresh.getElementById(element.id);
  return now !== null && placeOf(now) === placeOf(element);
}

function placeOf(element) {
  const place = [];
  for (let part = element; part && part.localName !== "main"; part = part.parentElement) {
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

function script(page) {
  return page.querySelector("script[type=module][src]")?.getAttribute("src");
}

function key({ id, shape }) {
  return `${location.pathname} ${id} ${shape}`;
}

function noted() {
  try {
    return JSON.parse(sessionStorage.getItem(NOTED)) ?? [];
  } catch {
    return [];
  }
}

function note(keys) {
  try {
    sessionStorage.setItem(NOTED, JSON.stringify(keys));
  } catch {
    // Where nothing can be noted, nothing is remembered.
  }
}

function forget(component) {
  note(noted().filter((other) => other !== key(component)));
}
