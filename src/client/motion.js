/**
 * What moves on a page when records change: an element that is new slides in, one that has changed
 * tints, one that leaves fades. Only while that is few: of more than people can follow, each is simply
 * put in its place, since every motion costs the browser work that grows with those under way.
 */

/** So many elements may begin to move within a second. */
const MOST_A_SECOND = 20;

/** So many elements at once are few: people see where each went. */
export const FEW = 8;

/** Whether nothing is to move just now. */
let isStill = false;
/**
 * When those began that did within the last second.
 * @type {number[]}
 */
let begun = [];

/**
 * Runs a function, during which nothing begins to move.
 * @param {() => void} run
 */
export function withoutMotion(run) {
  isStill = true;
  try {
    run();
  } finally {
    isStill = false;
  }
}

function mayMove() {
  if (isStill) return false;
  const now = performance.now();
  begun = begun.filter((at) => now - at < 1000);
  if (begun.length >= MOST_A_SECOND) return false;
  begun.push(now);
  return true;
}

/**
 * Runs a highlight from its beginning, even if one is under way.
 * @param {Element} element
 * @param {"pt-entering" | "pt-changed"} name the class that it has meanwhile
 */
export function highlight(element, name) {
  element.classList.remove(name);
  if (!mayMove()) return;
  element.getBoundingClientRect();
  element.classList.add(name);
  // The same function each time: where nothing moves, as in what is hidden, no more of them gather.
  element.addEventListener("animationend", settle, { once: true });
}

/**
 * Ends the highlights of an element.
 * @param {Event} event
 */
function settle({ currentTarget }) {
  if (currentTarget instanceof Element) currentTarget.classList.remove("pt-entering", "pt-changed");
}

/**
 * Lets an element fade out, and takes it away then.
 * @param {HTMLElement} element
 */
export async function leave(element) {
  if (!mayMove()) return element.remove();
  element.classList.add("pt-leaving");
  element.inert = true;
  const moving = element.getAnimations({ subtree: true });
  // Without motion there is nothing to wait for.
  await Promise.allSettled(moving.map((animation) => animation.finished));
  element.remove();
}
