/**
 * A tab's part: says what its components, its presence and its edits want to hear, and brings to each
 * what comes for it. Where each component stands is known here, so whichever tab leads, nothing is
 * missed and nothing is told twice.
 */
import { longestSilence } from "./connection.js";
import { get } from "./dom.js";
import { pageUrl } from "./server.js";
import { Switchboard } from "./switchboard.js";
import { Tabs } from "./tabs.js";

/** The codes of refusals that may not be repeated a little later. */
const PASSING = new Set(["BUSY", "TOO_MANY_REQUESTS", "UNAVAILABLE"]);

/**
 * @typedef {import("./component.js").Component} Component
 * @typedef {import("./config.js").PageConfig} PageConfig
 * @typedef {import("./connection.js").ConnectionState} ConnectionState
 * @typedef {import("./messages.js").EditingHandshake} EditingHandshake
 * @typedef {import("./presence.js").Presence} Presence
 * @typedef {import("./switchboard.js").TabMessage} TabMessage
 */

/**
 * What scripts of the page are told of the connection; `poll` means that it is made up for by reading.
 * @typedef {{ status: "connected" | "reconnecting", transport: "websocket" | "sse" | "poll" }} PageStatus
 */

export class Listener {
  #tabs;
  /** @type {Component[]} */
  #components = [];
  /** @type {Presence | null} */
  #presence = null;
  /**
   * The component of each subscription. A key is used once, so what an ended one says is not heard.
   * @type {Map<number, Component>}
   */
  #keyed = new Map();
  #keys = 0;
  /**
   * The `editing` handshakes that stand, by record.
   * @type {Map<string, EditingHandshake>}
   */
  #edits = new Map();
  /**
   * Components that must be read again, whole, before they are current.
   * @type {Set<Component>}
   */
  #owed = new Set();
  /** @type {PageStatus | undefined} */
  #status;
  #announced = false;
  #started = false;

