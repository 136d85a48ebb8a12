/** Several tabs of one browser: one connection, whichever of them closes, crashes or sleeps. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { Proxy } from "./proxy.js";
import { Server, admin, column, eventually, launch, state } from "./harness.js";

let browser, server, context;

before(async () => {
  // Pages that are left may be kept and come back, as they do for people.
  browser = await launch({ ignoreDefaultArgs: ["--disable-back-forward-cache"] });
});
after(() => browser.close());
beforeEach(async () => {
  server = await Server.start("tests/browser/app");
  context = await browser.newContext();
  await context.addInitScript(() => {
    window.statuses = [];
    window.states = [];
    window.conflicts = [];
    document.addEventListener("pagetide:connection-status", ({ detail }) => {
      window.statuses.push(`${detail.status} ${detail.transport}`);
    });
    document.addEventListener("pagetide:conflict", ({ detail }) => window.conflicts.push(detail));
    new MutationObserver((mutations) => {
      for (const { target } of mutations) window.states.push(target.dataset.state);
    }).observe(document, { subtree: true, attributeFilter: ["data-state"] });
  });
});
afterEach(async () => {
  await context.close();
  await server.stop();
});

/** Opens a tab that keeps what its sockets say and receive in `tab.said` and `tab.frames`. */
async function openTab(path = "/", url = server.url) {
  const tab = await context.newPage();
  tab.sockets = [];
  tab.frames = [];
  tab.said = [];
  tab.on("websocket", (socket) => {
    tab.sockets.push(socket);
    socket.on("framesent", ({ payload }) => tab.said.push(payload));
    socket.on("framereceived", ({ payload }) => tab.frames.push(JSON.parse(payload)));
  });
  await tab.goto(url + path);
  return tab;
}

async function openLive(url) {
  const tab = await openTab("/", url);
  await eventually(() => state(tab, "open"), "live");
  // The module that the page itself uses: what its components apply is noted.
  await tab.evaluate(async () => {
    const script = document.querySelector("script[type=module]").src;
    const { Component } = await import(script.replace("pagetide.js", "component.js"));
    const { apply } = Component.prototype;
    window.applied = [];
    Component.prototype.apply = function noteAndApply(message) {
      window.applied.push(`${message.event} ${message.html}`);
      return apply.call(this, message);
    };
  });
  return tab;
}

const titles = (tab) => () => column(tab, "open", "Title");
const count = (tab) => () => tab.locator("#open [data-count]").textContent();
const last = (tab) => () => tab.evaluate(() => window.statuses.at(-1));
const people = (tab) => () => tab.locator(".pt-presence .pt-visually-hidden").allTextContents();
const add = (title, rank) =>
  server.sql(`insert into tasks (title, rank) values ('${title}', ${rank})`);

