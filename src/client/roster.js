/** Who is on one page, as the messages about it tell. */

/**
 * @typedef {import("./messages.js").PresenceMessage} PresenceMessage
 * @typedef {import("./messages.js").PresentUser} PresentUser
 */

export class Roster {
  /** @param {string} path */
  constructor(path) {
    this.path = path;
    /** @type {Map<string, PresentUser>} by the id of the account */
    this.users = new Map();
  }

  /**
   * Whether a message is about this page.
   * @param {PresenceMessage} message
   * @returns {boolean}
   */
  concerns(message) {
    const { pagePath } = message.type === "join" ? message.user : message;
    return pagePath === this.path;
  }

  /**
   * Applies a message about this page.
   * @param {PresenceMessage} message
   */
  apply(message) {
    if (message.type === "presence-sync") {
      this.users = new Map(message.users.map((user) => [user.id, user]));
    } else if (message.type === "join") {
      this.users.set(message.user.id, message.user);
    } else {
      this.users.delete(message.userId);
    }
  }

  /**
   * What the server would say to somebody who comes to the page now.
   * @returns {import("./messages.js").PresenceSync}
   */
  sync() {
    return { type: "presence-sync", pagePath: this.path, users: [...this.users.values()] };
  }
}
