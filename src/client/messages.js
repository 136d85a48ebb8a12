/** The messages of the realtime contract (docs/realtime.md), told apart by `type`. */

/**
 * What the server says.
 * @typedef {Subscribed | Unsubscribed | Change | Resync | Heartbeat | PresenceMessage | Conflict |
 *   ConnectionStatus | Refusal} ServerMessage
 */

/**
 * What a client says: a subscription to what a component shows, what takes one back, the page that it
 * is on, and what is being edited.
 * @typedef {SubscribeHandshake | UnsubscribeHandshake | PresenceHandshake | EditingHandshake} Handshake
 */

/**
 * A record as its reader may see it.
 * @typedef {object} RecordBody
 * @property {string} id
 * @property {Record<string, unknown>} fields
 */

/**
 * @typedef {object} Subscribed
 * @property {"subscribed"} type
 * @property {string} table
 * @property {string} [subscriptionId]
 * @property {unknown} [filter]
 * @property {string[]} fields
 * @property {string} position
 * @property {string} [shape]
 */

/**
 * @typedef {object} Unsubscribed
 * @property {"unsubscribed"} type
 * @property {string} table
 * @property {string} [subscriptionId]
 */

/** @typedef {Put | Removal} Change */

/**
 * The members that all changes have.
 * @typedef {object} ChangeHead
 * @property {"change"} type
 * @property {string} table
 * @property {string} [subscriptionId]
 * @property {string} timestamp
 * @property {string} position
 * @property {"enter" | "leave"} [transition]
 */

/**
 * A record that is new or has changed; for a component with the row as it shows it.
 * @typedef {ChangeHead & {
 *   event: "insert" | "update",
 *   record: RecordBody,
 *   oldRecord?: RecordBody,
 *   sortKey?: string,
 *   html?: string,
 * }} Put
 */

/**
 * A record that is gone; its key also as text where JavaScript would round the number.
 * @typedef {ChangeHead & { event: "delete", recordId: number, id?: string }} Removal
 */

/**
 * @typedef {object} Resync
 * @property {"resync"} type
 * @property {string} [subscriptionId]
 * @property {string} reason
 * @property {string} position
 */

/**
 * @typedef {object} Heartbeat
 * @property {"heartbeat"} type
 * @property {string} timestamp
 */

/** @typedef {PresenceSync | Join | Leave} PresenceMessage */

/**
 * @typedef {object} PresentUser
 * @property {string} id
 * @property {string} name
 * @property {string} pagePath
 * @property {string} joinedAt
 */

/** @typedef {{ type: "presence-sync", pagePath: string, users: PresentUser[] }} PresenceSync */
/** @typedef {{ type: "join", user: PresentUser }} Join */
/** @typedef {{ type: "leave", userId: string, pagePath: string }} Leave */

/**
 * Who made a change; both members are null if it was another program.
 * @typedef {{ id: string | null, name: string | null }} Author
 */

/**
 * @typedef {object} Conflict
 * @property {"conflict"} type
 * @property {string} table
 * @property {number} recordId
 * @property {string[]} overwrittenFields
 * @property {Author} overwrittenBy
 * @property {RecordBody} authoritativeRecord
 * @property {string} timestamp
 */

/**
 * @typedef {object} ConnectionStatus
 * @property {"connection-status"} type
 * @property {"connected" | "reconnecting"} status
 * @property {"websocket" | "sse"} transport
 */

/**
 * A handshake that the server cannot accept.
 * @typedef {{ type: "error", subscriptionId?: string, code: string, message: string }} Refusal
 */

/**
 * @typedef {object} SubscribeHandshake
 * @property {string} component
 * @property {string} url
 * @property {string} subscriptionId
 * @property {string} [since]
 * @property {string} [shape]
 */

/** @typedef {{ type: "unsubscribe", subscriptionId?: string, pagePath?: string }} UnsubscribeHandshake */
/** @typedef {{ type: "presence", pagePath: string }} PresenceHandshake */

/**
 * The fields of a record that are in hand; none of them ends it.
 * @typedef {{ type: "editing", table: string, recordId: string, fields: string[] }} EditingHandshake
 */

/**
 * A message as it came over the connection.
 * @param {string} text
 * @returns {ServerMessage}
 */
export function readMessage(text) {
  return JSON.parse(text);
}

/**
 * Whether a message says who is on a page.
 * @param {ServerMessage} message
 * @returns {message is PresenceMessage}
 */
export function isPresence(message) {
  return ["presence-sync", "join", "leave"].includes(message.type);
}
