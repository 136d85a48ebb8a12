/** What people see of changes that another program makes: without a reload, in the right place. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { Server, column, eventually, launch, open, state } from "./harness.js";

let browser, server, page;

before(async () => {
  browser = await launch();
});
after(() => browser.close());
beforeEach(async () => {
  server = await Server.start("tests/browser/app");
});
afterEach(() => server.stop());

const titles = () => column(page, "open", "Title");

/** Opens the live page, and makes sure it is never loaded again. */
async function openLive() {
  page = await open(browser, server.url);
  await eventually(() => state(page, "open"), "live");
  await page.evaluate(() => (window.neverReloaded = true));
}

async function assertNeverReloaded() {
  assert.equal(await page.evaluate(() => window.neverReloaded), true);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
}

test("rows come, move and go at the right place", async () => {
  server.sql("insert into tasks (title, rank) values ('b', 20), ('d', 40), ('none', null)");
  await openLive();
  assert.deepEqual(await titles(), ["b", "d", "none"]);
  server.sql("insert into tasks (title, rank) values ('c', 30)");
  await eventually(titles, ["b", "c", "d", "none"], 1000);
  server.sql("insert into tasks (title, rank) values ('a', 10)");
  await eventually(titles, ["a", "b", "c", "d", "none"], 1000);
  server.sql("update tasks set rank = 45 where title = 'b'");
  await eventually(titles, ["a", "c", "d", "b", "none"], 1000);
  server.sql("update tasks set state = 'done' where title = 'c'");
  await eventually(titles, ["a", "d", "b", "none"], 1000);
  server.sql("delete from tasks where title = 'd'");
  await eventually(titles, ["a", "b", "none"], 1000);
  server.sql("update tasks set state = 'open' where title = 'c'");
  await eventually(titles, ["a", "c", "b", "none"], 1000);
  assert.equal(await page.locator("#open [data-count]").textContent(), "4");
  await assertNeverReloaded();
});

test("an empty table says so, and no longer when a row comes", async () => {
  await openLive();
  assert.equal(await page.locator("#open [data-empty]").isVisible(), true);
  server.sql("insert into tasks (title) values ('first')");
  await eventually(titles, ["first"], 1000);
  assert.equal(await page.locator("#open [data-empty]").isVisible(), false);
  server.sql("delete from tasks");
  await eventually(() => page.locator("#open [data-empty]").isVisible(), true, 1000);
  await assertNeverReloaded();
});

test("only the cell that changed is touched", async () => {
  server.sql("insert into tasks (title, rank) values ('a', 1), ('b', 2)");
  await openLive();
  await page.evaluate(() => {
    window.cells = [...document.querySelectorAll("#open tbody td")];
    const range = document.createRange();
    range.selectNodeContents(window.cells[0]);
    getSelection().addRange(range);
  });
  server.sql("update tasks set rank = 9 where title = 'a'");
  server.sql("update tasks set title = 'B' where title = 'b'");
  await eventually(titles, ["B", "a"], 1000);
  assert.equal(await page.evaluate(() => window.cells.every((cell) => cell.isConnected)), true);
  assert.equal(await page.evaluate(() => String(getSelection())), "a");
  await assertNeverReloaded();
});

test("a window stays full and in order while rows enter and leave", async () => {
  server.sql("with recursive n(i) as (select 1 union all select i + 1 from n where i < 9) insert into tasks (title, rank) select 't' || i, 10 * i from n");
  await openLive();
  assert.deepEqual(await titles(), ["t1", "t2", "t3", "t4", "t5"]);
  server.sql("delete from tasks where title = 't2'");
  await eventually(titles, ["t1", "t3", "t4", "t5", "t6"], 2000);
  server.sql("insert into tasks (title, rank) values ('new', 35)");
  await eventually(titles, ["t1", "t3", "new", "t4", "t5"], 1000);
  server.sql("update tasks set rank = 99 where title = 't1'");
  await eventually(titles, ["t3", "new", "t4", "t5", "t6"], 2000);
  server.sql("insert into tasks (title, rank) values ('beyond', 1000)");
  const range = () => page.locator("#open [data-range]").textContent();
  await eventually(range, "1–5 of 10", 1000);
  assert.deepEqual(await titles(), ["t3", "new", "t4", "t5", "t6"]);
  await assertNeverReloaded();
});

test("a server that is killed and comes back is caught up with", async () => {
  server.sql("insert into tasks (title, rank) values ('a', 1), ('b', 2), ('c', 3)");
  await openLive();
  await server.kill();
  await eventually(async () => (await state(page, "open")) !== "live", true);
  server.sql("insert into tasks (title, rank) values ('d', 4)");
  server.sql("update tasks set title = 'A' where title = 'a'");
  server.sql("delete from tasks where title = 'b'");
  await server.restart();
  await eventually(titles, ["A", "c", "d"], 20000);
  await eventually(() => state(page, "open"), "live");
  server.sql("insert into tasks (title, rank) values ('e', 5)");
  await eventually(titles, ["A", "c", "d", "e"], 1000);
  // What the browser says about the lost connection is its own.
  page.complaints = page.complaints.filter((text) => !text.includes("ERR_CONNECTION_REFUSED"));
  await assertNeverReloaded();
});

test("a polled component reads again by itself", async () => {
  server.sql("insert into tasks (title, rank) values ('a', 1)");
  page = await open(browser, `${server.url}/polled`);
  await page.evaluate(() => (window.neverReloaded = true));
  const polled = () => column(page, "polled", "Title");
  assert.deepEqual(await polled(), ["a"]);
  server.sql("insert into tasks (title, rank) values ('b', 0)");
  await eventually(polled, ["b", "a"], 4000);
  server.sql("delete from tasks where title = 'a'");
  await eventually(polled, ["b"], 4000);
  await assertNeverReloaded();
});

test("without JavaScript the page is complete", async () => {
  server.sql("insert into tasks (title, rank) values ('a', 1), ('b', 2)");
  page = await open(browser, server.url, { javaScriptEnabled: false });
  assert.deepEqual(await page.locator("#open tbody tr td:first-child").allTextContents(), ["a", "b"]);
  await page.context().close();
});
