/**
 * The server that a page belongs to: the one that it came from, or for an exported page the one that
 * keeps it live, which knows a browser by a guest's token, since it gets no cookie from another site.
 */
import { config } from "./config.js";

const { site } = config;
/** @type {string | null} */
let token = null;

/**
 * The page as the server knows it: the channel and the fragments belong to it.
 * @returns {string}
 */
export function pageUrl() {
  return (site?.path ?? location.pathname) + location.search;
}

/**
 * Where something of the server is.
 * @param {string} path
 * @param {Record<string, string>} [query]
 * @returns {URL}
 */
export function at(path, query = {}) {
  const url = new URL(path, site?.server ?? location.href);
  const pairs = Object.entries(token ? { ...query, token } : query);
  for (const [name, value] of pairs) url.searchParams.set(name, value);
  return url;
}

/** Makes sure that the server knows this browser. */
export async function greet() {
  if (!site) return;
  const answer = await fetch(new URL("/api/auth/guest", site.server)).catch(() => null);
  if (answer?.ok) ({ token } = await answer.json());
}

/**
 * HTML of the server as an element, whose paths lead where the page has them.
 * @template {HTMLElement} T
 * @param {string} html
 * @param {new () => T} kind
 * @returns {T}
 */
export function parse(html, kind) {
  const { content } = Object.assign(document.createElement("template"), { innerHTML: html });
  const base = site?.base;
  for (const name of base ? ["href", "src"] : []) {
    for (const element of content.querySelectorAll(`[${name}^="/"]`)) {
      element.setAttribute(name, `${base}${element.getAttribute(name)}`);
    }
  }
  const element = content.firstElementChild;
  if (element instanceof kind) return element;
  throw new Error(`the server sent no ${kind.name}`);
}