/** A figure of the server's, summed over its labels. */
async function figure(name) {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const lines = text.split("\n").filter((line) => line.match(`^${name}[ {]`));
  return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

const connections = () => figure("pagetide_connections");
const subscriptions = () => figure("pagetide_subscriptions");

async function signIn(next) {
  const tab = await openTab(`/sign-in?next=${encodeURIComponent(next)}`);
  await tab.fill("[name=email]", admin.email);
  await tab.fill("[name=password]", admin.password);
  await tab.press("[name=password]", "Enter");
  await tab.waitForURL((url) => url.pathname === next);
  return tab;
}

/** Waits until a tab shows just these rows, and makes sure that none was told to it twice. */
async function showsAll(tab, expected) {
  await eventually(titles(tab), expected, 10_000);
  await eventually(count(tab), String(expected.length));
  const applied = await tab.evaluate(() => window.applied);
  assert.deepEqual(applied, [...new Set(applied)]);
}

test("tabs share one connection, and each hears its own", async () => {
  const [first, second] = [await openLive(), await openLive()];
  assert.equal(await connections(), 1);
  assert.equal(await subscriptions(), 2);
  add("a", 1);
  await showsAll(first, ["a"]);
  await showsAll(second, ["a"]);
  assert.equal(first.sockets.length, 1);
  assert.equal(second.sockets.length, 0);
  assert.equal(await last(second)(), "connected websocket");
  await second.close();
  await eventually(subscriptions, 1);
});

test("names on the wire are short, and none is used twice", async () => {
  const [first, second] = [await openLive(), await openLive()];
  await second.reload();
  await eventually(() => state(second, "open"), "live");
  const subscribed = first.frames.filter(({ type }) => type === "subscribed");
  assert.deepEqual(subscribed.map(({ subscriptionId }) => subscriptionId), ["1", "2", "3"]);
});

test("when the leader closes another tab goes on, and misses nothing", async () => {
  const tabs = [];
  for (let at = 0; at < 5; at += 1) tabs.push(await openLive());
  const all = [];
  const addNext = () => add(all[all.push(`t${all.length}`) - 1], all.length);
  addNext();
  while (tabs.length > 1) {
    const closing = tabs.shift().close();
    addNext();
    await closing;
    if (tabs.length > 1) continue;
    await showsAll(tabs[0], all);
  }
  assert.equal(tabs[0].sockets.length, 1);
  assert.equal(await connections(), 1);
  assert.equal(await subscriptions(), 1);
});

test("when the leader crashes another tab goes on, and misses nothing", async () => {
  const [first, second] = [await openLive(), await openLive()];
  const session = await context.newCDPSession(first);
  const crashed = first.waitForEvent("crash");
  session.send("Page.crash").catch(() => {});
  add("a", 1);
  await crashed;
  add("b", 2);
  await showsAll(second, ["a", "b"]);
  await eventually(connections, 1);
  assert.equal(second.sockets.length, 1);
});

test("a tab that crashes no longer counts", async () => {
  const [first, second] = [await openLive(), await openLive()];
  await eventually(subscriptions, 2);
  const session = await context.newCDPSession(second);
  session.send("Page.crash").catch(() => {});
  await eventually(subscriptions, 1);
  add("a", 1);
  await showsAll(first, ["a"]);
});

test("a leader that is frozen loses the lead, and wakes as one of the others", async () => {
  const [first, second] = [await openLive(), await openLive()];
  const session = await context.newCDPSession(first);
  await session.send("Debugger.enable");
  await session.send("Debugger.pause");
  const paused = new Promise((resolve) => session.once("Debugger.paused", resolve));
  // Something to stop at; it returns only when the tab goes on.
  const stopped = first.evaluate(() => 0);
  await paused;
  add("a", 1);
  // As if somebody came to look at the tab.
  await second.evaluate(() => dispatchEvent(new Event("online")));
  await eventually(titles(second), ["a"], 20_000);
  await session.send("Debugger.resume");
  await stopped;
  add("b", 2);
  await showsAll(first, ["a", "b"]);
  await showsAll(second, ["a", "b"]);
  await eventually(connections, 1);
});

test("a guest's tabs and those of somebody signed in do not share", async () => {
  const guest = await openLive();
  const ada = await signIn("/members");
  await eventually(() => state(ada, "members"), "live");
  assert.equal(await connections(), 2);
  const viewer = (tab) =>
    tab.evaluate(() => JSON.parse(document.getElementById("pagetide-config").textContent).viewer);
  assert.equal(await viewer(guest), "guest");
  assert.notEqual(await viewer(ada), "guest");
});

test("when a session ends, every tab that used it loads anew", async () => {
  const ada = await signIn("/members");
  const second = await openTab("/members");
  await eventually(() => state(second, "members"), "live");
  server.sql("delete from _pagetide_sessions");
  await ada.waitForURL(/sign-in/);
  await second.waitForURL(/sign-in/);
});

test("a page that comes back from the back/forward cache is current", async () => {
  const page = await openLive();
  const other = await openLive();
  await page.goto(`${server.url}/polled`);
  add("a", 1);
  await showsAll(other, ["a"]);
  await page.goBack({ waitUntil: "commit" });
  // It is the page that was left: on a new one nothing would be noted.
  await showsAll(page, ["a"]);
  assert.equal(await page.evaluate(() => window.applied.length), 1);
  await eventually(() => state(page, "open"), "live");
  await eventually(connections, 1);
  await eventually(subscriptions, 2);
});

test("a page that is hidden away lets go, and takes up again what it missed", async () => {
  const page = await openLive();
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true })));
  await eventually(connections, 0);
  const locks = () => page.evaluate(async () => (await navigator.locks.query()).held.length);
  await eventually(locks, 0);
  add("a", 1);
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })));
  await showsAll(page, ["a"]);
  await eventually(connections, 1);
});

