/**
 * The open tabs of one viewer: which of them leads, and how they talk to each other.
 *
 * Whoever holds the lock `… leader` leads; the others wait for it in line, so when the leader closes
 * or crashes the browser itself makes the next one leader. Each tab also holds a lock of its own for
 * as long as it lives: the leader waits for that lock, and when it gets it, the tab is gone.
 *
 * A leader is known by its term, a number that only grows. What is said in an earlier term is not
 * heard, so a leader that slept while another took over cannot confuse anybody when it wakes.
 *
 * Letters on the channel: `who` (is anybody leading?), `lead` (I am), `wants` (a tab to its leader:
 * all it wants to hear), `pass` (the leader to one tab, or to all).
 */

/** A leader that does not answer for so long, in ms, has been frozen. Up to twice as long, by chance. */
const ANSWER_MS = 5000;

/**
 * @typedef {import("./switchboard.js").Switchboard} Switchboard
 * @typedef {import("./switchboard.js").TabMessage} TabMessage
 * @typedef {import("./switchboard.js").Wants} Wants
 */

/**
 * What a tab does.
 * @typedef {object} Member
 * @property {() => Switchboard} lead makes what leads
 * @property {() => void} follow is called for each new leader
 * @property {(message: TabMessage) => void} hear
 */

/**
 * A letter on the channel; `pass` is for every tab where it names none.
 * @typedef {{ kind: "who" } |
 *   { kind: "lead", term: number } |
 *   { kind: "wants", term: number, tab: string, wants: Wants } |
 *   { kind: "pass", term: number, tab?: string, message: TabMessage }} Letter
 */

export class Tabs {
  #group;
  #silenceMs;
  #member;
  #id = "only";
  /** @type {BroadcastChannel | null} */
  #channel = null;
  /**
   * What this tab does as the leader; null while another one leads.
   * @type {Switchboard | null}
   */
  #leader = null;
  /** The term of the last leader heard of. */
  #term = 0;
  /**
   * Ends this tab's place in line, and its leadership.
   * @type {AbortController | null}
   */
  #candidacy = null;
  /**
   * Ends this tab's stay among the others.
   * @type {AbortController | null}
   */
  #stay = null;
  /** @type {number | undefined} */
  #patience;

  /**
   * @param {string} group tabs of one group share a leader
   * @param {number} silenceMs the leader speaks more often than this, so a longer silence is suspect
   * @param {Member} member
   */
  constructor(group, silenceMs, member) {
    this.#group = group;
    this.#silenceMs = silenceMs;
    this.#member = member;
  }

  /** Comes among the tabs. Where there are no locks (http on a LAN), a tab leads only itself. */
  async join() {
    if (this.#stay) return;
    this.#stay = new AbortController();
    if (!navigator.locks) return this.#lead();
    const { signal } = this.#stay;
    // A new name for each stay: the leader may not have noticed the end of an earlier one.
    this.#id = crypto.randomUUID();
    try {
      await navigator.locks.request(this.#lockOf(this.#id), { signal }, () => {
        this.#enter();
        return aborted(signal);
      });
    } catch {
      // We left while waiting, or the browser refuses locks to this page.
      if (!signal.aborted) this.#lead();
    }
  }

  /** Leaves, so that another tab may lead and this page may be kept for the way back. */
  leave() {
    this.#resign();
    this.#stay?.abort();
    this.#channel?.close();
    this.#channel = this.#stay = null;
    clearTimeout(this.#patience);
  }

  /** Makes sure that there is a leader, and that it is awake. */
  ask() {
    if (this.#leader) return this.#answer();
    if (!this.#channel) return;
    this.#post({ kind: "who" });
    // Chance decides who seizes the lead if several tabs ask in vain.
    this.#expectWithin(ANSWER_MS * (1 + Math.random()), () => this.#seize());
  }

  /** As the leader: has the connection opened anew. */
  renew() {
    this.#leader?.renew();
  }

  /**
   * Tells the leader everything that this tab wants to hear.
   * @param {Wants} wants
   */
  declare(wants) {
    this.#post({ kind: "wants", term: this.#term, tab: this.#id, wants });
  }

  /**
   * As the leader: passes a message on to one tab.
   * @param {string} tab
   * @param {TabMessage} message
   */
  pass(tab, message) {
    this.#post({ kind: "pass", term: this.#term, tab, message });
  }

  /**
   * As the leader: passes a message on to every tab.
   * @param {TabMessage} message
   */
  tell(message) {
    this.#post({ kind: "pass", term: this.#term, message });
  }

  #enter() {
    this.#channel = new BroadcastChannel(this.#group);
    this.#channel.onmessage = (event) => this.#receive(event.data);
    this.#stand();
    this.ask();
  }

  /** Stands in line for the lead. */
  #stand() {
    this.#candidacy = new AbortController();
    const { signal } = this.#candidacy;
    this.#request(signal, { signal });
  }

  /** Takes the lead from a tab that does not answer. */
  #seize() {
    this.#candidacy?.abort();
    this.#candidacy = new AbortController();
    this.#request(this.#candidacy.signal, { steal: true });
  }

