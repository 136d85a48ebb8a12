/**
 * The connection that keeps a page's realtime components current. It falls back from WebSocket to
 * SSE to reading again, finds its way back, and goes on from where each component stands, so nothing
 * is missed and nothing is told twice.
 */
import { pageUrl } from "./component.js";
import { Socket, Stream } from "./transports.js";

/** The ways to the server, the best first. */
const WAYS = [Socket, Stream];
/** This many heartbeats without a word mean that the connection is dead. */
const SILENT_HEARTBEATS = 2.5;
/** A way that brings no word for so long, in ms, is blocked: a proxy may hold back what it carries. */
const FIRST_WORD_MS = 5000;
/** How often, in ms, a better way is tried while a worse one serves. */
const BETTER_WAY_MS = 60_000;
/** After this many failed tries, what is shown is called stale. */
const STALE_AFTER_TRIES = 2;
/** The close codes for a session that has ended and for a role that has changed. */
const NO_LONGER_ALLOWED = [4401, 4403];

export class Connection {
  /**
   * @param {object} config the transport constants that the page carries
   * @param {import("./component.js").Component[]} components
   * @param {import("./presence.js").Presence | null} presence
   */
  constructor(config, components, presence) {
    this.config = config;
    this.components = components;
    this.presence = presence;
    /** Each subscription has a name of its own, so what an earlier one still says is not heard. */
    this.named = new Map();
    this.names = 0;
    /** What each record's edits in hand were announced with. */
    this.inHand = new Map();
    this.tries = 0;
    this.timers = {};
    this.link = null;
    for (const component of components) component.onRead = () => this.#subscribeAgain(component);
    addEventListener("online", () => this.#reconnectNow());
    addEventListener("pageshow", (event) => event.persisted && this.#reconnectNow());
    addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.#reconnectNow();
    });
  }

  open() {
    this.#take(0);
  }

  /** Announces which fields of a record are in hand: now, and after every reconnect while some are. */
  announce(handshake) {
    const key = `${handshake.table}/${handshake.recordId}`;
    if (handshake.fields.length > 0) this.inHand.set(key, handshake);
    else this.inHand.delete(key);
    this.link?.say(handshake);
  }

  /** Takes one of the ways. */
  #take(way) {
    clearTimeout(this.timers.retry);
    this.#use(way, this.#make(way));
  }

  #make(way) {
    const link = new WAYS[way](() => this.#handshakes(), {
      onMessage: (message) => {
        if (this.better === link) this.#use(way, link);
        if (this.link === link) this.#receive(message);
      },
      onClose: (code) => {
        if (this.better === link) this.#missBetter();
        if (this.link === link) this.#closed(code);
      },
    });
    return link;
  }

  #use(way, link) {
    if (this.link !== link) this.link?.close();
    this.better = null;
    this.link = link;
    this.way = way;
    this.heard = false;
    this.#watch(FIRST_WORD_MS);
    clearTimeout(this.timers.better);
    if (way > 0) this.#lookForBetter();
  }

  /** Tries the best way on the side; the first word over it makes it the way. */
  #lookForBetter() {
    const wait = BETTER_WAY_MS * (0.5 + Math.random());
    this.timers.better = setTimeout(() => {
      this.better = this.#make(0);
      this.timers.better = setTimeout(() => this.#missBetter(), FIRST_WORD_MS);
    }, wait);
  }

  /** Stays with what serves; opened anew, since the subscriptions may have been renamed. */
  #missBetter() {
    this.better.close();
    this.#take(this.way);
  }

  #handshakes() {
    const handshakes = this.components.map((component) => this.#handshake(component));
    if (this.presence) handshakes.push({ type: "presence", pagePath: this.presence.path });
    return [...handshakes, ...this.inHand.values()];
  }

  #handshake(component) {
    const subscriptionId = `${component.id}.${(this.names += 1)}`;
    this.named.set(component.id, subscriptionId);
    const { id, position } = component;
    return { component: id, url: pageUrl(), subscriptionId, since: position };
  }

  #subscribeAgain(component) {
    if (!this.link) return;
    const before = this.named.get(component.id);
    if (this.link.say({ type: "unsubscribe", subscriptionId: before })) {
      this.link.say(this.#handshake(component));
    } else if (this.way > 0) {
      this.#take(this.way);
    }
  }

  #receive(message) {
    this.heard = true;
    this.#watch(this.config.heartbeatIntervalMs * SILENT_HEARTBEATS);
    const { type, subscriptionId } = message;
    if (["presence-sync", "join", "leave"].includes(type)) this.presence?.receive(message);
    if (type === "presence-sync" || type === "subscribed") this.#connected();
    if (type === "conflict") {
      document.dispatchEvent(new CustomEvent("pagetide:conflict", { detail: message }));
    }
    const component = this.components.find(({ id }) => this.named.get(id) === subscriptionId);
    if (!component) return;
    if (type === "subscribed") component.showState("live");
    else if (type === "change") component.apply(message);
    else if (type === "resync") component.readSoon();
    else if (type === "error") component.showState("stale");
  }

  #connected() {
    this.tries = 0;
    this.#tell("connected", WAYS[this.way].transport);
  }

  #closed(code) {
    clearTimeout(this.timers.silence);
    clearTimeout(this.timers.better);
    this.link = this.better = null;
    // The page is for somebody who has left, or for another role; the server decides what to show.
    if (NO_LONGER_ALLOWED.includes(code)) return location.reload();
    // A way that never brought a word is blocked; the next one may not be.
    if (!this.heard && this.way + 1 < WAYS.length) return this.#take(this.way + 1);
    this.tries += 1;
    const state = this.tries > STALE_AFTER_TRIES ? "stale" : "reconnecting";
    for (const component of this.components) component.showState(state);
    this.#tell("reconnecting", WAYS[0].transport);
    this.timers.retry = setTimeout(() => this.open(), this.#delay());
    if (!this.heard) this.#poll();
  }

  /** Without any connection, what is shown is read again between the tries. */
  async #poll() {
    const read = this.components.map(async (component) => {
      await component.read();
      component.showState("live");
    });
    const done = await Promise.allSettled(read);
    const fine = done.length > 0 && done.every(({ status }) => status === "fulfilled");
    if (fine && !this.link) this.#tell("connected", "poll");
  }

  /** The fixed steps, then doubling up to the maximum; half of each is left to chance. */
  #delay() {
    const { reconnectDelaysMs: steps, maxReconnectDelayMs: most } = this.config;
    const beyond = Math.max(0, this.tries - steps.length);
    const step = steps[Math.min(this.tries, steps.length) - 1] * 2 ** beyond;
    return Math.min(step, most) * (0.5 + Math.random() / 2);
  }

  #reconnectNow() {
    if (!this.link) this.open();
  }

  #watch(silence) {
    clearTimeout(this.timers.silence);
    this.timers.silence = setTimeout(() => this.#giveUp(), silence);
  }

  /** A dead connection may take minutes to say so; this does not wait for it. */
  #giveUp() {
    this.link?.close();
    this.#closed();
  }

  #tell(status, transport) {
    if (this.status === status && this.transport === transport) return;
    const first = this.status === undefined;
    const changed = this.status !== status;
    this.status = status;
    this.transport = transport;
    const detail = { type: "connection-status", status, transport };
    document.dispatchEvent(new CustomEvent("pagetide:connection-status", { detail }));
    if (!changed || (first && status === "connected")) return;
    const words = status === "connected" ? "Live again" : "Connection lost, reconnecting";
    document.getElementById("announcements").textContent = words;
  }
}
