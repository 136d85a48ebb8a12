/** Who else is on this page: small discs with initials, the names on hover and for screen readers. */
import { Roster } from "./roster.js";

/** How many are drawn; the rest is a number. */
const MOST_SHOWN = 5;
/** Whoever is back within so long, in ms, was never gone: their connection was only another one. */
const RETURN_MS = 2000;

export class Presence {
  /** @type {number | undefined} */
  #pending;

  /** @param {HTMLElement} list the list that the layout holds */
  constructor(list) {
    this.list = list;
    this.roster = new Roster(list.dataset.presence ?? "");
  }

  /**
   * The page that is shown.
   * @returns {string}
   */
  get path() {
    return this.roster.path;
  }

  /**
   * Applies a message about a page, if it is about this one.
   * @param {import("./messages.js").PresenceMessage} message
   */
  receive(message) {
    if (!this.roster.concerns(message)) return;
    this.roster.apply(message);
    clearTimeout(this.#pending);
    if (message.type === "leave") this.#pending = setTimeout(() => this.#show(), RETURN_MS);
    else this.#show();
  }

  #show() {
    const users = [...this.roster.users.values()];
    const shown = users.slice(0, MOST_SHOWN).map(avatar);
    const rest = users.slice(MOST_SHOWN);
    if (rest.length > 0) {
      const names = rest.map(({ name }) => name).join(", ");
      shown.push(item(`+${rest.length}`, names));
    }
    this.list.replaceChildren(...shown);
    this.list.hidden = users.length === 0;
  }
}

/** @param {import("./messages.js").PresentUser} user */
function avatar({ id, name }) {
  const words = name.trim().split(/\s+/);
  const initials = [words[0], words.length > 1 ? words[words.length - 1] : ""].map((word) => [...word][0] ?? "");
  const element = item(initials.join("").toUpperCase(), name);
  element.style.setProperty("--pt-hue", `${hue(id)}`);
  return element;
}

/**
 * @param {string} text
 * @param {string} names
 */
function item(text, names) {
  const element = document.createElement("li");
  element.title = names;
  const shown = document.createElement("span");
  shown.ariaHidden = "true";
  shown.textContent = text;
  const said = document.createElement("span");
  said.className = "pt-visually-hidden";
  said.textContent = names;
  element.append(shown, said);
  return element;
}

/**
 * The same colour for the same person, everywhere.
 * @param {string} id
 */
function hue(id) {
  return [...id].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 360, 7);
}
