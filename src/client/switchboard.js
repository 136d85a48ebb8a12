/**
 * The leader's part: brings what all tabs want to hear to the server over one connection, and passes
 * what the server says on to the tab that wants it.
 *
 * A tab declares all it wants each time, under keys of its own; what changed is found by comparing.
 */
import { Connection } from "./connection.js";
import { isPresence } from "./messages.js";
import { Roster } from "./roster.js";

/**
 * @typedef {import("./connection.js").ConnectionState} ConnectionState
 * @typedef {import("./messages.js").EditingHandshake} EditingHandshake
 * @typedef {import("./messages.js").Handshake} Handshake
 * @typedef {import("./messages.js").PresenceMessage} PresenceMessage
 * @typedef {import("./messages.js").ServerMessage} ServerMessage
 * @typedef {import("./transports.js").Link} Link
 */

/**
 * All that a tab wants to hear, and says: its subscriptions, the pages it is on, the edits it has begun.
 * @typedef {{ subscriptions: Wish[], pages: string[], edits: EditingHandshake[] }} Wants
 */

/**
 * What a tab wants to hear of a component, from a position on.
 * @typedef {object} Wish
 * @property {number} key a name that the tab uses once
 * @property {string} component
 * @property {string} url
 * @property {string} [since]
 * @property {string} [shape]
 */

/**
 * A wish with the tab it is of, and the link that it was last said over, by a name there.
 * @typedef {Wish & { tab: string, link?: Link | null, name?: string }} Subscription
 */

/**
 * What the leader has a tab hear: what the server says, for one subscription where there is a key; how
 * the connection is; and that the viewer is another one now.
 * @typedef {(ServerMessage | ({ type: "status" } & ConnectionState) | { type: "dismissed" }) & { key?: number }} TabMessage
 */

/** @typedef {{ subscriptions: Map<number, Subscription>, pages: string[], edits: EditingHandshake[] }} KnownWants */

export class Switchboard {
  #tabs;
  #connection;
  /**
   * What each tab wants.
   * @type {Map<string, KnownWants>}
   */
  #wants = new Map();
  /**
   * Who is on each page that any tab is on, by path.
   * @type {Map<string, Roster>}
   */
  #rosters = new Map();
  /** @type {({ type: "status" } & ConnectionState) | null} */
  #status = null;

