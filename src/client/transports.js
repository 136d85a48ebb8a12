/**
 * The ways to hear from the server, all alike: each is opened with the handshakes to begin with,
 * calls `onMessage` with every message and `onClose` once, when it has ended by itself.
 */
import { readMessage } from "./messages.js";
import { at } from "./server.js";

/**
 * @typedef {import("./messages.js").Handshake} Handshake
 * @typedef {import("./messages.js").ServerMessage} ServerMessage
 * @typedef {import("./switchboard.js").Subscription} Subscription
 */

/**
 * What a way is opened with; `onClose` is told the close code where there is one.
 * @typedef {object} LinkOwner
 * @property {(link: Link) => Handshake[]} handshakes
 * @property {(link: Link, message: ServerMessage) => void} onMessage
 * @property {(link: Link, code?: number) => void} onClose
 */

/** What every way has: names for what is subscribed over it. */
export class Link {
  /**
   * What each name stands for.
   * @type {Map<string, Subscription>}
   */
  #named = new Map();

  /**
   * Gives a subscription its name on this link. Names are short and begin alike in every browser,
   * since the server encodes a message once for all who call it the same; and none is used twice, so
   * what an ended subscription still says is not taken for another's.
   * @param {Subscription} subscription
   * @returns {string}
   */
  name(subscription) {
    const name = String(this.#named.size + 1);
    this.#named.set(name, subscription);
    return name;
  }

  /**
   * The subscription of that name.
   * @param {string} name
   * @returns {Subscription | undefined}
   */
  named(name) {
    return this.#named.get(name);
  }
}

/** A WebSocket: takes further handshakes at any time. */
export class Socket extends Link {
  /** @type {"websocket"} */
  static transport = "websocket";

  /** @param {LinkOwner} owner */
  constructor({ handshakes, onMessage, onClose }) {
    super();
    const url = at("/api/realtime/subscribe");
    url.protocol = url.protocol.replace("http", "ws");
    this.socket = new WebSocket(url);
    this.socket.onopen = () => handshakes(this).forEach((handshake) => this.#send(handshake));
    this.socket.onmessage = (event) => onMessage(this, readMessage(event.data));
    this.socket.onclose = (event) => onClose(this, event.code);
  }

  /**
   * Says one more handshake; whether that is possible. Before the opening all are still to be said.
   * @param {(link: Link) => Handshake} handshake
   * @returns {boolean}
   */
  say(handshake) {
    if (this.socket.readyState === WebSocket.OPEN) this.#send(handshake(this));
    return true;
  }

  close() {
    const { socket } = this;
    const isOpening = socket.readyState === WebSocket.CONNECTING;
    socket.onmessage = socket.onclose = null;
    // Browsers complain of a socket that is closed before it is open.
    socket.onopen = isOpening ? () => socket.close() : null;
    if (!isOpening) socket.close();
  }

  /** @param {Handshake} handshake */
  #send(handshake) {
    this.socket.send(JSON.stringify(handshake));
  }
}

/**
 * The close codes that a socket would end with, by what a stream says last.
 * @type {Record<string, number>}
 */
const ENDS = { SESSION_ENDED: 4401, ACCESS_CHANGED: 4403 };

/** Server-Sent Events: what is heard is settled when the stream is opened. */
export class Stream extends Link {
  /** @type {"sse"} */
  static transport = "sse";

  /** @param {LinkOwner} owner */
  constructor({ handshakes, onMessage, onClose }) {
    super();
    const subscribe = JSON.stringify(handshakes(this));
    this.stream = new EventSource(at("/api/realtime/subscribe/sse", { subscribe }));
    this.stream.onmessage = (event) => {
      const message = readMessage(event.data);
      const end = message.type === "error" && ENDS[message.code];
      if (!end) return onMessage(this, message);
      this.close();
      return onClose(this, end);
    };
    // When and how to come back is for the connection to say, not for the browser.
    this.stream.onerror = () => {
      this.close();
      onClose(this);
    };
  }

  /**
   * Nothing can be said over a stream that is open.
   * @returns {boolean}
   */
  say() {
    return false;
  }

  close() {
    this.stream.onmessage = this.stream.onerror = null;
    this.stream.close();
  }
}
