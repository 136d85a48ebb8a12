/** Two people, and what stands between them and the server. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { Server, admin, column, eventually, launch, open, state } from "./harness.js";

let browser, server;

before(async () => {
  browser = await launch();
});
after(() => browser.close());
beforeEach(async () => {
  server = await Server.start("tests/browser/app");
});
afterEach(() => server.stop());

/** Opens the live page of somebody new, with something in the way. */
async function openWith(inTheWay) {
  const page = await open(browser, "about:blank");
  await inTheWay(page);
  await page.addInitScript(() => {
    document.addEventListener("pagetide:connection-status", ({ detail }) => {
      window.lastStatus = `${detail.status} ${detail.transport}`;
    });
  });
  await page.goto(server.url);
  return page;
}

const noSocket = (page) => page.routeWebSocket(/subscribe/, (socket) => socket.close());
const noStream = (page) => page.route(/subscribe\/sse/, (route) => route.abort());
const titles = (page) => () => column(page, "open", "Title");
const last = (page) => () => page.evaluate(() => window.lastStatus);

test("where sockets are blocked, changes come as events", async () => {
  const page = await openWith(noSocket);
  await eventually(() => state(page, "open"), "live");
  await eventually(last(page), "connected sse");
  server.sql("insert into tasks (title, rank) values ('b', 2)");
  await eventually(titles(page), ["b"], 1000);
  server.sql("insert into tasks (title, rank) values ('a', 1)");
  await eventually(titles(page), ["a", "b"], 1000);
  await page.context().close();
});

test("where events are blocked too, what is shown is read again", async () => {
  const page = await openWith(async (page) => {
    await noSocket(page);
    await noStream(page);
  });
  server.sql("insert into tasks (title, rank) values ('a', 1)");
  await eventually(titles(page), ["a"], 8000);
  await eventually(last(page), "connected poll", 8000);
  server.sql("insert into tasks (title, rank) values ('b', 2)");
  await eventually(titles(page), ["a", "b"], 20000);
  await page.context().close();
});

test("a socket that brings no word gives way", async () => {
  const page = await openWith((page) => page.routeWebSocket(/subscribe/, () => {}));
  await eventually(last(page), "connected sse", 10000);
  server.sql("insert into tasks (title, rank) values ('a', 1)");
  await eventually(titles(page), ["a"], 1000);
  await page.context().close();
});

test("a component that is refused for a while tries again", async () => {
  for (const code of ["BUSY", "TOO_MANY_REQUESTS", "UNAVAILABLE"]) {
    let refused, client;
    const page = await openWith((page) =>
      page.routeWebSocket(/subscribe/, (socket) => {
        client = socket;
        const server = socket.connectToServer();
        server.onMessage((text) => {
          const { type, subscriptionId } = JSON.parse(text);
          if (type === "subscribed") refused ??= subscriptionId;
          if (subscriptionId !== refused || refused === undefined) return socket.send(text);
          // The server says nothing to whom it has refused.
          if (type === "subscribed") socket.send(JSON.stringify({ type: "error", subscriptionId, code, message: "no" }));
        });
      }),
    );
    const refusals = () => page.locator('[data-state="stale"]').count();
    await eventually(refusals, 1);
    client.send(JSON.stringify({ type: "heartbeat" }));
    await eventually(refusals, 0);
    server.sql(`insert into tasks (title, rank) values ('${code}', 1)`);
    await eventually(async () => (await titles(page)()).includes(code), true);
    await page.context().close();
  }
});

test("offline and back, nothing is missed", async () => {
  const page = await openWith(async () => {});
  await eventually(() => state(page, "open"), "live");
  await server.kill();
  server.sql("insert into tasks (title, rank) values ('a', 1)");
  await page.context().setOffline(true);
  await server.restart();
  server.sql("insert into tasks (title, rank) values ('b', 2)");
  await page.context().setOffline(false);
  await eventually(titles(page), ["a", "b"], 10000);
  await eventually(() => state(page, "open"), "live");
  await page.context().close();
});

test("people on a page see each other come and go", async () => {
  const guest = await open(browser, `${server.url}/room`);
  const people = (page) => () => page.locator(".pt-presence .pt-visually-hidden").allTextContents();
  const ada = await open(browser, `${server.url}/sign-in?next=%2Froom`);
  await ada.fill("[name=email]", admin.email);
  await ada.fill("[name=password]", admin.password);
  await ada.press("[name=password]", "Enter");
  await eventually(people(ada), ["ada"]);
  await eventually(people(guest), ["ada"]);
  assert.equal(await guest.locator(".pt-presence li").getAttribute("title"), "ada");
  const second = await ada.context().newPage();
  await second.goto(`${server.url}/room`);
  await eventually(people(second), ["ada"]);
  await ada.close();
  await eventually(people(second), ["ada"]);
  assert.deepEqual(await people(guest)(), ["ada"]);
  await second.context().close();
  await eventually(people(guest), []);
  assert.deepEqual(guest.complaints, []);
  await guest.context().close();
});

test("whoever signs out elsewhere is no longer shown the page as it was", async () => {
  const ada = await open(browser, `${server.url}/sign-in?next=%2Fmembers`);
  await ada.fill("[name=email]", admin.email);
  await ada.fill("[name=password]", admin.password);
  await ada.press("[name=password]", "Enter");
  await eventually(() => state(ada, "members"), "live");
  server.sql("delete from _pagetide_sessions");
  await ada.waitForURL(/sign-in/);
  await ada.context().close();
});
