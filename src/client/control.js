/**
 * The control that a field is edited with in a cell: it shows exactly the value, and what people
 * typed goes to the server as they typed it.
 */

/** @typedef {import("./dom.js").Control} Control */

/**
 * How a field is edited, as the server says it.
 * @typedef {object} FieldEditor
 * @property {string} field its name in the API
 * @property {string} label what people call it
 * @property {boolean} required whether it must have a value
 * @property {string} control the kind of control
 * @property {string[]} [options] what may be chosen, for a select
 * @property {string} [max] the last day or time that the control gives
 * @property {string} [zone] the zone whose clock it shows
 */

/**
 * The type of the input for controls whose name is another. Browsers read numbers by the rules of their own
 * language; here they are read by the server.
 * @type {Record<string, string>}
 */
const INPUTS = { integer: "text", decimal: "text", datetime: "datetime-local" };

/** Controls of these kinds take no notice of blanks around what is typed. */
const TRIMMED = ["email", "url", "tel", "integer", "decimal"];

/**
 * The control for a field. What the field's own would alter (another program wrote it, or somebody
 * typed it) stands in one for plain text.
 * @param {FieldEditor} editor
 * @param {string | undefined} text the value as in `data-value`; undefined if it is missing
 * @returns {Control}
 */
export function makeControl(editor, text) {
  const element = suitable(editor, text);
  element.ariaLabel = editor.zone ? `${editor.label}, ${editor.zone}` : editor.label;
  if (editor.zone) element.title = editor.zone;
  element.required = editor.required;
  return element;
}

/**
 * @param {FieldEditor} editor
 * @param {string | undefined} text
 */
function suitable(editor, text) {
  for (const control of [editor.control, "text"]) {
    const element = filled({ ...editor, control }, text);
    const isText = !["checkbox", "select-multiple"].includes(element.type);
    if (!isText || textIn(element) === textOf(text)) return element;
  }
  return filled({ ...editor, control: "long-text" }, text);
}

/**
 * @param {FieldEditor} editor
 * @param {string | undefined} text
 */
function filled(editor, text) {
  const element = make(editor);
  fill(element, text);
  return element;
}

/**
 * @param {FieldEditor} editor
 * @returns {Control}
 */
function make({ control, options = [], required, max }) {
  if (control === "long-text") return document.createElement("textarea");
  if (control === "select" || control === "multi-select") {
    const select = document.createElement("select");
    select.multiple = control === "multi-select";
    const none = required || select.multiple ? [] : [new Option("–", "")];
    select.append(...none, ...options.map((option) => new Option(option, option)));
    return select;
  }
  const input = document.createElement("input");
  input.type = INPUTS[control] ?? control;
  if (control === "integer") input.inputMode = "numeric";
  if (control === "decimal") input.inputMode = "decimal";
  if (input.type.includes("time")) input.step = "any";
  if (max && input.type !== "text") input.max = max;
  return input;
}

/**
 * @param {Control} element
 * @param {string | undefined} text
 */
function fill(element, text) {
  if (element instanceof HTMLInputElement && element.type === "checkbox") {
    element.checked = text === "true";
  } else if (element instanceof HTMLSelectElement) {
    choose(element, text);
  } else {
    const isTime = element.type === "datetime-local";
    element.value = (isTime ? text?.replace(/(:00)?\.000Z$|Z$/, "") : text) ?? "";
  }
}

/**
 * @param {HTMLSelectElement} select
 * @param {string | undefined} text
 */
function choose(select, text) {
  if (select.multiple) {
    /** @type {string[]} */
    const chosen = JSON.parse(text ?? "[]");
    for (const option of select.options) option.selected = chosen.includes(option.value);
  } else {
    const isKnown = Array.from(select.options).some(({ value }) => value === (text ?? ""));
    // What it is now may be none of what there is to choose from.
    if (!isKnown) select.prepend(new Option(text ?? "–", text ?? ""));
    select.value = text ?? "";
  }
}

/**
 * What stands in a control, as in `data-value`; undefined if it is empty.
 * @param {Control} element
 * @returns {string | undefined}
 */
export function textIn(element) {
  if (element instanceof HTMLInputElement && element.type === "checkbox") return String(element.checked);
  if (element instanceof HTMLSelectElement && element.multiple) {
    const chosen = Array.from(element.selectedOptions, (option) => option.value);
    return chosen.length ? JSON.stringify(chosen) : undefined;
  }
  const text = element.value || undefined;
  return text && element.type === "datetime-local" ? instant(text) : text;
}

/**
 * What a control gives, minutes or more, as an instant in full.
 * @param {string} text
 */
function instant(text) {
  const [time, fraction = ""] = text.split(".");
  return `${time.length === "2026-04-05T12:00".length ? `${time}:00` : time}.${fraction.padEnd(3, "0")}Z`;
}

/**
 * A text as in `data-value` as JSON for the API; null if there is none. Whole numbers go with all
 * their digits. What is no value of the field is left to the server, which says so.
 * @param {FieldEditor} editor
 * @param {string | undefined} text
 * @returns {string}
 */
export function jsonOf({ control }, text) {
  if (text === undefined) return "null";
  if (control === "checkbox" || control === "multi-select") return text;
  const word = TRIMMED.includes(control) ? text.trim() : text;
  if (control === "integer" && /^[-+]?\d+$/.test(word)) return String(BigInt(word));
  if (control === "datetime" && /^\d{4}-\d\d-\d\dT[\d:.]+$/.test(word)) return JSON.stringify(`${word}Z`);
  return JSON.stringify(word);
}

/**
 * A value of the API as it stands in `data-value`; undefined if it is missing.
 * @param {unknown} value
 * @returns {string | undefined}
 */
export function textOf(value) {
  if (value === null || value === undefined || value === "") return undefined;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
