/**
 * Makes one element like another and touches only what differs, so that focus, selection and what
 * people have opened survive. Children with a `data-id` or an `id` are told apart by it, the rest by
 * their kind and order.
 */
import { highlight, leave } from "./motion.js";

/** Classes of a highlight that is under way. */
const PASSING = ["pt-entering", "pt-leaving", "pt-changed"];

/**
 * @param {Element} old the element that stays
 * @param {Element} fresh what it is to look like
 * @param {(old: Element, fresh: Element) => boolean} settle sees to an element in its own way, or
 *   leaves it to this
 */
export function morph(old, fresh, settle = () => false) {
  if (settle(old, fresh)) return;
  // How current it is, only the browser knows.
  if (old.classList.contains("pt-state")) return;
  attributes(old, fresh);
  if (old.hasAttribute("data-figure")) figure(old, fresh);
  else children(old, fresh, settle);
}

function attributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    // Whoever has opened something keeps it open.
    if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) === value) continue;
    const passing = name === "class" ? PASSING.filter((word) => old.classList.contains(word)) : [];
    old.setAttribute(name, value);
    old.classList.add(...passing);
  }
}

function children(old, fresh, settle) {
  const wanted = visible(fresh);
  const ids = new Set(wanted.map(({ dataset }) => dataset?.id));
  for (const node of visible(old)) {
    if (node.dataset?.id && !ids.has(node.dataset.id)) leave(node);
  }
  const known = visible(old);
  for (const node of wanted) {
    const index = known.findIndex((other) => isSame(other, node));
    const kept = index < 0 ? null : known[index];
    const next = known[0] ?? null;
    if (kept) known.splice(index, 1);
    else enter(node);
    if (!kept || kept !== next) place(old, kept ?? node, next);
    if (kept?.nodeType === Node.ELEMENT_NODE) morph(kept, node, settle);
    else if (kept && kept.data !== node.data) kept.data = node.data;
  }
  for (const node of known) node.remove();
}

/** The child nodes, without the blanks between them and what is fading out. */
function visible(parent) {
  const isBlank = (node) => node.nodeType === Node.TEXT_NODE && !node.data.trim();
  const isLeaving = (node) => node.classList?.contains("pt-leaving");
  return [...parent.childNodes].filter((node) => !isBlank(node) && !isLeaving(node));
}

function isSame(node, other) {
  return node.nodeName === other.nodeName && keyOf(node) === keyOf(other);
}

function keyOf({ dataset, id }) {
  return dataset?.id ?? (id || undefined);
}

/** Puts a node before another; what has the focus keeps it where the browser can. */
function place(parent, node, next) {
  if (parent.moveBefore && node.parentNode === parent) parent.moveBefore(node, next);
  else parent.insertBefore(node, next);
}

/** A figure that has become another one tints briefly. */
function figure(old, fresh) {
  if (old.innerHTML === fresh.innerHTML) return;
  old.innerHTML = fresh.innerHTML;
  highlight(old, "pt-changed");
}

/** Lets an entry slide in. */
function enter(node) {
  if (!node.dataset?.id) return;
  highlight(node, "pt-entering");
}
