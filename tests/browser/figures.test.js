/** Figures, charts and lists in a browser: they follow other programs without a reload. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { Server, eventually, launch, open, state } from "./harness.js";

let browser, server, page;

before(async () => {
  browser = await launch();
});
after(() => browser.close());
beforeEach(async () => {
  server = await Server.start("tests/browser/figures");
});
afterEach(() => server.stop());

const figure = (id) => page.locator(`#${id} .pt-kpi-figure`).textContent();
const entries = () => page.locator("#latest li:not(.pt-leaving) .pt-item-title").allTextContents();
const parts = () => page.locator("#by-state .pt-legend li").allTextContents();

/** Opens the page of figures, and makes sure it is never loaded again. */
async function openLive() {
  page = await open(browser, server.url);
  for (const id of ["count", "by-state", "latest"]) await eventually(() => state(page, id), "live");
  await page.evaluate(() => (window.neverReloaded = true));
}

async function assertNeverReloaded() {
  assert.equal(await page.evaluate(() => window.neverReloaded), true);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
}

test("a figure, a chart and a list follow another program", async () => {
  await openLive();
  assert.deepEqual([await figure("count"), await entries()], ["0", []]);
  assert.equal(await page.locator("#latest [data-empty]").isVisible(), true);
  server.sql("insert into tasks (title, rank) values ('a', 1), ('b', 2)");
  await eventually(() => figure("count"), "2", 1000);
  await eventually(entries, ["b", "a"], 1000);
  await eventually(parts, ["open2100%"], 1000);
  assert.equal(await page.locator("#latest [data-empty]").isVisible(), false);
  server.sql("insert into tasks (title, rank, state) values ('c', 3, 'done')");
  await eventually(entries, ["c", "b", "a"], 1000);
  await eventually(parts, ["open267%", "done133%"], 1000);
  server.sql("delete from tasks where title = 'b'");
  await eventually(() => figure("count"), "1", 1000);
  await eventually(entries, ["c", "a"], 1000);
  await assertNeverReloaded();
});

test("what people have opened and focused stays", async () => {
  server.sql("insert into tasks (title, rank) values ('a', 1), ('b', 2)");
  await openLive();
  await page.locator("#by-state summary").click();
  await page.locator("#latest a", { hasText: "a" }).focus();
  await page.evaluate(() => (window.entry = document.activeElement));
  server.sql("insert into tasks (title, rank, state) values ('c', 3, 'done')");
  await eventually(entries, ["c", "b", "a"], 1000);
  await eventually(parts, ["open267%", "done133%"], 1000);
  assert.equal(await page.evaluate(() => document.activeElement === window.entry), true);
  assert.equal(await page.locator("#by-state details").getAttribute("open"), "");
  const rows = await page.locator("#by-state tbody tr").allTextContents();
  assert.deepEqual(rows, ["open2", "done1"]);
  await assertNeverReloaded();
});

test("figures go on after the server was killed", async () => {
  server.sql("insert into tasks (title, rank) values ('a', 1)");
  await openLive();
  await server.kill();
  await eventually(async () => (await state(page, "count")) !== "live", true);
  server.sql("insert into tasks (title, rank) values ('b', 2)");
  await server.restart();
  await eventually(() => figure("count"), "2", 15_000);
  await eventually(entries, ["b", "a"]);
  await eventually(() => state(page, "count"), "live");
  server.sql("delete from tasks");
  await eventually(() => figure("count"), "0", 1000);
  await eventually(entries, [], 1000);
  const restarted = (text) => /ERR_CONNECTION_REFUSED|WebSocket|Failed to fetch|ERR_/.test(text);
  page.complaints = page.complaints.filter((text) => !restarted(text));
  await assertNeverReloaded();
});

test("a burst of changes is read once or twice, not each time", async () => {
  await openLive();
  let reads = 0;
  page.on("request", (request) => {
    if (/fragments.*component=count/.test(request.url())) reads += 1;
  });
  const rows = Array.from({ length: 50 }, (_, rank) => `('t${rank}', ${rank})`);
  server.sql(`insert into tasks (title, rank) values ${rows.join(", ")}`);
  await eventually(() => figure("count"), "50", 1000);
  assert.ok(reads <= 2, `${reads} reads`);
  await assertNeverReloaded();
});

test("a polled figure asks again by itself", async () => {
  page = await open(browser, `${server.url}/polled`);
  await eventually(() => state(page, "polled"), "live");
  assert.equal(await figure("polled"), "0");
  server.sql("insert into tasks (title, rank) values ('a', 3), ('b', 4)");
  await eventually(() => figure("polled"), "7", 3000);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("the cards of a gallery follow another program, and each leads to its record", async () => {
  server.sql("insert into tasks (title, rank) values ('a', 1), ('<b>', 2)");
  page = await open(browser, `${server.url}/cards`);
  await eventually(() => state(page, "cards"), "live");
  await page.evaluate(() => (window.neverReloaded = true));
  const cards = () => page.locator("#cards li:not(.pt-leaving) h3").allTextContents();
  assert.deepEqual(await cards(), ["<b>", "a"]);
  await page.locator("#cards a", { hasText: "a" }).focus();
  server.sql("insert into tasks (title, rank, state) values ('c', 3, 'done'), ('d', null, 'open')");
  await eventually(cards, ["c", "<b>", "a"], 1000);
  assert.equal(await page.locator("#cards [data-count]").textContent(), "3 of 4");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "a");
  server.sql("update tasks set title = 'A' where title = 'a'; delete from tasks where title = 'c'");
  await eventually(cards, ["<b>", "A", "d"], 1000);
  // What is missing has no line: a card is no form.
  assert.deepEqual(await page.locator("#cards li", { hasText: "d" }).last().locator("dt").allTextContents(), ["State"]);
  // The link lies over the whole card.
  const { x, y } = await page.locator("#cards dd", { hasText: "open" }).first().boundingBox();
  await page.mouse.click(x + 2, y + 2);
  await page.waitForURL(/task=2/);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});
