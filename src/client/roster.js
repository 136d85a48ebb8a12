/** Who is on one page, as the messages about it tell. */
export class Roster {
  /** @param {string} path */
  constructor(path) {
    this.path = path;
    this.users = new Map();
  }

  /** Whether a message is about this page: `presence-sync`, `join` or `leave`. */
  concerns(message) {
    return (message.pagePath ?? message.user?.pagePath) === this.path;
  }

  /** Applies a message about this page. */
  apply(message) {
    if (message.type === "presence-sync") {
      this.users = new Map(message.users.map((user) => [user.id, user]));
    } else if (message.type === "join") {
      this.users.set(message.user.id, message.user);
    } else {
      this.users.delete(message.userId);
    }
  }

  /** What the server would say to somebody who comes to the page now. */
  sync() {
    return { type: "presence-sync", pagePath: this.path, users: [...this.users.values()] };
  }
}
