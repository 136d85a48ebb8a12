/** What a page carries for its scripts, as JSON: client and server go by the same numbers. */
import { get } from "./dom.js";

/**
 * @typedef {object} PageConfig
 * @property {string} viewer a user's id, or `guest`: tabs of the same viewer share a connection
 * @property {number[]} reconnectDelaysMs how long to wait before each try to connect again
 * @property {number} maxReconnectDelayMs the longest wait between two tries
 * @property {number} heartbeatIntervalMs how often the server sends `heartbeat`
 * @property {ExportSite} [site] on an exported page: the server that keeps it live
 * @property {Edition} [dev] on a page that its author works on
 */

/**
 * @typedef {object} ExportSite
 * @property {string} server the server's address
 * @property {string} base what paths of the exported pages begin with
 * @property {string} path the path of this page on the server
 */

/**
 * @typedef {object} Edition
 * @property {string} process another one for each start of the program
 * @property {number} page which load of the app it is, from 1
 */

/**
 * What another page carries, as the server has just sent it.
 * @param {Document} page
 * @returns {PageConfig}
 */
export function configOf(page) {
  return JSON.parse(get(page, "#pagetide-config", HTMLScriptElement).text);
}

/** What this page carries. */
export const config = configOf(document);
