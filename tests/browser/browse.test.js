/** Sorting, searching, filtering and turning the pages of a table, while its records change. */
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
  server.sql(`
    with recursive n(i) as (select 1 union all select i + 1 from n where i < 8)
    insert into tasks (title, rank, state) select 't' || i, 10 * i, iif(i % 2, 'open', 'done') from n`);
});
afterEach(() => server.stop());

const titles = () => column(page, "tasks", "Title");
const range = () => page.locator("#tasks [data-range]").textContent();
const query = () => decodeURIComponent(new URL(page.url()).search);

/** Opens the table, and makes sure it is never loaded again. */
async function openLive(search = "", options = {}) {
  page = await open(browser, `${server.url}/browsed${search}`, options);
  await eventually(() => state(page, "tasks"), "live");
  await page.evaluate(() => (window.neverReloaded = true));
}

async function assertNeverReloaded() {
  assert.equal(await page.evaluate(() => window.neverReloaded), true);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
}

test("headers sort upwards, downwards and as it was", async () => {
  await openLive();
  const head = page.getByRole("link", { name: "Title" });
  await head.click();
  // These are the first titles before it, too, and a second click on the same link changes nothing.
  await eventually(query, "?sort=title:asc");
  await eventually(titles, ["t1", "t2", "t3"]);
  await head.click();
  await eventually(titles, ["t8", "t7", "t6"]);
  assert.equal(query(), "?sort=title:desc");
  assert.equal(await page.locator("th[aria-sort=descending]").textContent(), "Title");
  assert.equal(await head.evaluate((link) => link === document.activeElement), true);
  server.sql("insert into tasks (title, rank) values ('t9', 1), ('t0', 2)");
  await eventually(titles, ["t9", "t8", "t7"], 1000);
  await eventually(range, "1–3 of 10", 1000);
  await head.click();
  await eventually(titles, ["t9", "t0", "t1"]);
  assert.equal(query(), "");
  await page.goBack();
  await eventually(titles, ["t9", "t8", "t7"]);
  await assertNeverReloaded();
});

test("a search is followed by what comes and goes", async () => {
  await openLive();
  const search = page.getByRole("searchbox", { name: "Search" });
  await search.pressSequentially("t1");
  await eventually(titles, ["t1"]);
  assert.equal(query(), "?search=t1");
  server.sql("insert into tasks (title, rank) values ('new t1', 5), ('other', 6)");
  await eventually(titles, ["new t1", "t1"], 1000);
  assert.equal(await search.evaluate((input) => input === document.activeElement), true);
  await search.pressSequentially("x");
  await eventually(titles, []);
  assert.match(await page.locator("#tasks [data-empty]").textContent(), /Nothing matches/);
  await page.getByRole("link", { name: "Show all" }).click();
  await eventually(titles, ["new t1", "other", "t1"]);
  assert.equal(await search.inputValue(), "");
  assert.equal(query(), "");
  await assertNeverReloaded();
});

test("a filter keeps what else is chosen", async () => {
  await openLive("?sort=title:desc");
  await page.getByLabel("State").selectOption("done");
  await eventually(titles, ["t8", "t6", "t4"]);
  await page.getByRole("link", { name: "Page 2" }).click();
  await eventually(titles, ["t2"]);
  assert.equal(query(), "?sort=title:desc&filter.state=done&page=2");
  server.sql("update tasks set state = 'open' where title = 't8'");
  await eventually(titles, ["t6", "t4", "t2"], 2000);
  await eventually(range, "1–3 of 3");
  await page.getByRole("link", { name: "Clear" }).click();
  await eventually(titles, ["t8", "t7", "t6"]);
  await assertNeverReloaded();
});

test("the second page moves as rows come and go before it", async () => {
  await openLive("?page=2");
  assert.deepEqual(await titles(), ["t4", "t5", "t6"]);
  server.sql("insert into tasks (title, rank) values ('a', 1)");
  await eventually(titles, ["t3", "t4", "t5"], 2000);
  await eventually(range, "4–6 of 9");
  server.sql("insert into tasks (title, rank) values ('beyond', 1000)");
  await eventually(range, "4–6 of 10", 2000);
  await page.getByRole("link", { name: "Page 4" }).waitFor();
  server.sql("delete from tasks where title in ('t1', 't2')");
  await eventually(titles, ["t5", "t6", "t7"], 2000);
  server.sql("update tasks set rank = 45 where title = 't8'");
  await eventually(titles, ["t8", "t5", "t6"], 2000);
  server.sql("update tasks set rank = 0 where title = 't5'");
  await eventually(titles, ["t4", "t8", "t6"], 2000);
  server.sql("update tasks set rank = 99 where title = 't4'");
  await eventually(titles, ["t8", "t6", "t7"], 2000);
  server.sql("delete from tasks where title not in ('t6')");
  await eventually(titles, ["t6"], 2000);
  await eventually(range, "1–1 of 1");
  await assertNeverReloaded();
});

test("more rows at once are shown when chosen", async () => {
  await openLive();
  await page.getByRole("combobox", { name: "Rows" }).selectOption("100");
  await eventually(async () => (await titles()).length, 8);
  assert.equal(query(), "?limit=100");
  server.sql("insert into tasks (title, rank) values ('t9', 90)");
  await eventually(async () => (await titles()).length, 9, 1000);
  await page.goBack();
  await eventually(titles, ["t1", "t2", "t3"]);
  assert.equal(await page.getByRole("combobox", { name: "Rows" }).inputValue(), "");
  await assertNeverReloaded();
});

test("a click anywhere in a row follows its link", async () => {
  await openLive();
  await page.locator("#tasks tbody tr").nth(1).locator("td").nth(2).click();
  await page.waitForURL("**/task/2");
  await page.goBack();
  await page.getByRole("link", { name: "t3" }).press("Enter");
  await page.waitForURL("**/task/3");
  await page.context().close();
});

test("without JavaScript all of it works by links and a form", async () => {
  page = await open(browser, `${server.url}/browsed`, { javaScriptEnabled: false });
  await page.getByRole("link", { name: "Title" }).click();
  await page.getByRole("link", { name: "Title" }).click();
  assert.deepEqual(await titles(), ["t8", "t7", "t6"]);
  await page.getByRole("searchbox", { name: "Search" }).fill("t");
  await page.getByLabel("State").selectOption("open");
  await page.getByRole("button", { name: "Apply" }).click();
  assert.deepEqual(await titles(), ["t7", "t5", "t3"]);
  await page.getByRole("link", { name: "Next page" }).click();
  assert.deepEqual(await titles(), ["t1"]);
  await page.getByRole("combobox", { name: "Rows" }).selectOption("100");
  await page.getByRole("button", { name: "Apply" }).click();
  assert.deepEqual(await titles(), ["t7", "t5", "t3", "t1"]);
  await page.getByRole("link", { name: "Clear" }).click();
  assert.equal((await titles()).length, 8);
  await page.getByRole("link", { name: "t8" }).click();
  await page.waitForURL("**/task/8");
  await page.context().close();
});
