/**
 * Sorting, searching, filtering and turning pages without loading the page again. All of it are links
 * and a form that work by themselves; here they only lead to a reading of the one table.
 */
import { closest, formOf, get, isTextSelected, query, queryAll } from "./dom.js";
import { dismiss, toast } from "./toast.js";

/** @typedef {import("./component.js").Component} Component */

/** How long, in ms, typing must rest before it is looked for. */
const TYPING_MS = 250;

/**
 * The tables of the page, which say in their links what is chosen about the others.
 * @type {Set<Component>}
 */
const tables = new Set();

/** Lets people browse one table. */
export class Browsing {
  /** @type {number | undefined} */
  #timer;

  /** @param {Component} table */
  constructor(table) {
    this.table = table;
    tables.add(table);
    const { section } = table;
    section.addEventListener("click", (event) => this.#clicked(event));
    section.addEventListener("auxclick", (event) => this.#clicked(event));
    section.addEventListener("input", ({ target }) => this.#typed(target));
    section.addEventListener("change", ({ target }) => this.#changed(target));
    section.addEventListener("focusout", ({ target }) => {
      if (isTools(formOf(target))) this.#isComplete();
    });
    section.addEventListener("submit", (event) => {
      if (!isTools(event.target)) return;
      event.preventDefault();
      this.#search();
    });
    const { gone } = table;
    addEventListener("popstate", () => this.#turn(location.href), { signal: gone });
    gone.addEventListener("abort", () => {
      clearTimeout(this.#timer);
      tables.delete(table);
    });
  }

  /** @param {MouseEvent} event */
  async #clicked(event) {
    const { target } = event;
    const link = closest(target, "a[href]", HTMLAnchorElement);
    const isPlain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey);
    if (link?.closest("[data-part]")) {
      if (!isPlain) return;
      event.preventDefault();
      history.pushState(null, "", link.href);
      const isPager = link.closest(".pt-pager");
      await this.#turn(link.href);
      if (isPager) this.#showTop();
    } else if (!closest(target, "a, button, input, select, textarea, summary, td[tabindex]", Element)) {
      this.#follow(closest(target, "tbody tr", HTMLTableRowElement), isPlain, event.button);
    }
  }

  /**
   * Follows the link of a row, unless somebody selects text in it.
   * @param {HTMLTableRowElement | null} row
   * @param {boolean} isPlain
   * @param {number} button which of the mouse
   */
  #follow(row, isPlain, button) {
    const link = row && query(row, ".pt-row-link", HTMLAnchorElement);
    if (!link || isTextSelected()) return;
    if (isPlain) location.assign(link.href);
    else if (button < 2) open(link.href);
  }

  /** @param {EventTarget | null} target */
  #typed(target) {
    if (!closest(target, ".pt-table-tools :is([type=search], [inputmode])", Element)) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#search(), TYPING_MS);
  }

  /** @param {EventTarget | null} target */
  #changed(target) {
    if (isTools(formOf(target))) this.#search();
  }

  /** Goes where the form leads, without the names that are left empty. */
  #search() {
    clearTimeout(this.#timer);
    if (!this.#isComplete()) return;
    const form = get(this.table.section, ".pt-table-tools", HTMLFormElement);
    const filled = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      if (value !== "") filled.append(name, String(value));
    }
    const url = new URL(form.action);
    url.search = String(filled);
    if (url.href === location.href) return;
    // Whoever types does not want to go back by every letter.
    const isMore = history.state?.search === this.table.id;
    history[isMore ? "replaceState" : "pushState"]({ search: this.table.id }, "", url);
    this.#turn(url.href, document.activeElement);
  }

  /** A day or time that is typed in part reads as none: until it is whole, nothing is done to any row. */
  #isComplete() {
    const { section, id } = this.table;
    const selector = ".pt-table-tools input:is([type=date], [type=time])";
    const controls = queryAll(section, selector, HTMLInputElement);
    const half = controls.filter(({ validity }) => validity.badInput);
    for (const control of controls) {
      if (half.includes(control)) control.ariaInvalid = "true";
      else if (!control.hasAttribute("aria-describedby")) control.ariaInvalid = null;
    }
    const rows = query(section, "form[data-act]", HTMLElement) ?? get(section, ".pt-table-frame", HTMLElement);
    rows.inert = half.length > 0;
    if (half.length > 0) toast(`${half[0].ariaLabel} is not complete.`, { key: `${id}.half` });
    else dismiss(`${id}.half`);
    return half.length === 0;
  }

  /**
   * Reads the table as the address now says; where that fails, the browser goes there by itself.
   * @param {string} url
   * @param {Element | null} [typing] the control that somebody types in
   */
  async #turn(url, typing) {
    const { section } = this.table;
    section.ariaBusy = "true";
    try {
      await this.table.read("turned");
      for (const other of tables) {
        if (other !== this.table) other.readSoon();
      }
      for (const control of section.querySelectorAll(".pt-table-tools *, .pt-pager select")) {
        if (control !== typing) reset(control);
      }
    } catch {
      location.assign(url);
    }
    section.ariaBusy = null;
  }

  #showTop() {
    const { section } = this.table;
    if (section.getBoundingClientRect().top < 0) section.scrollIntoView();
    get(section, ".pt-table-frame", HTMLElement).scrollTop = 0;
  }
}

/**
 * Whether it is the form above a table.
 * @param {EventTarget | null} form
 */
function isTools(form) {
  return form instanceof Element && form.matches(".pt-table-tools");
}

/**
 * Shows in a control what the server says, whatever was chosen before.
 * @param {Element} control
 */
function reset(control) {
  if (control instanceof HTMLInputElement) {
    control.value = control.defaultValue;
  } else if (control instanceof HTMLSelectElement) {
    for (const option of control.options) option.selected = option.defaultSelected;
  }
}