test("a server that is killed and comes back is caught up with in all tabs", async () => {
  const [first, second] = [await openLive(), await openLive()];
  await server.kill();
  await eventually(async () => (await state(second, "open")) !== "live", true);
  add("a", 1);
  await server.restart();
  add("b", 2);
  await showsAll(first, ["a", "b"]);
  await showsAll(second, ["a", "b"]);
  await eventually(() => state(second, "open"), "live");
  assert.equal(await connections(), 1);
});

test("a person is on a page as long as any of their tabs is", async () => {
  const visitor = await (await browser.newContext()).newPage();
  await visitor.goto(`${server.url}/room`);
  const first = await signIn("/room");
  await eventually(people(first), ["ada"]);
  await eventually(people(visitor), ["ada"]);
  // The connection is there already: the second tab hears from its leader who else is.
  const second = await openTab("/room");
  await eventually(people(second), ["ada"]);
  await visitor.evaluate(() => {
    window.changes = 0;
    const note = () => (window.changes += 1);
    new MutationObserver(note).observe(document.querySelector(".pt-presence"), { childList: true });
  });
  await second.close();
  const tabs = () => first.evaluate(async () => (await navigator.locks.query()).held.length - 1);
  await eventually(tabs, 1);
  await first.goto(`${server.url}/polled`);
  await eventually(people(visitor), []);
  assert.equal(await visitor.evaluate(() => window.changes), 1);
  await visitor.context().close();
});

test("where sockets are blocked, all tabs share one stream", async () => {
  await context.routeWebSocket(/subscribe/, (socket) => socket.close());
  let opened = 0;
  context.on("request", (request) => (opened += request.url().includes("subscribe/sse") ? 1 : 0));
  const first = await openLive();
  const second = await openLive();
  assert.equal(await last(second)(), "connected sse");
  await eventually(connections, 1);
  add("a", 1);
  await showsAll(first, ["a"]);
  await showsAll(second, ["a"]);
  assert.equal(opened, 2);
});

test("several changes of what a stream carries open it anew once", async () => {
  await context.routeWebSocket(/subscribe/, (socket) => socket.close());
  await context.clock.install();
  const leader = await openLive();
  const opened = [];
  leader.on("request", (request) => opened.push(request.url()));
  // Three tabs that come within one moment, however long it takes them: the leader's time stands still.
  await context.clock.pauseAt(Date.now() + 10_000);
  await leader.evaluate(async (tabs) => {
    const { held } = await navigator.locks.query();
    const group = held.find(({ name }) => name.endsWith(" leader")).name.replace(/ leader$/, "");
    const channel = new BroadcastChannel(group);
    const answer = () =>
      new Promise((resolve) => {
        channel.onmessage = ({ data }) => data.kind === "lead" && resolve(data.term);
        channel.postMessage({ kind: "who" });
      });
    const term = await answer();
    for (const tab of tabs) {
      navigator.locks.request(`${group} tab ${tab}`, () => new Promise(() => {}));
      const subscriptions = [{ key: 1, component: "open", url: "/" }];
      channel.postMessage({ kind: "wants", term, tab, wants: { subscriptions, pages: [], edits: [] } });
    }
    // Letters come in their order: whoever answers this has read those.
    await answer();
  }, ["x", "y", "z"]);
  await context.clock.resume();
  await eventually(subscriptions, 4);
  add("a", 1);
  await showsAll(leader, ["a"]);
  assert.equal(opened.filter((url) => url.includes("subscribe/sse")).length, 1);
});

test("a proxy that cuts every connection is not noticed", async (test) => {
  const proxy = await Proxy.start(server.port);
  test.after(() => proxy.stop());
  // To be live is a moment from then on, which nobody need see.
  const [first, second] = [await openLive(proxy.url), await openLive(proxy.url)];
  proxy.cutAll();
  const all = [];
  for (let rank = 10; proxy.cuts < 6; rank += 1) {
    if (all.length < 5) {
      all.push(`t${rank}`);
      add(`t${rank}`, rank);
    }
    const cuts = proxy.cuts;
    await eventually(() => proxy.cuts > cuts, true);
  }
  await showsAll(first, all);
  await showsAll(second, all);
  const seen = await second.evaluate(() => window.states);
  assert.ok(seen.includes("reconnecting") && !seen.includes("stale"), seen.join());
});

