/**
 * The connection of one browser to the server. It falls back from WebSocket to SSE, finds its way
 * back, and comes again after every end. What is said and heard over it is its owner's business.
 */
import { greet } from "./server.js";
import { Socket, Stream } from "./transports.js";

/** The ways to the server, the best first. */
const WAYS = [Socket, Stream];
/** This many heartbeats without a word mean that the connection is dead. */
const SILENT_HEARTBEATS = 2.5;
/** A way that brings no word for so long, in ms, is blocked: a proxy may hold back what it carries. */
const FIRST_WORD_MS = 5000;
/** How often, in ms, a better way is tried while a worse one serves. */
const BETTER_WAY_MS = 60_000;
/** So long, in ms, further wishes are waited for before a stream is opened anew to carry them. */
const GATHER_MS = 50;
/** After this many failed tries, what is shown is called stale. */
const STALE_AFTER_TRIES = 2;
/** The close codes for a session that has ended and for a role that has changed. */
const NO_LONGER_ALLOWED = [4401, 4403];

/** How long, in ms, a healthy connection may say nothing. */
export function longestSilence(config) {
  return config.heartbeatIntervalMs * SILENT_HEARTBEATS;
}

export class Connection {
  #config;
  #owner;
  /** What serves, or is being opened to serve. */
  #link = null;
  /** The way of the link, and whether it has brought a word. */
  #way = 0;
  #heard = false;
  /** By the clock on the wall: timers stand still while a computer sleeps. */
  #heardAt = 0;
  /** A link that is opened beside the one that serves, and takes its place with its first word. */
  #coming = null;
  #tries = 0;
  #timers = {};

  /**
   * @param {object} config the transport constants that the page carries
   * @param {object} owner has `handshakes(link)` to begin with, `receive(link, message)`,
   *   `status({status, transport, stale, unheard})` and `dismiss()` for when the viewer has changed
   */
  constructor(config, owner) {
    this.#config = config;
    this.#owner = owner;
  }

  /** Opens the connection at once, unless it is open. */
  open() {
    if (!this.#link) this.#take(0);
  }

  /** Makes sure of the connection, after a sleep or a change of network. */
  wake() {
    if (this.#link && Date.now() - this.#heardAt > longestSilence(this.#config)) this.close();
    this.open();
  }

  /** Leaves what serves for another connection by the same way; nobody is told. */
  renew() {
    if (this.#link) this.#take(this.#way);
  }

  /** Says what a function makes of the link, now or with all else when a link is opened. */
  say(handshake) {
    if (!this.#link || this.#link.say(handshake)) return;
    this.#timers.gather ??= setTimeout(() => this.#openBeside(this.#way), GATHER_MS);
  }

  close() {
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
    this.#timers = {};
    this.#link?.close();
    this.#coming?.close();
    this.#link = this.#coming = null;
  }

  /** Takes one of the ways, and leaves what was taken before. */
  #take(way) {
    this.close();
    this.#way = way;
    this.#heard = false;
    this.#heardAt = Date.now();
    this.#expectWord(FIRST_WORD_MS);
    this.#link = this.#make(way);
    this.#lookForBetter();
  }

  #make(way) {
    return new WAYS[way]({
      handshakes: (link) => this.#owner.handshakes(link),
      onMessage: (link, message) => {
        if (link === this.#coming) this.#arrive();
        if (link === this.#link) this.#receive(message);
      },
      onClose: (link, code) => {
        if (link === this.#coming) this.#miss(code);
        else if (link === this.#link) this.#closed(code);
      },
    });
  }

  /** Opens a link beside the one that serves, so that nobody is away in between. */
  #openBeside(way) {
    this.#coming?.close();
    clearTimeout(this.#timers.gather);
    clearTimeout(this.#timers.coming);
    this.#timers.gather = undefined;
    this.#timers.coming = setTimeout(() => this.#miss(), FIRST_WORD_MS);
    this.#coming = this.#make(way);
  }

  #arrive() {
    clearTimeout(this.#timers.coming);
    this.#link.close();
    this.#link = this.#coming;
    this.#coming = null;
    this.#way = WAYS.indexOf(this.#link.constructor);
    this.#lookForBetter();
  }

  /** Stays with the way that serves; opened anew, since what was asked on the side is not heard on it. */
  #miss(code) {
    if (NO_LONGER_ALLOWED.includes(code)) this.#closed(code);
    else this.#take(this.#way);
  }

  #lookForBetter() {
    clearTimeout(this.#timers.better);
    if (this.#way === 0) return;
    const wait = BETTER_WAY_MS * (0.5 + Math.random());
    this.#timers.better = setTimeout(() => this.#openBeside(0), wait);
  }

  #receive(message) {
    this.#heard = true;
    this.#heardAt = Date.now();
    this.#expectWord(longestSilence(this.#config));
    if (message.type === "subscribed" || message.type === "presence-sync") {
      this.#tries = 0;
      this.#owner.status({ status: "connected", transport: WAYS[this.#way].transport });
    }
    this.#owner.receive(this.#link, message);
  }

  #closed(code) {
    const [way, unheard] = [this.#way, !this.#heard];
    this.close();
    // The page is for somebody who has left, or for another role; the server decides what to show.
    if (NO_LONGER_ALLOWED.includes(code)) return this.#owner.dismiss();
    // A way that never brought a word is blocked; the next one may not be.
    if (unheard && way + 1 < WAYS.length) return this.#take(way + 1);
    this.#tries += 1;
    // It may no longer know this browser.
    greet();
    const stale = this.#tries > STALE_AFTER_TRIES;
    this.#timers.retry = setTimeout(() => this.open(), this.#delay());
    const [{ transport }] = WAYS;
    this.#owner.status({ status: "reconnecting", transport, stale, unheard });
  }

  /** The fixed steps, then doubling up to the maximum; half of each is left to chance. */
  #delay() {
    const { reconnectDelaysMs: steps, maxReconnectDelayMs: most } = this.#config;
    const beyond = Math.max(0, this.#tries - steps.length);
    const step = steps[Math.min(this.#tries, steps.length) - 1] * 2 ** beyond;
    return Math.min(step, most) * (0.5 + Math.random() / 2);
  }

  /** A dead connection may take minutes to say so; this does not wait for it. */
  #expectWord(withinMs) {
    clearTimeout(this.#timers.silence);
    this.#timers.silence = setTimeout(() => this.#closed(), withinMs);
  }
}
