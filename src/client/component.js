/**
 * One component of the page that shows records or what is made of them: applies changes to it, reads
 * it again when a change is not enough, and shows how current it is.
 */
import { get, query, queryAll } from "./dom.js";
import { morph } from "./morph.js";
import { FEW, withoutMotion } from "./motion.js";
import { Rows } from "./rows.js";
import { at, pageUrl, parse } from "./server.js";

/** At most this long, in ms, is waited before reading again, so that many viewers do not ask at once. */
const REFETCH_SPREAD_MS = 300;
/** So many changes may wait to be shown; if there are more, all is read again at less cost. */
const MOST_WAITING = 50;
/** After so long, in ms, what waits is shown even if the browser draws nothing. */
const UNDRAWN_MS = 100;
/** The answer to whoever asks for a component that the page on the server has no more, or not so. */
const PAGE_CHANGED = 409;

/**
 * @typedef {import("./messages.js").Change} Change
 * @typedef {"live" | "reconnecting" | "stale"} CurrencyState how current a component is
 */

export class Component {
  #life = new AbortController();
  /** Aborted once the component is no longer on the page: what serves it ends then. */
  gone = this.#life.signal;

  /** @param {HTMLElement} section */
  constructor(section) {
    this.section = section;
    this.id = section.dataset.component ?? "";
    this.refresh = section.dataset.refresh;
    this.pollIntervalMs = Number(section.dataset.pollIntervalMs);
    this.limit = Number(section.dataset.limit);
    this.offset = Number(section.dataset.offset ?? 0);
    this.total = Number(section.dataset.total);
    this.position = section.dataset.position;
    /** What the component means on this page; the server may have got another one of the same id. */
    this.shape = section.dataset.shape;
    /** The rows that changes are applied to; whatever else shows records is read again instead. */
    this.rows = section.matches(".pt-data-table") ? new Rows(get(section, "tbody", HTMLTableSectionElement)) : null;
    /** @type {string | null} */
    this.etag = null;
    this.reads = 0;
    /** @type {Promise<void> | null} */
    this.fetching = null;
    this.isWanted = false;
    /**
     * Changes that wait for the browser to draw, and what shows them then.
     * @type {Change[]}
     */
    this.waiting = [];
    /** @type {AbortController | null} */
    this.drawing = null;
    /** More changed than can be followed: only what is read next counts. */
    this.isFlooded = false;
    /** Called when the component was read again, so that its subscription goes on from there. */
    this.onRead = () => {};
    /** Called when it could not be read again: what is shown is not what the server holds. */
    this.onUnread = () => {};
    /** Called when more changed than can be followed. It must be read again, also if that fails at first. */
    this.onFlood = () => this.readAnew();
    /** Called when the server has another component in its place. */
    this.onOther = () => {};
    /** Called when the server has this one. */
    this.onSame = () => {};
  }

  /**
   * Takes a change, to be shown when the browser draws next.
   * @param {Change} message
   */
  apply(message) {
    // It stands where it was read, so that nothing is missed if it cannot be read now.
    if (!this.rows) return this.readSoon();
    if (this.isFlooded) return undefined;
    this.waiting.push(message);
    if (this.waiting.length > MOST_WAITING) return this.#giveUp();
    this.drawing ??= whenDrawn(() => this.catchUp());
    return undefined;
  }

  /** Shows what waits. */
  catchUp() {
    const { rows } = this;
    const waiting = this.#takeWaiting();
    if (!rows || waiting.length === 0) return;
    const show = () => waiting.forEach((message) => this.#show(rows, message));
    if (waiting.length > FEW) withoutMotion(show);
    else show();
    this.#showCount(rows);
  }

  #takeWaiting() {
    const { waiting } = this;
    this.drawing?.abort();
    this.drawing = null;
    this.waiting = [];
    return waiting;
  }

