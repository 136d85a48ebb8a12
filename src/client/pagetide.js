/**
 * Starts what a page needs: the theme switch, and what keeps its components current.
 * A page without JavaScript is complete; this only keeps it so.
 */
import { Component } from "./component.js";
import { config } from "./config.js";
import { query, queryAll } from "./dom.js";
import { Listener } from "./listener.js";
import { poll } from "./poll.js";
import { Presence } from "./presence.js";
import { greet } from "./server.js";
import { startThemeSwitch } from "./theme.js";

const listener = new Listener(config);
/**
 * What is kept current, by its element.
 * @type {Map<HTMLElement, Component>}
 */
const known = new Map();
/** @type {Presence | null} */
let presence = null;
let isActing = false;

startThemeSwitch();
await greet();
await takeUp();
listener.start();
// What the server tells after a form fades as other messages do.
const told = query(document, ".pt-toast", HTMLElement);
if (told) (await import("./toast.js")).adopt(told);
if (document.querySelector("[data-again], label[data-file]")) await import("./admin.js");

/** Takes up what the page holds, and lets go of what it no longer does. */
export async function takeUp() {
  for (const [section, component] of known) {
    if (section.isConnected) continue;
    component.end();
    known.delete(section);
  }
  const sections = queryAll(document, "[data-component]", HTMLElement);
  const fresh = sections.filter((section) => !known.has(section)).map((section) => new Component(section));
  for (const component of fresh) known.set(component.section, component);
  if (fresh.length > 0) await letRenew(fresh);
  for (const component of fresh) {
    if (component.refresh === "poll") poll(component);
  }
  const list = query(document, "[data-presence]", HTMLElement);
  if (presence?.list !== (list ?? undefined)) presence = list && new Presence(list);
  const live = sections.flatMap((section) => known.get(section) ?? []);
  listener.hold(live.filter(({ refresh }) => refresh === "realtime"), presence);
  if (document.querySelector("[data-relative]")) await import("./relative.js");
  if (document.querySelector("[data-records]")) await import("./pick.js");
  await letAct();
  await letEnter();
  await letEdit(fresh.filter(({ section }) => section.dataset.table));
  await letBrowse(fresh.filter(({ section }) => "browse" in section.dataset));
}

/** Moves to the server as it is now, as an author's next state of the app is another server. */
export function renew() {
  listener.renew();
}

/**
 * At once, since a server that was deployed anew may have other scripts.
 * @param {Component[]} components
 */
async function letRenew(components) {
  const { foundOther, foundSame } = await import("./outdated.js");
  for (const component of components) {
    component.onOther = () => foundOther(component, takeUp);
    component.onSame = () => foundSame(component);
  }
}

async function letAct() {
  const chosenIn = queryAll(document, "form:has(.pt-bulk)", HTMLFormElement);
  if (chosenIn.length > 0) {
    const { letChoose } = await import("./choose.js");
    for (const form of chosenIn) letChoose(form);
  }
  if (isActing || !document.querySelector("[data-act]")) return;
  isActing = true;
  const { startActing } = await import("./act.js");
  startActing(() => {
    for (const component of known.values()) {
      if (component.refresh !== "realtime") component.readSoon();
    }
  });
}

async function letEnter() {
  // An author's HTML may have forms with attributes of the same name, but none that is of a component.
  const ours = queryAll(document, "form[data-form]:has(> [name=_component])", HTMLFormElement);
  const forms = ours.filter((form) => !form.noValidate);
  if (forms.length === 0) return;
  const { Form } = await import("./form.js");
  for (const form of forms) new Form(form);
}

/** @param {Component[]} components */
async function letBrowse(components) {
  if (components.length === 0) return;
  const { Browsing } = await import("./browse.js");
  for (const component of components) new Browsing(component);
}

/** @param {Component[]} components */
async function letEdit(components) {
  if (components.length === 0) return;
  const { Editing } = await import("./edit.js");
  for (const component of components) {
    if (component.rows) new Editing(component, component.rows, (handshake) => listener.say(handshake));
  }
}
