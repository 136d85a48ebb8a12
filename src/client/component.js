/**
 * One component of the page that shows records or what is made of them: applies changes to it, reads
 * it again when a change is not enough, and shows how current it is.
 */
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

export class Component {
  /** @param {HTMLElement} section */
  constructor(section) {
    this.section = section;
    this.id = section.dataset.component;
    this.refresh = section.dataset.refresh;
    this.pollIntervalMs = Number(section.dataset.pollIntervalMs);
    this.limit = Number(section.dataset.limit);
    this.offset = Number(section.dataset.offset ?? 0);
    this.total = Number(section.dataset.total);
    this.position = section.dataset.position;
    /** What the component means on this page; the server may have got another one of the same id. */
    this.shape = section.dataset.shape;
    /** The rows that changes are applied to; whatever else shows records is read again instead. */
    this.rows = section.matches(".pt-data-table") ? new Rows(section.querySelector("tbody")) : null;
    this.etag = null;
    this.reads = 0;
    this.fetching = null;
    this.isWanted = false;
    /** Changes that wait for the browser to draw, and what shows them then. */
    this.waiting = [];
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

  /** Takes a `change` message (docs: the realtime contract), to be shown when the browser draws next. */
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
    const waiting = this.#takeWaiting();
    if (waiting.length === 0) return;
    const show = () => waiting.forEach((message) => this.#show(message));
    if (waiting.length > FEW) withoutMotion(show);
    else show();
    this.#showCount();
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
    this.onFlood(this);
  }

  #show(message) {
    this.position = message.position;
    // What is shown from now on is not what the tag names.
    this.etag = null;
    const complete = this.total <= this.rows.all().length;
    if (message.event === "delete") this.#leave(message.id ?? String(message.recordId));
    else this.#put(message, complete);
  }

  #leave(id) {
    const row = this.rows.find(id);
    this.total = Math.max(0, this.total - 1);
    // It may have stood on a page before this one.
    if (!row && this.offset > 0) this.readSoon();
    if (!row) return;
    this.rows.remove(row);
    if (this.total > this.offset + this.rows.all().length) this.readSoon();
  }

  #put(message, complete) {
    const known = this.rows.find(message.record.id);
    if (!known && message.event === "insert") this.total += 1;
    // Where it stood before, and so what it moved, only the server knows.
    if (!known && this.offset > 0) return this.readSoon();
    const shown = this.rows.all().length;
    const key = message.sortKey ?? parse(message.html).dataset.sortKey;
    const isWithin = known || shown < this.limit || key < this.rows.lastKey();
    if (isWithin) this.rows.put(parse(message.html));
    const rows = this.rows.all();
    if (rows.length > this.limit) this.rows.remove(rows.at(-1));
    // A known row that moved to an end of an incomplete window may belong beyond it.
    const isAtEnd = rows.at(-1) === known || (this.offset > 0 && rows[0] === known);
    if (known && !complete && isAtEnd) this.readSoon();
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
      this.onUnread(this);
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
    const shape = this.shape && { shape: this.shape };
    const url = at("/api/fragments", { url: pageUrl(), component: this.id, ...shape });
    const headers = this.etag ? { "If-None-Match": this.etag } : {};
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

  #take(html, etag, what) {
    // What is read has all of it, or is followed by it.
    this.#takeWaiting();
    this.isFlooded = false;
    this.etag = etag;
    this.#replace(html, what);
    this.onRead(this);
  }

  #replace(html, what) {
    const fresh = parse(html);
    if (!this.rows) {
      this.position = fresh.dataset.position;
      morph(this.section, fresh);
      return;
    }
    this.total = Number(fresh.dataset.total);
    this.limit = Number(fresh.dataset.limit);
    this.offset = Number(fresh.dataset.offset ?? 0);
    this.position = fresh.dataset.position;
    const body = fresh.querySelector("tbody");
    if (what === "turned") {
      this.rows.turnTo(body);
      this.rows.body.dispatchEvent(new CustomEvent("pagetide:turned", { bubbles: true }));
    } else {
      this.rows.replaceAll(body);
    }
    for (const part of this.section.querySelectorAll("[data-part]")) {
      morph(part, fresh.querySelector(`[data-part=${part.dataset.part}]`));
    }
    this.#showCount();
  }

  #showCount() {
    const shown = this.rows.all().length;
    const [count, pager] = ["[data-count]", ".pt-pager"].map((name) => this.section.querySelector(name));
    const isPart = this.total > shown && !pager;
    if (count) count.textContent = isPart ? `${shown} of ${this.total}` : `${this.total}`;
    if (pager) this.#showPager(pager, shown);
    this.section.querySelector("[data-empty]").hidden = this.total > 0;
    this.section.dataset.total = this.total;
    this.section.dataset.position = this.position;
  }

  /** Says which rows are shown. With another number of pages, the ways to them are others too. */
  #showPager(pager, shown) {
    const [first, last] = [this.offset + 1, this.offset + shown];
    pager.querySelector("[data-range]").textContent = shown > 0 ? `${first}–${last} of ${this.total}` : "";
    const pages = Math.max(1, Math.ceil(this.total / this.limit));
    if (pages !== Number(pager.dataset.pages)) this.readSoon();
  }

  /** Shows how current the component is: live, reconnecting or stale. */
  showState(state) {
    const element = this.section.querySelector(".pt-state");
    const before = element?.dataset.state;
    // What it says already is not said again: whoever watches the page would take it for news.
    if (!element || before === state || (before === "stale" && state !== "live")) return;
    element.dataset.state = state;
    const time = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    const live = this.refresh === "poll" ? `Every ${this.pollIntervalMs / 1000} s` : "Live";
    const text = { live, reconnecting: "Reconnecting…", stale: `Stale since ${time}` }[state];
    element.querySelector("[data-state-text]").textContent = text;
  }
}

/** Calls back when the browser draws next, or a little later; not once the result is aborted. */
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

function after(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
