/**
 * Makes one element like another and touches only what differs, so that focus, selection and what
 * people have opened survive. Children with a `data-id` or an `id` are told apart by it, the rest by
 * their kind and order.
 */
import { highlight, leave } from "./motion.js";

/** Classes of a highlight that is under way. */
const PASSING = ["pt-entering", "pt-leaving", "pt-changed"];

/**
 * Sees to an element in its own way, or leaves it to `morph`; whether it did.
 * @typedef {(old: Element, fresh: Element) => boolean} Settle
 */

/**
 * @param {Element} old the element that stays
 * @param {Element} fresh what it is to look like
 * @param {Settle} [settle]
 */
export function morph(old, fresh, settle = () => false) {
  if (settle(old, fresh)) return;
  // How current it is, only the browser knows.
  if (old.classList.contains("pt-state")) return;
  attributes(old, fresh);
  if (old.hasAttribute("data-figure")) figure(old, fresh);
  else children(old, fresh, settle);
}

/**
 * @param {Element} old
 * @param {Element} fresh
 */
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

/**
 * @param {Element} old
 * @param {Element} fresh
 * @param {Settle} settle
 */
function children(old, fresh, settle) {
  const wanted = visible(fresh);
  const ids = new Set(wanted.filter(isEntry).map(({ dataset }) => dataset.id));
  for (const node of visible(old)) {
    if (isEntry(node) && !ids.has(node.dataset.id)) leave(node);
  }
  const known = visible(old);
  for (const node of wanted) {
    const index = known.findIndex((other) => isSame(other, node));
    const kept = index < 0 ? null : known[index];
    const next = known[0] ?? null;
    if (kept) known.splice(index, 1);
    else if (isEntry(node)) highlight(node, "pt-entering");
    if (!kept || kept !== next) place(old, kept ?? node, next);
    if (kept instanceof Element && node instanceof Element) morph(kept, node, settle);
    else if (kept && kept.nodeValue !== node.nodeValue) kept.nodeValue = node.nodeValue;
  }
  for (const node of known) node.remove();
}

/**
 * The child nodes, without the blanks between them and what is fading out.
 * @param {Element} parent
 */
function visible(parent) {
  return [...parent.childNodes].filter((node) => {
    if (node instanceof Element) return !node.classList.contains("pt-leaving");
    return !(node instanceof Text) || node.data.trim() !== "";
  });
}

/**
 * Whether a node stands for a record.
 * @param {Node} node
 * @returns {node is HTMLElement}
 */
function isEntry(node) {
  return node instanceof HTMLElement && Boolean(node.dataset.id);
}

/**
 * @param {Node} node
 * @param {Node} other
 */
function isSame(node, other) {
  return node.nodeName === other.nodeName && keyOf(node) === keyOf(other);
}

/** @param {Node} node */
function keyOf(node) {
  if (!(node instanceof Element)) return undefined;
  return node.getAttribute("data-id") ?? (node.id || undefined);
}

/**
 * Puts a node before another; what has the focus keeps it where the browser can.
 * @param {Element} parent
 * @param {ChildNode} node
 * @param {ChildNode | null} next
 */
function place(parent, node, next) {
  if (parent.moveBefore && node.parentNode === parent) parent.moveBefore(node, next);
  else parent.insertBefore(node, next);
}

/**
 * A figure that has become another one tints briefly.
 * @param {Element} old
 * @param {Element} fresh
 */
function figure(old, fresh) {
  if (old.innerHTML === fresh.innerHTML) return;
  old.innerHTML = fresh.innerHTML;
  highlight(old, "pt-changed");
}
