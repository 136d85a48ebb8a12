/**
 * While an author works on the app: shows each good save on the page as it stands, each bad one above
 * it. Scroll position, what was typed and the focus stay, and so does what is live.
 */
import { morph } from "./morph.js";
import { Overlay } from "./overlay.js";

/** How often, in ms, a server that is gone is looked for. */
const LOOK_MS = 500;
/** What has a life of its own: it is left alone, or another takes its place as a whole. */
const WHOLE = "[data-component], [data-presence], [id]";

const overlay = new Overlay();
let [page, style, files] = [config(document).page, 0, undefined];
/** The HTML that the server sent for an element: it has long become another one. */
const sent = new WeakMap();
/** One after the other, the newest last. */
let renewing = Promise.resolve();

// This script runs before any other, so all is still as it was sent.
remember(document.body);
listen();

function config(from) {
  return JSON.parse(from.getElementById("pagetide-config").textContent).dev;
}

function listen() {
  const url = new URL("/_pagetide/dev", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const socket = new WebSocket(url);
  socket.onmessage = ({ data }) => hear(JSON.parse(data));
  socket.onclose = () => setTimeout(listen, LOOK_MS);
}

function hear(news) {
  // Another run of the program may bring other scripts.
  if (news.process !== config(document).process) return location.reload();
  overlay.show(news.fault);
  if (news.page !== page) renewing = renewing.then(() => renew(news.page));
  if (news.style !== style) restyle(news.style);
  files ??= news.files;
  if (news.files !== files) location.reload();
  style = news.style;
  return undefined;
}

/** Makes the page what the server now says it is. */
async function renew(wanted) {
  if (page === wanted) return;
  const answer = await fetch(location.href, { cache: "no-store" });
  const isPage = answer.headers.get("Content-Type")?.startsWith("text/html");
  const fresh = isPage && new DOMParser().parseFromString(permitted(await answer.text()), "text/html");
  if (answer.redirected || !fresh?.querySelector("main") || !document.querySelector("main")) {
    return location.reload();
  }
  ({ page } = config(fresh));
  const focus = holdFocus();
  const scrolled = holdScroll();
  document.title = fresh.title;
  renewHead(fresh);
  for (const part of ["header", "main"]) {
    const [old, now] = [document.querySelector(part), fresh.querySelector(part)];
    if (old && now) morph(old, document.adoptNode(now), settle);
  }
  scrolled();
  focus();
  const { renew: move, takeUp } = await import("./pagetide.js");
  move();
  await takeUp();
}

/** Leaves a table as it is until its open cell is closed. */
function renewOnceClosed(table) {
  const observer = new MutationObserver(() => {
    if (table.querySelector(".pt-editing")) return;
    observer.disconnect();
    // What it stands in is not as it was sent.
    for (let part = table; part; part = part.parentElement) sent.delete(part);
    const wanted = page;
    page = undefined;
    renewing = renewing.then(() => renew(wanted));
  });
  observer.observe(table, { subtree: true, attributeFilter: ["class"] });
}

/** Sees to what has a life of its own. */
function settle(old, fresh) {
  if (!fresh.matches(WHOLE)) return false;
  const html = fresh.outerHTML;
  if (sent.get(old) === html) return true;
  if (!fresh.matches("[data-component], [data-presence]") || old.id !== fresh.id) {
    sent.set(old, html);
    return false;
  }
  if (old.querySelector(".pt-editing")) {
    renewOnceClosed(old);
    return true;
  }
  keepTyped(old, fresh);
  remember(fresh);
  old.replaceWith(fresh);
  return true;
}

function remember(element) {
  for (const whole of [element, ...element.querySelectorAll(WHOLE)]) sent.set(whole, whole.outerHTML);
}

/** The theme, the description and the stylesheets. */
function renewHead(fresh) {
  for (const kind of ["style", "meta[name=description]", "link[rel=stylesheet]"]) {
    const [old, now] = [document, fresh].map((from) => [...from.head.querySelectorAll(kind)]);
    now.forEach((element, index) => {
      if (!old[index]) document.head.append(document.adoptNode(element));
      else if (element.localName === "style") old[index].textContent = element.textContent;
      else morph(old[index], element);
    });
    old.slice(now.length).forEach((element) => element.remove());
  }
}

/** The policy that this page came with knows only the nonce that it came with. */
function permitted(html) {
  const { nonce } = document.getElementById("pagetide-config");
  return html.replaceAll(/ nonce="[^"]*"/g, ` nonce="${nonce}"`);
}

/** Takes each of the app's own stylesheets anew; the old one holds until the new one is there. */
function restyle(version) {
  for (const link of document.querySelectorAll("link[rel=stylesheet]")) {
    const url = new URL(link.href);
    if (url.origin !== location.origin || url.pathname.startsWith("/_pagetide/")) continue;
    url.searchParams.set("dev", version);
    const next = link.cloneNode();
    next.href = url;
    next.onload = next.onerror = () => link.remove();
    link.after(next);
  }
}

/** Takes what was typed over into the controls of the same name. */
function keepTyped(old, fresh) {
  for (const control of old.querySelectorAll("input, textarea, select")) {
    const twin = sameControl(fresh, control);
    if (!twin || twin.type !== control.type || twin.type === "file") continue;
    if (control.checked !== control.defaultChecked) twin.checked = control.checked;
    if (control.localName === "select") keepChosen(control, twin);
    else if (control.value !== control.defaultValue) twin.value = control.value;
  }
}

function keepChosen(control, twin) {
  const isTouched = [...control.options].some((option) => option.selected !== option.defaultSelected);
  const chosen = new Set([...control.selectedOptions].map(({ value }) => value));
  if (!isTouched) return;
  for (const option of twin.options) option.selected = chosen.has(option.value);
}

function sameControl(within, { id, name, value, type }) {
  if (id) return within.querySelector(`#${CSS.escape(id)}`);
  if (!name) return null;
  const isOneOfMany = ["checkbox", "radio"].includes(type);
  const withValue = isOneOfMany ? `[value=${CSS.escape(value)}]` : "";
  return within.querySelector(`[name=${CSS.escape(name)}]${withValue}`);
}

/** Gives the focus back to the control of the same name, if it was lost. */
function holdFocus() {
  const held = document.activeElement;
  const whole = held?.closest("[data-component]");
  const selection = [held?.selectionStart, held?.selectionEnd];
  return () => {
    const within = whole && document.getElementById(whole.id);
    if (!within || document.activeElement === held) return;
    const twin = sameControl(within, held);
    twin?.focus({ preventScroll: true });
    if (twin?.setSelectionRange && typeof selection[0] === "number") twin.setSelectionRange(...selection);
  };
}

/** Gives the page, and each part of it that scrolls by itself, its place back. */
function holdScroll() {
  const [left, top] = [scrollX, scrollY];
  const parts = [...document.querySelectorAll("[data-component] .pt-table-frame")].map((part) => {
    return [part.closest("[data-component]").id, part.scrollLeft, part.scrollTop];
  });
  return () => {
    for (const [id, ...place] of parts) {
      document.getElementById(id)?.querySelector(".pt-table-frame")?.scrollTo(...place);
    }
    scrollTo({ left, top, behavior: "instant" });
  };
}
