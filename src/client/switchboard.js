/**
 * The leader's part: brings what all tabs want to hear to the server over one connection, and passes
 * what the server says on to the tab that wants it.
 *
 * A tab declares all it wants each time, under keys of its own; what changed is found by comparing.
 */
import { Connection } from "./connection.js";
import { Roster } from "./roster.js";

export class Switchboard {
  #tabs;
  #connection;
  /** What each tab wants: its subscriptions by key, the pages it is on, the edits it has begun. */
  #wants = new Map();
  /** Who is on each page that any tab is on, by path. */
  #rosters = new Map();
  #status = null;

  /**
   * @param {object} config the transport constants that the page carries
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

  /** Takes everything that a tab wants from now on; whether the tab is a new one. */
  take(tab, { subscriptions, pages, edits }) {
    const before = this.#wants.get(tab);
    const known = before?.subscriptions ?? new Map();
    const wanted = subscriptions.map((wish) => [wish.key, known.get(wish.key) ?? { ...wish, tab }]);
    this.#change(tab, { subscriptions: new Map(wanted), pages, edits });
    if (before) return false;
    if (this.#status) this.#tabs.pass(tab, this.#status);
    return true;
  }

  /** Lets go of what a tab wanted that is no more. */
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

  #changeSubscriptions(before, now) {
    for (const [key, subscription] of before) {
      if (!now.has(key)) this.#end(subscription);
    }
    for (const [key, subscription] of now) {
      if (!before.has(key)) this.#connection.say((link) => subscribe(link, subscription));
    }
  }

  #end(subscription) {
    subscription.link = null;
    this.#connection.say(() => ({ type: "unsubscribe", subscriptionId: subscription.name }));
  }

  /** The connection is on each page that any tab is on; a tab that comes later is told who is there. */
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

  /** Everything that is wanted, to begin a link with. */
  #handshakes(link) {
    const wants = [...this.#wants.values()];
    const subscriptions = wants.flatMap((tab) => [...tab.subscriptions.values()]);
    return [
      ...subscriptions.map((subscription) => subscribe(link, subscription)),
      ...[...this.#paths()].map((pagePath) => ({ type: "presence", pagePath })),
      ...this.#edits().values(),
    ];
  }

  #paths() {
    return new Set([...this.#wants.values()].flatMap(({ pages }) => pages));
  }

  /** The edits of all tabs; the server keeps one for each record, so those of one record are united. */
  #edits() {
    const united = new Map();
    for (const edit of [...this.#wants.values()].flatMap(({ edits }) => edits)) {
      const record = JSON.stringify([edit.table, edit.recordId]);
      const fields = new Set([...(united.get(record)?.fields ?? []), ...edit.fields]);
      united.set(record, { ...edit, fields: [...fields].sort() });
    }
    return united;
  }

  #receive(link, message) {
    if (message.subscriptionId) return this.#passOn(link, message);
    if (["presence-sync", "join", "leave"].includes(message.type)) this.#note(message);
    this.#tabs.tell(message);
  }

  #passOn(link, message) {
    const subscription = link.named(message.subscriptionId);
    // It has ended, or another link has been asked for it and tells it all.
    if (subscription?.link !== link) return;
    // Up to a `resync` nothing is known to have been read.
    if (message.type !== "resync") subscription.since = message.position ?? subscription.since;
    this.#tabs.pass(subscription.tab, { ...message, key: subscription.key });
  }

  #note(message) {
    if (message.type === "presence-sync" && this.#paths().has(message.pagePath)) {
      this.#rosters.set(message.pagePath, new Roster(message.pagePath));
    }
    for (const roster of this.#rosters.values()) {
      if (roster.concerns(message)) roster.apply(message);
    }
  }

  /** Each lost try is told, since the tabs also hear by it that they are led. */
  #tell(status) {
    const known = this.#status?.status === "connected" && this.#status.transport === status.transport;
    if (known && status.status === "connected") return;
    this.#status = { type: "status", ...status };
    this.#tabs.tell(this.#status);
  }
}

/** The handshake for a subscription on a link, which goes on from where it stands. */
function subscribe(link, subscription) {
  subscription.link = link;
  subscription.name = link.name(subscription);
  const { component, url, since, shape, name } = subscription;
  return { component, url, subscriptionId: name, since, shape };
}