  /** @param {PageConfig} config */
  constructor(config) {
    this.#tabs = new Tabs(group(config), longestSilence(config), {
      lead: () => new Switchboard(config, this.#tabs),
      follow: () => this.#follow(),
      hear: (message) => this.#hear(message),
    });
  }

  /**
   * What the page holds from now on, instead of what it held before.
   * @param {Component[]} components
   * @param {Presence | null} presence
   */
  hold(components, presence) {
    this.#components = components;
    this.#presence = presence;
    this.#owed = new Set(components.filter((component) => this.#owed.has(component)));
    for (const component of components) {
      component.onRead = () => this.#goOnFrom(component);
      component.onUnread = () => this.#owed.add(component);
      component.onFlood = () => this.#owe(component);
    }
    if (!this.#started) return;
    this.#join();
    this.#follow();
  }

  /** Hears from here on what the server says over a connection that is opened now. */
  renew() {
    this.#tabs.renew();
  }

  /** Listens from now on, as long as the page is shown or might be. */
  start() {
    this.#started = true;
    this.#join();
    addEventListener("pagehide", () => this.#tabs.leave());
    addEventListener("pageshow", (event) => event.persisted && this.#join());
    addEventListener("online", () => this.#tabs.ask());
    addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#tabs.ask();
    });
  }

  /**
   * Says an `editing` handshake to the server, and again whenever the connection is another one, as
   * long as it stands: until one without fields for the same record takes its place.
   * @param {EditingHandshake} handshake
   */
  say(handshake) {
    const record = JSON.stringify([handshake.table, handshake.recordId]);
    if (handshake.fields.length > 0) this.#edits.set(record, handshake);
    else this.#edits.delete(record);
    this.#join();
    this.#declare();
  }

  /** A page with nothing to hear stays by itself. */
  #join() {
    const wants = this.#components.length > 0 || this.#presence || this.#edits.size > 0;
    if (wants) this.#tabs.join();
  }

  /** There is a new leader. What an earlier one still passes on would be told twice, so keys are new. */
  #follow() {
    this.#keyed.clear();
    for (const component of this.#components) {
      // It goes on from what it shows, so what waits is to be shown first.
      component.catchUp();
      this.#keyed.set(this.#nextKey(), component);
    }
    this.#declare();
  }

  /**
   * Rows that are newer than what was told must not be told again; what is read whole may be.
   * @param {Component} component
   */
  #goOnFrom(component) {
    const owed = this.#owed.delete(component);
    if (!component.rows && !owed) return;
    for (const [key, keyed] of this.#keyed) {
      if (keyed === component) this.#keyed.delete(key);
    }
    this.#keyed.set(this.#nextKey(), component);
    this.#declare();
  }

  #nextKey() {
    this.#keys += 1;
    return this.#keys;
  }

  #declare() {
    const url = pageUrl();
    const subscriptions = [...this.#keyed].map(([key, { id, position, shape }]) => {
      return { key, component: id, url, since: position, shape };
    });
    const pages = this.#presence ? [this.#presence.path] : [];
    this.#tabs.declare({ subscriptions, pages, edits: [...this.#edits.values()] });
  }

  /** @param {TabMessage} message */
  #hear(message) {
    const component = message.key === undefined ? undefined : this.#keyed.get(message.key);
    switch (message.type) {
      case "subscribed":
        return component && this.#subscribed(component);
      case "change":
        return component?.apply(message);
      case "resync":
        return component && this.#owe(component);
      case "error":
        return component && this.#refused(component, message.code);
      case "heartbeat":
        return this.#owed.forEach((owed) => owed.readAnew());
      case "presence-sync":
      case "join":
      case "leave":
        return this.#presence?.receive(message);
      case "conflict":
        return document.dispatchEvent(new CustomEvent("pagetide:conflict", { detail: message }));
      case "status":
        return this.#take(message);
      case "dismissed":
        return location.reload();
      default:
        return undefined;
    }
  }

  /** @param {Component} component */
  #subscribed(component) {
    component.onSame();
    if (this.#owed.has(component)) component.readAnew();
    else component.showState("live");
  }

  /**
   * @param {Component} component
   * @param {string} code
   */
  #refused(component, code) {
    component.showState("stale");
    // The next heartbeat tries again: at what may be over by then, or if the page cannot be loaded anew now.
    if (PASSING.has(code) || code === "PAGE_CHANGED") this.#owed.add(component);
    if (code === "PAGE_CHANGED") component.onOther();
  }

  /** @param {Component} component */
  #owe(component) {
    this.#owed.add(component);
    component.readAnew();
  }

  /** @param {ConnectionState} state */
  #take(state) {
    if (state.status === "connected") return this.#tell("connected", state.transport);
    const { stale, unheard } = state;
    // Whoever gets along by reading shows that it is current, until reading fails too.
    if (this.#status?.transport !== "poll" || !unheard) this.#showLost(stale);
    if (unheard) this.#readAll(stale);
    return undefined;
  }

  /** @param {boolean} stale */
  #showLost(stale) {
    for (const component of this.#components) component.showState(stale ? "stale" : "reconnecting");
    this.#tell("reconnecting", "websocket");
    if (stale) this.#announce(true);
  }

  /**
   * Without any connection, what is shown is read again between the tries, if anybody looks.
   * @param {boolean} stale
   */
  async #readAll(stale) {
    if (document.hidden || this.#components.length === 0) return;
    const read = this.#components.map((component) => component.read());
    const done = await Promise.allSettled(read);
    if (this.#status?.status === "connected" && this.#status.transport !== "poll") return;
    if (done.some((result) => result.status === "rejected")) return this.#showLost(stale);
    for (const component of this.#components) component.showState("live");
    this.#tell("connected", "poll");
  }

  /**
   * @param {PageStatus["status"]} status
   * @param {PageStatus["transport"]} transport
   */
  #tell(status, transport) {
    if (this.#status?.status === status && this.#status.transport === transport) return;
    this.#status = { status, transport };
    const detail = { type: "connection-status", status, transport };
    document.dispatchEvent(new CustomEvent("pagetide:connection-status", { detail }));
    if (status === "connected") this.#announce(false);
  }

  /**
   * A loss that is over in a moment is not worth a word.
   * @param {boolean} lost
   */
  #announce(lost) {
    if (this.#announced === lost) return;
    this.#announced = lost;
    const words = lost ? "Connection lost, reconnecting" : "Live again";
    get(document, "#pt-announcements", HTMLElement).textContent = words;
  }
}

/**
 * Tabs share a connection if they show pages for the same viewer and run the same scripts.
 * @param {PageConfig} config
 */
function group({ viewer }) {
  return `pagetide ${viewer} ${new URL(".", import.meta.url).pathname}`;
}
