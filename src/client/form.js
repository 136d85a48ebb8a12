/**
 * Forms that are sent without leaving the page: what is wrong is shown in place, and nothing that was
 * typed is lost. The server renders the form again, as it does without JavaScript.
 */
import { isControl, query } from "./dom.js";
import { entriesOf, send } from "./send.js";
import { dismiss, toast } from "./toast.js";

/** @typedef {import("./dom.js").Control} Control */

/** Starts a form. */
export class Form {
  #busy = false;

  /** @param {HTMLFormElement} element */
  constructor(element) {
    this.element = element;
    // All faults are shown at once, and in the same way; the browser would show the first.
    element.noValidate = true;
    element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  async #submit() {
    if (this.#busy || !this.#isComplete()) return;
    this.#setBusy(true);
    dismiss(this.element.id);
    const { status, body } = await send(this.#entries());
    if (body.navigate) return location.assign(body.navigate);
    this.#setBusy(false);
    if (body.html !== undefined) return this.#replace(body.html, status === 200, body.toast);
    return this.#notSaved(status, body);
  }

  /** What is half typed reads as nothing, and would be saved so. */
  #isComplete() {
    const controls = [...this.element.elements].filter(isControl);
    const half = controls.filter(({ validity }) => validity.badInput);
    for (const control of controls) unmark(control);
    for (const control of half) mark(control, "This is not complete.");
    half[0]?.focus();
    return half.length === 0;
  }

  /** The names and values, as without JavaScript. */
  #entries() {
    const entries = entriesOf(this.element);
    // So that the same again is no repetition: this form cannot be sent twice by accident.
    entries.set("_key", `${Date.now()} ${Math.random()}`);
    return entries;
  }

  /** @param {boolean} busy */
  #setBusy(busy) {
    this.#busy = busy;
    this.element.ariaBusy = busy ? "true" : null;
    for (const button of this.element.querySelectorAll("button")) button.disabled = busy;
  }

  /**
   * Shows the form as the server rendered it again.
   * @param {string} html
   * @param {boolean} saved
   * @param {string} [text] what people are told
   */
  #replace(html, saved, text) {
    const template = document.createElement("template");
    template.innerHTML = html;
    const fresh = template.content.querySelector("form");
    if (text) toast(text, { key: this.element.id });
    if (!fresh) return this.element.remove();
    this.element.replaceWith(fresh);
    new Form(fresh);
    const first = saved ? query(fresh, ".pt-field :is(input, select, textarea)", HTMLElement) : null;
    (first ?? query(fresh, "[autofocus]", HTMLElement) ?? fresh.querySelector("button"))?.focus();
    return undefined;
  }

  /**
   * @param {number} status
   * @param {import("./send.js").FormAnswer} answer
   */
  #notSaved(status, { message }) {
    const key = this.element.id;
    /** @type {Record<number, string>} */
    const words = {
      0: "the server cannot be reached",
      401: "your session is over; sign in in another tab, then try again",
      404: "the record is gone, or you may not change it any more",
    };
    const run = () => this.element.requestSubmit();
    toast(`Not saved: ${words[status] ?? message ?? `the server answered ${status}`}.`, {
      key,
      action: { label: "Try again", run },
    });
  }
}

/**
 * Says below a control what is wrong with it.
 * @param {Control} control
 * @param {string} text
 */
function mark(control, text) {
  control.ariaInvalid = "true";
  const fault = document.createElement("p");
  fault.className = "pt-fault";
  fault.textContent = text;
  fault.id = `${control.id}.half`;
  control.setAttribute("aria-describedby", fault.id);
  control.closest(".pt-field")?.append(fault);
}

/** @param {Control} control */
function unmark(control) {
  const fault = control.id && document.getElementById(`${control.id}.half`);
  if (!fault) return;
  fault.remove();
  control.ariaInvalid = null;
  control.removeAttribute("aria-describedby");
}
