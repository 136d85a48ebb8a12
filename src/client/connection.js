/**
 * The connection of one browser to the server. It falls back from WebSocket to SSE, finds its way
 * back, and comes again after every end. What is said and heard over it is its owner's business.
 */
import { greet } from "./server.js";
import { Socket, Stream } from "./transports.js";

/**
 * @typedef {import("./config.js").PageConfig} PageConfig
 * @typedef {import("./messages.js").Handshake} Handshake
 * @typedef {import("./messages.js").ServerMessage} ServerMessage
 * @typedef {import("./transports.js").Link} Link
 */

/**
 * Where the connection stands. While it is lost: whether what is shown is to be called stale, and
 * whether the last link brought no word at all.
 * @typedef {{ status: "connected", transport: "websocket" | "sse" } |
 *   { status: "reconnecting", transport: "websocket", stale: boolean, unheard: boolean }} ConnectionState
 */

/**
 * Whoever is served by a connection.
 * @typedef {object} ConnectionOwner
 * @property {(link: Link) => Handshake[]} handshakes what a link begins with
 * @property {(link: Link, message: ServerMessage) => void} receive
 * @property {(state: ConnectionState) => void} status
 * @property {() => void} dismiss for when the viewer has changed
 */

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

/**
 * How long, in ms, a healthy connection may say nothing.
 * @param {PageConfig} config
 * @returns {number}
 */
export function longestSilence(config) {
  return config.heartbeatIntervalMs * SILENT_HEARTBEATS;
}

export class Connection {
  #config;
  #owner;
  /**
   * What serves, or is being opened to serve.
   * @type {Socket | Stream | null}
   */
  #link = null;
  /** The way of the link, and whether it has brought a word. */
  #way = 0;
  #heard = false;
  /** By the clock on the wall: timers stand still while a computer sleeps. */
  #heardAt = 0;
  /**
   * A link that is opened beside the one that serves, and takes its place with its first word.
   * @type {Socket | Stream | null}
   */
  #coming = null;
  #tries = 0;
  /** @type {Partial<Record<"better" | "coming" | "gather" | "retry" | "silence", number>>} */
  #timers = {};

  /**
   * @param {PageConfig} config
   * @param {ConnectionOwner} owner
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

  /**
   * Says what a function makes of the link, now or with all else when a link is opened.
   * @param {(link: Link) => Handshake} handshake
   */
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

  /**
   * Takes one of the ways, and leaves what was taken before.
   * @param {number} way its index
   */
  #take(way) {
    this.close();
    this.#way = way;
    this.#heard = false;
    this.#heardAt = Date.now();
    this.#expectWord(FIRST_WORD_MS);
    this.#link = this.#make(way);
    this.#lookForBetter();
  }

  /** @param {number} way */
  #make(way) {
    return new WAYS[way]({
      handshakes: (link) => this.#owner.handshakes(link),
      onMessage: (link, message) => {
        if (link === this.#coming) this.#arrive(this.#coming);
        if (link === this.#link) this.#receive(link, message);
      },
      onClose: (link, code) => {
        if (link === this.#coming) this.#miss(code);
        else if (link === this.#link) this.#closed(code);
      },
    });
  }

  /**
   * Opens a link beside the one that serves, so that nobody is away in between.
   * @param {number} way
   */
  #openBeside(way) {
    this.#coming?.close();
    clearTimeout(this.#timers.gather);
    clearTimeout(this.#timers.coming);
    this.#timers.gather = undefined;
    this.#timers.coming = setTimeout(() => this.#miss(), FIRST_WORD_MS);
    this.#coming = this.#make(way);
  }

  /** @param {Socket | Stream} link */
  #arrive(link) {
    clearTimeout(this.#timers.coming);
    this.#link?.close();
    this.#link = link;
    this.#coming = null;
    this.#way = WAYS.findIndex((Way) => link instanceof Way);
    this.#lookForBetter();
  }

  /**
   * Stays with the way that serves; opened anew, since what was asked on the side is not heard on it.
   * @param {number} [code]
   */
  #miss(code) {
    if (isDismissal(code)) this.#closed(code);
    else this.#take(this.#way);
  }

  #lookForBetter() {
    clearTimeout(this.#timers.better);
    if (this.#way === 0) return;
    const wait = BETTER_WAY_MS * (0.5 + Math.random());
    this.#timers.better = setTimeout(() => this.#openBeside(0), wait);
  }

  /**
   * @param {Link} link
   * @param {ServerMessage} message
   */
  #receive(link, message) {
    this.#heard = true;
    this.#heardAt = Date.now();
    this.#expectWord(longestSilence(this.#config));
    if (message.type === "subscribed" || message.type === "presence-sync") {
      this.#tries = 0;
      this.#owner.status({ status: "connected", transport: WAYS[this.#way].transport });
    }
    this.#owner.receive(link, message);
  }

  /** @param {number} [code] */
  #closed(code) {
    const [way, unheard] = [this.#way, !this.#heard];
    this.close();
    // The page is for somebody who has left, or for another role; the server decides what to show.
    if (isDismissal(code)) return this.#owner.dismiss();
    // A way that never brought a word is blocked; the next one may not be.
    if (unheard && way + 1 < WAYS.length) return this.#take(way + 1);
    this.#tries += 1;
    // It may no longer know this browser.
    greet();
    const stale = this.#tries > STALE_AFTER_TRIES;
    this.#timers.retry = setTimeout(() => this.open(), this.#delay());
    this.#owner.status({ status: "reconnecting", transport: Socket.transport, stale, unheard });
  }

  /** The fixed steps, then doubling up to the maximum; half of each is left to chance. */
  #delay() {
    const { reconnectDelaysMs: steps, maxReconnectDelayMs: most } = this.#config;
    const beyond = Math.max(0, this.#tries - steps.length);
    const step = steps[Math.min(this.#tries, steps.length) - 1] * 2 ** beyond;
    return Math.min(step, most) * (0.5 + Math.random() / 2);
  }

  /**
   * A dead connection may take minutes to say so; this does not wait for it.
   * @param {number} withinMs
   */
  #expectWord(withinMs) {
    clearTimeout(this.#timers.silence);
    this.#timers.silence = setTimeout(() => this.#closed(), withinMs);
  }
}

/**
 * Whether a close code says that the session has ended, or the role has changed.
 * @param {number | undefined} code
 */
function isDismissal(code) {
  return code !== undefined && NO_LONGER_ALLOWED.includes(code);
}