  #giveUp() {
    this.#takeWaiting();
    this.isFlooded = true;
    this.onFlood();
  }

  /**
   * @param {Rows} rows
   * @param {Change} message
   */
  #show(rows, message) {
    this.position = message.position;
    // What is shown from now on is not what the tag names.
    this.etag = null;
    if (message.event === "delete") this.#leave(rows, message.id ?? String(message.recordId));
    else this.#put(rows, message);
  }

  /**
   * @param {Rows} rows
   * @param {string} id
   */
  #leave(rows, id) {
    const row = rows.find(id);
    this.total = Math.max(0, this.total - 1);
    // It may have stood on a page before this one.
    if (!row && this.offset > 0) this.readSoon();
    if (!row) return;
    rows.remove(row);
    if (this.total > this.offset + rows.all().length) this.readSoon();
  }

  /**
   * @param {Rows} rows
   * @param {import("./messages.js").Put} message
   */
  #put(rows, message) {
    const complete = this.total <= rows.all().length;
    const known = rows.find(message.record.id);
    if (!known && message.event === "insert") this.total += 1;
    // Where it stood before, and so what it moved, only the server knows.
    if (!known && this.offset > 0) return this.readSoon();
    const fresh = parse(message.html ?? "", HTMLTableRowElement);
    const key = message.sortKey ?? fresh.dataset.sortKey ?? "";
    if (known || rows.all().length < this.limit || key < rows.lastKey()) rows.put(fresh);
    const shown = rows.all();
    const last = shown[shown.length - 1];
    if (shown.length > this.limit) rows.remove(last);
    // A known row that moved to an end of an incomplete window may belong beyond it.
    const isAtEnd = last === known || (this.offset > 0 && shown[0] === known);
    if (known && !complete && isAtEnd) this.readSoon();
  }

  /** Ends what serves the component, which is no longer on the page. */
  end() {
    this.#takeWaiting();
    this.#life.abort();
  }

  /** Reads the component again, a little later, once for any number of calls before that. */
  readSoon() {
    this.isWanted = true;
    this.fetching ??= this.#readWhileWanted();
  }

  /** Reads the component again a little later, whole: also if it would look the same. */
  readAnew() {
    this.etag = null;
    this.readSoon();
  }

  /** One reading after the other: of what is asked for during one, only the last is of use. */
  async #readWhileWanted() {
    try {
      while (this.isWanted && this.section.isConnected) {
        await after(Math.random() * REFETCH_SPREAD_MS);
        this.isWanted = false;
        await this.read();
      }
    } catch {
      this.isWanted = false;
      this.onUnread();
      this.showState("stale");
    } finally {
      this.fetching = null;
    }
  }

  /**
   * Reads the component again and shows what changed.
   * @param {"changed" | "turned"} what its records have changed, or others are to be shown
   * @returns {Promise<number>} the status of the answer: 200, or 304 if nothing changed.
   */
  async read(what = "changed") {
    const turn = (this.reads += 1);
    const url = at("/api/fragments", { url: pageUrl(), component: this.id });
    if (this.shape) url.searchParams.set("shape", this.shape);
    const headers = new Headers(this.etag ? { "If-None-Match": this.etag } : {});
    const answer = await fetch(url, { headers, cache: "no-store" });
    if ([200, 304].includes(answer.status)) this.onSame();
    if (answer.status === 200) {
      const html = await answer.text();
      // A later read may have been answered first; it is the newer one.
      if (turn === this.reads) this.#take(html, answer.headers.get("ETag"), what);
    } else if (answer.status !== 304) {
      if (answer.status === PAGE_CHANGED) this.onOther();
      throw new Error(`fragment: ${answer.status}`);
    }
    return answer.status;
  }

  /**
   * @param {string} html
   * @param {string | null} etag
   * @param {"changed" | "turned"} what
   */
  #take(html, etag, what) {
    // What is read has all of it, or is followed by it.
    this.#takeWaiting();
    this.isFlooded = false;
    this.etag = etag;
    this.#replace(html, what);
    this.onRead();
  }

  /**
   * @param {string} html
   * @param {"changed" | "turned"} what
   */
  #replace(html, what) {
    const { rows } = this;
    const fresh = parse(html, HTMLElement);
    if (!rows) {
      this.position = fresh.dataset.position;
      morph(this.section, fresh);
      return;
    }
    this.total = Number(fresh.dataset.total);
    this.limit = Number(fresh.dataset.limit);
    this.offset = Number(fresh.dataset.offset ?? 0);
    this.position = fresh.dataset.position;
    const body = get(fresh, "tbody", HTMLTableSectionElement);
    if (what === "turned") {
      rows.turnTo(body);
      rows.body.dispatchEvent(new CustomEvent("pagetide:turned", { bubbles: true }));
    } else {
      rows.replaceAll(body);
    }
    for (const part of queryAll(this.section, "[data-part]", HTMLElement)) {
      morph(part, get(fresh, `[data-part=${part.dataset.part}]`, HTMLElement));
    }
    this.#showCount(rows);
  }

  /** @param {Rows} rows */
  #showCount(rows) {
    const shown = rows.all().length;
    const count = query(this.section, "[data-count]", HTMLElement);
    const pager = query(this.section, ".pt-pager", HTMLElement);
    const isPart = this.total > shown && !pager;
    if (count) count.textContent = isPart ? `${shown} of ${this.total}` : `${this.total}`;
    if (pager) this.#showPager(pager, shown);
    get(this.section, "[data-empty]", HTMLElement).hidden = this.total > 0;
    this.section.dataset.total = String(this.total);
    this.section.dataset.position = this.position;
  }

  /**
   * Says which rows are shown. With another number of pages, the ways to them are others too.
   * @param {HTMLElement} pager
   * @param {number} shown how many rows
   */
  #showPager(pager, shown) {
    const [first, last] = [this.offset + 1, this.offset + shown];
    const range = shown > 0 ? `${first}–${last} of ${this.total}` : "";
    get(pager, "[data-range]", HTMLElement).textContent = range;
    const pages = Math.max(1, Math.ceil(this.total / this.limit));
    if (pages !== Number(pager.dataset.pages)) this.readSoon();
  }

  /**
   * Shows how current the component is.
   * @param {CurrencyState} state
   */
  showState(state) {
    const element = query(this.section, ".pt-state", HTMLElement);
    const before = element?.dataset.state;
    // What it says already is not said again: whoever watches the page would take it for news.
    if (!element || before === state || (before === "stale" && state !== "live")) return;
    element.dataset.state = state;
    const time = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    const live = this.refresh === "poll" ? `Every ${this.pollIntervalMs / 1000} s` : "Live";
    const text = { live, reconnecting: "Reconnecting…", stale: `Stale since ${time}` }[state];
    get(element, "[data-state-text]", HTMLElement).textContent = text;
  }
}

/**
 * Calls back when the browser draws next, or a little later; not once the result is aborted.
 * @param {() => void} call
 */
function whenDrawn(call) {
  const controller = new AbortController();
  const once = () => {
    if (controller.signal.aborted) return;
    controller.abort();
    call();
  };
  requestAnimationFrame(once);
  setTimeout(once, UNDRAWN_MS);
  return controller;
}

/** @param {number} ms */
function after(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
