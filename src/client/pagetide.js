/**
 * Starts what a page needs: the theme switch, and what keeps its components current.
 * A page without JavaScript is complete; this only keeps it so.
 */
import { Component } from "./component.js";
import { Listener } from "./listener.js";
import { poll } from "./poll.js";
import { Presence } from "./presence.js";
import { startThemeSwitch } from "./theme.js";

const config = JSON.parse(document.getElementById("pagetide-config").textContent);
const components = [...document.querySelectorAll("[data-component]")].map(
  (section) => new Component(section),
);

startThemeSwitch();
// On a phone the menu scrolls sideways, and the page that is open may stand out of sight.
document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
for (const component of components) {
  if (component.refresh === "poll") poll(component);
}
const live = components.filter((component) => component.refresh === "realtime");
const list = document.querySelector("[data-presence]");
const presence = list && new Presence(list);
const listener = new Listener(config, live, presence);
listener.start();

const editable = components.filter((component) => component.section.dataset.table);
if (editable.length > 0) {
  const { Editing } = await import("./edit.js");
  for (const component of editable) {
    new Editing(component, (handshake) => listener.say(handshake));
  }
}