  /**
   * @param {import("./config.js").PageConfig} config
   * @param {import("./tabs.js").Tabs} tabs
   */
  constructor(config, tabs) {
    this.#tabs = tabs;
    this.#connection = new Connection(config, {
      handshakes: (link) => this.#handshakes(link),
      receive: (link, message) => this.#receive(link, message),
      status: (status) => this.#tell(status),
      dismiss: () => tabs.tell({ type: "dismissed" }),
    });
  }

  /**
   * Takes everything that a tab wants from now on; whether the tab is a new one.
   * @param {string} tab
   * @param {Wants} wants
   * @returns {boolean}
   */
  take(tab, { subscriptions, pages, edits }) {
    const before = this.#wants.get(tab);
    /** @type {Map<number, Subscription>} */
    const wanted = new Map();
    for (const wish of subscriptions) {
      wanted.set(wish.key, before?.subscriptions.get(wish.key) ?? { ...wish, tab });
    }
    this.#change(tab, { subscriptions: wanted, pages, edits });
    if (before) return false;
    if (this.#status) this.#tabs.pass(tab, this.#status);
    return true;
  }

  /**
   * Lets go of what a tab wanted that is no more.
   * @param {string} tab
   */
  forget(tab) {
    this.#change(tab, null);
  }

  /** Makes sure of the connection. */
  wake() {
    if (this.#isWanted()) this.#connection.wake();
  }

  /** Opens the connection anew, where there is one. */
  renew() {
    this.#connection.renew();
  }

  close() {
    this.#connection.close();
  }

  /**
   * @param {string} tab
   * @param {KnownWants | null} wants
   */
  #change(tab, wants) {
    const before = this.#wants.get(tab);
    const [edits, paths] = [this.#edits(), this.#paths()];
    if (wants) this.#wants.set(tab, wants);
    else this.#wants.delete(tab);
    this.#changeSubscriptions(before?.subscriptions ?? new Map(), wants?.subscriptions ?? new Map());
    this.#changePages(paths, tab, new Set(before?.pages));
    this.#changeEdits(edits);
    if (this.#isWanted()) this.#connection.open();
    else this.#connection.close();
  }

  /** Edits alone are not worth a connection: whoever saves too late is told by the answer. */
  #isWanted() {
    return [...this.#wants.values()].some(({ subscriptions, pages }) => {
      return subscriptions.size > 0 || pages.length > 0;
    });
  }

  /**
   * @param {Map<number, Subscription>} before
   * @param {Map<number, Subscription>} now
   */
  #changeSubscriptions(before, now) {
    for (const [key, subscription] of before) {
      if (!now.has(key)) this.#end(subscription);
    }
    for (const [key, subscription] of now) {
      if (!before.has(key)) this.#connection.say((link) => subscribe(link, subscription));
    }
  }

  /** @param {Subscription} subscription */
  #end(subscription) {
    subscription.link = null;
    this.#connection.say(() => ({ type: "unsubscribe", subscriptionId: subscription.name }));
  }

  /**
   * The connection is on each page that any tab is on; a tab that comes later is told who is there.
   * @param {Set<string>} before the paths of all tabs
   * @param {string} tab
   * @param {Set<string>} pagesBefore those of this tab
   */
  #changePages(before, tab, pagesBefore) {
    const now = this.#paths();
    for (const path of before) {
      if (now.has(path)) continue;
      this.#rosters.delete(path);
      this.#connection.say(() => ({ type: "unsubscribe", pagePath: path }));
    }
    for (const path of now) {
      if (!before.has(path)) this.#connection.say(() => ({ type: "presence", pagePath: path }));
    }
    for (const path of this.#wants.get(tab)?.pages ?? []) {
      const roster = this.#rosters.get(path);
      if (roster && !pagesBefore.has(path)) this.#tabs.pass(tab, roster.sync());
    }
  }

  /** @param {Map<string, EditingHandshake>} before */
  #changeEdits(before) {
    const now = this.#edits();
    for (const [record, edit] of before) {
      if (!now.has(record)) this.#connection.say(() => ({ ...edit, fields: [] }));
    }
    for (const [record, edit] of now) {
      const same = before.get(record)?.fields.join() === edit.fields.join();
      if (!same) this.#connection.say(() => edit);
    }
  }

  /**
   * Everything that is wanted, to begin a link with.
   * @param {Link} link
   * @returns {Handshake[]}
   */
  #handshakes(link) {
    const wants = [...this.#wants.values()];
    const subscriptions = wants.flatMap((tab) => [...tab.subscriptions.values()]);
    /** @type {Handshake[]} */
    const presence = [...this.#paths()].map((pagePath) => ({ type: "presence", pagePath }));
    return [
      ...subscriptions.map((subscription) => subscribe(link, subscription)),
      ...presence,
      ...this.#edits().values(),
    ];
  }

  #paths() {
    return new Set([...this.#wants.values()].flatMap(({ pages }) => pages));
  }

  /** The edits of all tabs; the server keeps one for each record, so those of one record are united. */
  #edits() {
    /** @type {Map<string, EditingHandshake>} */
    const united = new Map();
    for (const edit of [...this.#wants.values()].flatMap(({ edits }) => edits)) {
      const record = JSON.stringify([edit.table, edit.recordId]);
      const fields = new Set([...(united.get(record)?.fields ?? []), ...edit.fields]);
      united.set(record, { ...edit, fields: [...fields].sort() });
    }
    return united;
  }

  /**
   * @param {Link} link
   * @param {ServerMessage} message
   */
  #receive(link, message) {
    const name = "subscriptionId" in message ? message.subscriptionId : undefined;
    if (name) return this.#passOn(link, name, message);
    if (isPresence(message)) this.#note(message);
    return this.#tabs.tell(message);
  }

  /**
   * @param {Link} link
   * @param {string} name of the subscription that the message is for
   * @param {ServerMessage} message
   */
  #passOn(link, name, message) {
    const subscription = link.named(name);
    // It has ended, or another link has been asked for it and tells it all.
    if (subscription?.link !== link) return;
    // Up to a `resync` nothing is known to have been read.
    if ("position" in message && message.type !== "resync") subscription.since = message.position;
    this.#tabs.pass(subscription.tab, { ...message, key: subscription.key });
  }

  /** @param {PresenceMessage} message */
  #note(message) {
    if (message.type === "presence-sync" && this.#paths().has(message.pagePath)) {
      this.#rosters.set(message.pagePath, new Roster(message.pagePath));
    }
    for (const roster of this.#rosters.values()) {
      if (roster.concerns(message)) roster.apply(message);
    }
  }

  /**
   * Each lost try is told, since the tabs also hear by it that they are led.
   * @param {ConnectionState} status
   */
  #tell(status) {
    const known = this.#status?.status === "connected" && this.#status.transport === status.transport;
    if (known && status.status === "connected") return;
    this.#status = { type: "status", ...status };
    this.#tabs.tell(this.#status);
  }
}

/**
 * The handshake for a subscription on a link, which goes on from where it stands.
 * @param {Link} link
 * @param {Subscription} subscription
 * @returns {Handshake}
 */
function subscribe(link, subscription) {
  const name = link.name(subscription);
  Object.assign(subscription, { link, name });
  const { component, url, since, shape } = subscription;
  return { component, url, subscriptionId: name, since, shape };
}
