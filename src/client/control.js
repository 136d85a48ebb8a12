/** The control that a field is edited with, and how its value reads. */

/** The type of the input for each kind of control; the others are elements of their own. */
const INPUTS = {
  text: "text",
  email: "email",
  url: "url",
  tel: "tel",
  integer: "text",
  decimal: "text",
  date: "date",
  datetime: "datetime-local",
  checkbox: "checkbox",
};

/**
 * The control for a field.
 * @param {object} editor what the server says of the field: `{field, label, required, control, options}`
 * @param {string | undefined} text the value as in `data-value`; undefined if it is missing
 */
export function makeControl(editor, text) {
  const element = make(editor);
  element.ariaLabel = editor.label;
  element.required = editor.required;
  if (editor.control === "checkbox") element.checked = text === "true";
  else if (editor.control === "multi-select") {
    const chosen = JSON.parse(text ?? "[]");
    for (const option of element.options) option.selected = chosen.includes(option.value);
  }
  else if (editor.control === "datetime") element.value = text?.slice(0, 16) ?? "";
  else element.value = text ?? "";
  return element;
}

function make({ control, options = [], required }) {
  if (control === "long-text") return document.createElement("textarea");
  if (control === "select" || control === "multi-select") {
    const select = document.createElement("select");
    select.multiple = control === "multi-select";
    const none = required || select.multiple ? [] : [new Option("–", "")];
    select.append(...none, ...options.map((option) => new Option(option, option)));
    return select;
  }
  const input = document.createElement("input");
  input.type = INPUTS[control];
  if (control === "integer") input.inputMode = "numeric";
  if (control === "decimal") input.inputMode = "decimal";
  return input;
}

/** The value of a control as JSON; null if there is none. */
export function valueOf({ control }, element) {
  if (control === "checkbox") return element.checked;
  if (control === "multi-select") {
    const chosen = Array.from(element.selectedOptions, (option) => option.value);
    return chosen.length ? chosen : null;
  }
  const text = element.value;
  if (text === "") return null;
  // What is no number is left to the server, which says so.
  if (control === "integer" && Number.isSafeInteger(Number(text))) return Number(text);
  // Cells show instants in UTC, and so does the control.
  if (control === "datetime") return `${text}:00.000Z`;
  return text;
}

/** A value of the API as it stands in `data-value`; undefined if it is missing. */
export function textOf(value) {
  if (value === null || value === undefined) return undefined;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