  /**
   * @param {AbortSignal} signal ends the candidacy
   * @param {LockOptions} options
   */
  async #request(signal, options) {
    try {
      await navigator.locks.request(`${this.#group} leader`, options, () => {
        if (signal.aborted) return null;
        this.#lead();
        return aborted(signal);
      });
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof DOMException && error.name === "AbortError")) throw error;
      // Another tab took the lead, since it had not heard from this one.
      this.#resign();
      this.#stand();
      this.ask();
    }
  }

  #lead() {
    clearTimeout(this.#patience);
    this.#leader = this.#member.lead();
    // Later than any term before, also of a leader that this tab never heard of.
    const term = Math.max(Date.now(), this.#term + 1);
    this.#post({ kind: "lead", term });
  }

  #resign() {
    this.#candidacy?.abort();
    this.#leader?.close();
    this.#candidacy = this.#leader = null;
  }

  /**
   * Posts a letter to the others and to this tab, which may be its own leader.
   * @param {Letter} letter
   */
  #post(letter) {
    const isOwn = "tab" in letter && letter.tab === this.#id;
    if (!isOwn || !this.#leader) this.#channel?.postMessage(letter);
    this.#receive(letter);
  }

  /** @param {Letter} letter */
  #receive(letter) {
    if (letter.kind === "who") this.#answer();
    else if (letter.kind === "lead") this.#follow(letter.term);
    else if (letter.term !== this.#term) return;
    else if (letter.kind === "wants") this.#take(letter.tab, letter.wants);
    else this.#hear(letter.tab, letter.message);
  }

  #answer() {
    if (!this.#leader) return;
    this.#post({ kind: "lead", term: this.#term });
    this.#leader.wake();
  }

  /** @param {number} term */
  #follow(term) {
    if (term < this.#term) return;
    this.#trust();
    if (term === this.#term) return;
    this.#term = term;
    this.#member.follow();
  }

  /**
   * @param {string} tab
   * @param {Wants} wants
   */
  #take(tab, wants) {
    if (!this.#leader) return;
    const isNew = this.#leader.take(tab, wants);
    if (isNew && tab !== this.#id) this.#awaitEnd(tab);
  }

  /**
   * @param {string | undefined} tab
   * @param {TabMessage} message
   */
  #hear(tab, message) {
    this.#trust();
    if (!tab || tab === this.#id) this.#member.hear(message);
  }

  /**
   * The lock of a tab is free when the tab has gone, in whatever way.
   * @param {string} tab
   */
  async #awaitEnd(tab) {
    const signal = this.#candidacy?.signal;
    try {
      await navigator.locks.request(this.#lockOf(tab), { signal }, () => this.#leader?.forget(tab));
    } catch {
      // This tab no longer leads; the next leader waits for its own.
    }
  }

  /** The leader has just been heard. */
  #trust() {
    if (!this.#leader) this.#expectWithin(this.#silenceMs, () => this.ask());
  }

  /**
   * @param {number} ms
   * @param {() => void} orElse
   */
  #expectWithin(ms, orElse) {
    clearTimeout(this.#patience);
    this.#patience = setTimeout(orElse, ms);
  }

  /** @param {string} tab */
  #lockOf(tab) {
    return `${this.#group} tab ${tab}`;
  }
}

/**
 * Waits until a signal is given.
 * @param {AbortSignal} signal
 */
function aborted(signal) {
  return new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
}
