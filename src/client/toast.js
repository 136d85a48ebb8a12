/** Short messages in a corner, announced to screen readers. */
import { get } from "./dom.js";

/** How long, in ms, a message stays that has neither an action nor a text to keep. */
const STAYS_MS = 6000;

/**
 * Shows a message; one of the same key takes the place of the other.
 * @param {string} text
 * @param {{ key?: string, action?: { label: string, run: () => void }, typed?: string }} [options] `typed` is what
 *   somebody wrote that has no other place any more: it stands there whole until they take it away.
 */
export function toast(text, { key, action, typed } = {}) {
  if (key) dismiss(key);
  const element = document.createElement("div");
  element.className = "pt-toast";
  if (key) element.dataset.key = key;
  const words = document.createElement("p");
  // What others say ends as they like, so a full stop after it may be one too many.
  words.textContent = text.replace(/([.!?…])\.$/, "$1");
  element.append(words);
  if (typed) {
    const kept = document.createElement("textarea");
    kept.value = typed;
    kept.readOnly = true;
    kept.rows = Math.min(typed.split("\n").length, 5);
    kept.ariaLabel = "What you typed";
    kept.addEventListener("focus", () => kept.select());
    element.append(kept);
  }
  if (action) {
    element.append(button(action.label, "pt-quiet", () => {
      element.remove();
      action.run();
    }));
  }
  const close = button("×", "pt-quiet pt-icon", () => element.remove());
  close.ariaLabel = "Dismiss";
  element.append(close);
  corner().append(element);
  if (!action && !typed) goLater(element);
}

/**
 * Takes over a message that came with the page: announced, and gone after a while.
 * @param {HTMLElement} element
 */
export function adopt(element) {
  element.remove();
  toast(element.textContent.trim());
}

/**
 * Takes away the message of a key, if there is one.
 * @param {string} key
 */
export function dismiss(key) {
  const all = [...corner().children];
  all.find((other) => other.getAttribute("data-key") === key)?.remove();
}

/** Where messages stand. */
function corner() {
  return get(document, "#pt-toasts", HTMLElement);
}

/**
 * @param {string} label
 * @param {string} className
 * @param {() => void} run
 */
function button(label, className, run) {
  const element = document.createElement("button");
  element.type = "button";
  element.className = className;
  element.textContent = label;
  element.addEventListener("click", run);
  return element;
}

/**
 * Takes the message away after a while, but not from under a pointer or the focus.
 * @param {HTMLElement} element
 */
function goLater(element) {
  setTimeout(() => {
    if (element.matches(":hover, :focus-within")) goLater(element);
    else element.remove();
  }, STAYS_MS);
}
