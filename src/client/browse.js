/**
 * Sorting, searching, filtering and turning pages without loading the page again. All of it are links
 * and a form that work by themselves; here they only lead to a reading of the one table.
 */

import { dismiss, toast } from "./toast.js";

/** How long, in ms, typing must rest before it is looked for. */
const TYPING_MS = 250;

/** The tables of the page, which say in their links what is chosen about the others. */
const tables = new Set();

/** Lets people browse one table. */
export class Browsing {
  #timer;

  /** @param {import("./component.js").Component} table */
  constructor(table) {
    this.table = table;
    tables.add(table);
    const { section } = table;
    section.addEventListener("click", (event) => this.#clicked(event));
    section.addEventListener("auxclick", (event) => this.#clicked(event));
    section.addEventListener("input", (event) => this.#typed(event));
    section.addEventListener("change", (event) => this.#changed(event));
    section.addEventListener("focusout", ({ target }) => {
      if (target.form?.matches(".pt-table-tools")) this.#isComplete();
    });
    section.addEventListener("submit", (event) => {
      if (!event.target.matches(".pt-table-tools")) return;
      event.preventDefault();
      this.#search();
    });
    addEventListener("popstate", () => section.isConnected && this.#turn(location.href));
  }

  async #clicked(event) {
    const link = event.target.closest("a[href]");
    const isPlain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey);
    if (link?.closest("[data-part]")) {
      if (!isPlain) return;
      event.preventDefault();
      history.pushState(null, "", link.href);
      const isPager = link.closest(".pt-pager");
      await this.#turn(link.href);
      if (isPager) this.#showTop();
    } else if (!event.target.closest("a, button, input, select, textarea, summary, td[tabindex]")) {
      this.#follow(event.target.closest("tbody tr"), isPlain, event.button);
    }
  }

  /** Follows the link of a row, unless somebody selects text in it. */
  #follow(row, isPlain, button) {
    const link = row?.querySelector(".pt-row-link");
    if (!link || !getSelection().isCollapsed) return;
    if (isPlain) location.assign(link.href);
    else if (button < 2) open(link.href);
  }

  #typed(event) {
    if (!event.target.matches(".pt-table-tools :is([type=search], [inputmode])")) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#search(), TYPING_MS);
  }

  #changed(event) {
    if (event.target.form?.matches(".pt-table-tools")) this.#search();
  }

  /** Goes where the form leads, without the names that are left empty. */
  #search() {
    clearTimeout(this.#timer);
    if (!this.#isComplete()) return;
    const form = this.table.section.querySelector(".pt-table-tools");
    const pairs = [...new FormData(form)].filter(([, value]) => value !== "");
    const query = new URLSearchParams(pairs);
    const url = new URL(form.action);
    url.search = query;
    if (url.href === location.href) return;
    // Whoever types does not want to go back by every letter.
    const isMore = history.state?.search === this.table.id;
    history[isMore ? "replaceState" : "pushState"]({ search: this.table.id }, "", url);
    this.#turn(url.href, document.activeElement);
  }

  /** A day or time that is typed in part reads as none: until it is whole, nothing is done to any row. */
  #isComplete() {
    const { section, id } = this.table;
    const controls = [...section.querySelectorAll(".pt-table-tools input:is([type=date], [type=time])")];
    const half = controls.filter(({ validity }) => validity.badInput);
    for (const control of controls) {
      if (half.includes(control)) control.ariaInvalid = "true";
      else if (!control.hasAttribute("aria-describedby")) control.ariaInvalid = null;
    }
    (section.querySelector("form[data-act]") ?? section.querySelector(".pt-table-frame")).inert = half.length > 0;
    if (half.length > 0) toast(`${half[0].ariaLabel} is not complete.`, { key: `${id}.half` });
    else dismiss(`${id}.half`);
    return half.length === 0;
  }

  /** Reads the table as the address now says; where that fails, the browser goes there by itself. */
  async #turn(url, typing) {
    const { section } = this.table;
    section.ariaBusy = "true";
    try {
      await this.table.read("turned");
      for (const other of tables) {
        if (!other.section.isConnected) tables.delete(other);
        else if (other !== this.table) other.readSoon();
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
    section.querySelector(".pt-table-frame").scrollTop = 0;
  }
}

/** Shows in a control what the server says, whatever was chosen before. */
function reset(control) {
  if (control.localName === "input") control.value = control.defaultValue;
  else for (const option of control.options ?? []) option.selected = option.defaultSelected;
}