test("behind a proxy that buffers, what is shown is read again", async (test) => {
  const proxy = await Proxy.start(server.port, { buffers: true });
  test.after(() => proxy.stop());
  const [first, second] = [await openTab("/", proxy.url), await openTab("/", proxy.url)];
  add("a", 1);
  await eventually(last(first), "connected poll", 20_000);
  await second.bringToFront();
  await eventually(last(second), "connected poll", 20_000);
  await eventually(titles(second), ["a"]);
});

test("offline and back, no tab misses anything", async () => {
  const [first, second] = [await openLive(), await openLive()];
  await context.setOffline(true);
  await server.kill();
  add("a", 1);
  await server.restart();
  add("b", 2);
  await context.setOffline(false);
  await showsAll(first, ["a", "b"]);
  await showsAll(second, ["a", "b"]);
});

test("after a sleep the old connection is not trusted", async () => {
  const tab = await openLive();
  const hour = 60 * 60 * 1000;
  await tab.evaluate((hour) => {
    const now = Date.now.bind(Date);
    Date.now = () => now() + hour;
    dispatchEvent(new Event("online"));
  }, hour);
  await eventually(() => tab.sockets.length, 2);
  await eventually(connections, 1);
  add("a", 1);
  await showsAll(tab, ["a"]);
});

test("without locks each tab has a connection of its own", async () => {
  await context.addInitScript(() => {
    Object.defineProperty(Navigator.prototype, "locks", { value: undefined });
  });
  const [first, second] = [await openLive(), await openLive()];
  assert.equal(await connections(), 2);
  add("a", 1);
  await showsAll(first, ["a"]);
  await showsAll(second, ["a"]);
});

test("an edit outlives its connection, and a conflict reaches all tabs", async () => {
  const leader = await signIn("/members");
  const [editor, third] = [await openTab("/members"), await openTab("/members")];
  for (const tab of [leader, editor, third]) await eventually(() => state(tab, "members"), "live");
  add("a", 1);
  await eventually(() => column(editor, "members", "Title"), ["a"]);
  const recordId = await editor.locator("#members tbody tr").getAttribute("data-id");
  // A listener of its own, as the page's is for the page's scripts only.
  await editor.evaluate(async (recordId) => {
    const script = document.querySelector("script[type=module]").src;
    const { Listener } = await import(script.replace("pagetide.js", "listener.js"));
    const config = JSON.parse(document.getElementById("pagetide-config").textContent);
    const listener = new Listener(config, [], null);
    listener.start();
    listener.say({ type: "editing", table: "tasks", recordId, fields: ["title"] });
  }, recordId);
  await leader.close();
  await eventually(() => editor.sockets.length + third.sockets.length, 1);
  const connected = editor.sockets.length > 0 ? editor : third;
  const isSaid = () => connected.said.some((frame) => frame.includes('"editing"'));
  await eventually(isSaid, true);
  for (const tab of [editor, third]) {
    // What is said is known to the server a moment later; only then is a change a conflict.
    const told = () => {
      server.sql("update tasks set title = title || '!'");
      return tab.evaluate(() => window.conflicts[0]?.overwrittenFields);
    };
    await eventually(told, ["title"]);
  }
});

test("a hidden tab that polls asks for nothing", async () => {
  const tab = await openTab("/polled");
  let asked = 0;
  tab.on("request", (request) => (asked += request.url().includes("/api/fragments") ? 1 : 0));
  await eventually(() => asked > 0, true);
  await tab.clock.install();
  await tab.reload();
  asked = 0;
  const setHidden = (hidden) =>
    tab.evaluate((hidden) => {
      Object.defineProperty(document, "hidden", { configurable: true, value: hidden });
      document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
    }, hidden);
  await setHidden(true);
  await tab.clock.runFor(60_000);
  assert.equal(asked, 0);
  await setHidden(false);
  await eventually(() => asked > 0, true);
});
