/**
 * While an author works on the app: shows each good save on the page as it stands, each bad one above
 * it. Scroll position, what was typed and the focus stay, and so does what is live.
 */
import { config, configOf } from "./config.js";
import { queryAll } from "./dom.js";
import { Overlay } from "./overlay.js";
import { closed, isOpen, keepTyped, readPage, show } from "./renew.js";

/**
 * What the server says of the app after each save: which load of it is served, how often only
 * stylesheets and how often other files have changed, and why the last load is not served.
 * @typedef {{ process: string, page: number, style: number, files: number, fault: string | null }} News
 */

/** How often, in ms, a server that is gone is looked for. */
const LOOK_MS = 500;
/** What has a life of its own: it is left alone, or another takes its place as a whole. */
const WHOLE = "[data-component], [data-presence], [id]";

const overlay = new Overlay();
/**
 * The load that the page shows; undefined while a part of it is of an older one.
 * @type {number | undefined}
 */
let page = config.dev?.page;
let style = 0;
/** @type {number | undefined} */
let files;
/**
 * The HTML that the server sent for an element: it has long become another one.
 * @type {WeakMap<Element, string>}
 */
const sent = new WeakMap();
/** One after the other, the newest last. */
let renewing = Promise.resolve();

// This script runs before any other, so all is still as it was sent.
remember(document.body);
listen();

function listen() {
  const url = new URL("/_pagetide/dev", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const socket = new WebSocket(url);
  socket.onmessage = ({ data }) => hear(JSON.parse(data));
  socket.onclose = () => setTimeout(listen, LOOK_MS);
}

/** @param {News} news */
function hear(news) {
  // Another run of the program may bring other scripts.
  if (news.process !== config.dev?.process) return location.reload();
  overlay.show(news.fault);
  if (news.page !== page) renewing = renewing.then(() => renew(news.page));
  if (news.style !== style) restyle(news.style);
  files ??= news.files;
  if (news.files !== files) location.reload();
  style = news.style;
  return undefined;
}

/**
 * Makes the page what the server now says it is.
 * @param {number | undefined} wanted
 */
async function renew(wanted) {
  if (page === wanted) return;
  const { fresh } = await readPage();
  if (!fresh) return location.reload();
  page = configOf(fresh).dev?.page;
  show(fresh, settle);
  const { renew: move, takeUp } = await import("./pagetide.js");
  move();
  await takeUp();
}

/**
 * Leaves a table as it is until its open cell is closed.
 * @param {Element} table
 */
async function renewOnceClosed(table) {
  await closed(table);
  // What it stands in is not as it was sent.
  /** @type {Element | null} */
  let part = table;
  for (; part; part = part.parentElement) sent.delete(part);
  const wanted = page;
  page = undefined;
  renewing = renewing.then(() => renew(wanted));
}

/**
 * Sees to what has a life of its own.
 * @type {import("./morph.js").Settle}
 */
function settle(old, fresh) {
  if (!fresh.matches(WHOLE)) return false;
  const html = fresh.outerHTML;
  if (sent.get(old) === html) return true;
  if (!fresh.matches("[data-component], [data-form], [data-presence]") || old.id !== fresh.id) {
    sent.set(old, html);
    return false;
  }
  if (isOpen(old)) {
    renewOnceClosed(old);
    return true;
  }
  remember(fresh);
  keepTyped(old, fresh);
  old.replaceWith(fresh);
  return true;
}

/** @param {Element} element */
function remember(element) {
  for (const whole of [element, ...element.querySelectorAll(WHOLE)]) sent.set(whole, whole.outerHTML);
}

/**
 * Takes each of the app's own stylesheets anew; the old one holds until the new one is there.
 * @param {number} version
 */
function restyle(version) {
  for (const link of queryAll(document, "link[rel=stylesheet]", HTMLLinkElement)) {
    const url = new URL(link.href);
    if (url.origin !== location.origin || url.pathname.startsWith("/_pagetide/")) continue;
    url.searchParams.set("dev", String(version));
    const next = /** @type {HTMLLinkElement} */ (link.cloneNode());
    next.href = url.href;
    next.onload = next.onerror = () => link.remove();
    link.after(next);
  }
}
