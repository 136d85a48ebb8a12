/**
 * The WebSocket that keeps a page's realtime components current. It connects again by itself and
 * goes on from where each component stands, so nothing is missed and nothing is told twice.
 */
import { pageUrl } from "./component.js";

/** This many heartbeats without a word mean that the connection is dead. */
const SILENT_HEARTBEATS = 2.5;
/** After this many failed tries, what is shown is called stale. */
const STALE_AFTER_TRIES = 2;
/** The close code for a session that has ended. */
const SESSION_ENDED = 4401;

export class Connection {
  /**
   * @param {object} config the transport constants that the page carries
   * @param {import("./component.js").Component[]} components
   */
  constructor(config, components) {
    this.config = config;
    this.components = new Map(components.map((component) => [component.id, component]));
    /** How many `subscribed` each component still waits for; until then its changes are old. */
    this.waiting = new Map();
    this.tries = 0;
    this.timers = {};
    this.socket = null;
    for (const component of components) component.onRead = () => this.#subscribe(component);
    addEventListener("online", () => this.#reconnectNow());
    addEventListener("pageshow", (event) => event.persisted && this.#reconnectNow());
    addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.#reconnectNow();
    });
  }

  open() {
    clearTimeout(this.timers.retry);
    const url = new URL("/api/realtime/subscribe", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url);
    this.socket = socket;
    socket.onopen = () => this.#opened();
    socket.onmessage = (event) => this.#receive(JSON.parse(event.data));
    socket.onclose = (event) => {
      if (this.socket === socket) this.#closed(event.code);
    };
  }

  #opened() {
    this.#watch();
    this.waiting.clear();
    for (const component of this.components.values()) this.#subscribe(component);
  }

  #subscribe(component) {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    this.waiting.set(component.id, (this.waiting.get(component.id) ?? 0) + 1);
    this.socket.send(
      JSON.stringify({
        type: "subscribe",
        component: component.id,
        url: pageUrl(),
        subscriptionId: component.id,
        since: component.position,
      }),
    );
  }

  #receive(message) {
    this.#watch();
    const component = this.components.get(message.subscriptionId);
    if (!component) return;
    const waiting = this.waiting.get(component.id) ?? 0;
    if (message.type === "subscribed") {
      this.waiting.set(component.id, Math.max(0, waiting - 1));
      this.tries = 0;
      component.showState("live");
      this.#tell("connected");
    } else if (message.type === "change" && waiting === 0) {
      component.apply(message);
    } else if (message.type === "resync") {
      component.readSoon();
    } else if (message.type === "error") {
      component.showState("stale");
    }
  }

  #closed(code) {
    clearTimeout(this.timers.silence);
    this.socket = null;
    this.tries += 1;
    const state = this.tries > STALE_AFTER_TRIES ? "stale" : "reconnecting";
    for (const component of this.components.values()) component.showState(state);
    this.#tell("reconnecting");
    // The page belongs to somebody who has left; the server decides what to show instead.
    if (code === SESSION_ENDED) location.reload();
    else this.timers.retry = setTimeout(() => this.open(), this.#delay());
  }

  /** The fixed steps, then doubling up to the maximum; half of each is left to chance. */
  #delay() {
    const { reconnectDelaysMs: steps, maxReconnectDelayMs: most } = this.config;
    const beyond = Math.max(0, this.tries - steps.length);
    const step = steps[Math.min(this.tries, steps.length) - 1] * 2 ** beyond;
    return Math.min(step, most) * (0.5 + Math.random() / 2);
  }

  #reconnectNow() {
    if (!this.socket) this.open();
  }

  #watch() {
    clearTimeout(this.timers.silence);
    const silence = this.config.heartbeatIntervalMs * SILENT_HEARTBEATS;
    this.timers.silence = setTimeout(() => this.#giveUp(), silence);
  }

  /** A dead connection may take minutes to say so; this does not wait for it. */
  #giveUp() {
    const dead = this.socket;
    this.socket = null;
    dead?.close();
    this.#closed(0);
  }

  #tell(status) {
    if (this.status === status) return;
    const first = this.status === undefined;
    this.status = status;
    const detail = { type: "connection-status", status, transport: "websocket" };
    document.dispatchEvent(new CustomEvent("pagetide:connection-status", { detail }));
    if (first && status === "connected") return;
    const words = status === "connected" ? "Live again" : "Connection lost, reconnecting";
    document.getElementById("announcements").textContent = words;
  }
}
