/**
 * Elements found by a selector, each of the kind that is asked for: a form is an `HTMLFormElement`,
 * so that whoever finds it may use what only forms have.
 */

/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Control */

/**
 * The first such element; null if there is none.
 * @template {Element} T
 * @param {ParentNode} within
 * @param {string} selector
 * @param {new () => T} kind
 * @returns {T | null}
 */
export function query(within, selector, kind) {
  const element = within.querySelector(selector);
  return element instanceof kind ? element : null;
}

/**
 * All such elements, in the order of the document.
 * @template {Element} T
 * @param {ParentNode} within
 * @param {string} selector
 * @param {new () => T} kind
 * @returns {T[]}
 */
export function queryAll(within, selector, kind) {
  return [...within.querySelectorAll(selector)].flatMap((found) => (found instanceof kind ? [found] : []));
}

/**
 * The first such element, where our own templates always have one.
 * @template {Element} T
 * @param {ParentNode} within
 * @param {string} selector
 * @param {new () => T} kind
 * @returns {T}
 */
export function get(within, selector, kind) {
  const element = query(within, selector, kind);
  if (!element) throw new Error(`there is no ${selector}`);
  return element;
}

/**
 * The element of an event, or the nearest around it, that matches; null if there is none.
 * @template {Element} T
 * @param {EventTarget | null} target
 * @param {string} selector
 * @param {new () => T} kind
 * @returns {T | null}
 */
export function closest(target, selector, kind) {
  const element = target instanceof Element ? target.closest(selector) : null;
  return element instanceof kind ? element : null;
}

/**
 * The form of the control in which an event happened; null if it has none.
 * @param {EventTarget | null} control
 * @returns {HTMLFormElement | null}
 */
export function formOf(control) {
  if (!(control instanceof Element && "form" in control)) return null;
  return control.form instanceof HTMLFormElement ? control.form : null;
}

/**
 * Whether people enter or choose something in an element.
 * @param {Element} element
 * @returns {element is Control}
 */
export function isControl(element) {
  return [HTMLInputElement, HTMLSelectElement, HTMLTextAreaElement].some((kind) => element instanceof kind);
}

/**
 * All controls within an element, in the order of the document.
 * @param {Element} within
 * @returns {Control[]}
 */
export function controlsIn(within) {
  return [...within.querySelectorAll("input, select, textarea")].filter(isControl);
}

/**
 * Whether a control is one that is ticked.
 * @param {Element} control
 * @returns {control is HTMLInputElement}
 */
export function isBox(control) {
  return control.matches("input:is([type=checkbox], [type=radio])");
}

/**
 * Whether some text of the page is selected: whoever selects wants to copy it.
 * @returns {boolean}
 */
export function isTextSelected() {
  return getSelection()?.isCollapsed === false;
}
