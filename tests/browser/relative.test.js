/** How long ago something was: current, exact for whoever points at it, and nothing moves for it. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { Server, eventually, launch, open, state } from "./harness.js";
import { look, screens } from "./look.js";

const NOW = Date.parse("2026-04-05T12:00:00Z");

let browser, server;

before(async () => {
  browser = await launch();
});
after(() => browser.close());
beforeEach(async () => {
  server = await Server.start("tests/browser/app");
  const rows = ["2026-04-05T11:57:00.000Z", "2026-04-04T11:00:00.000Z", "2026-06-20T12:00:00.000Z", "2026-04-05T11:59:40.000Z"];
  rows.forEach((due, rank) => server.sql(`insert into tasks (title, rank, due) values ('t${rank}', ${rank}, '${due}')`));
});
afterEach(() => server.stop());

const dues = (page) => page.locator("#ages tbody td:nth-child(2) time");
/** What people read: what is said over the exact words, or these. */
const read = (page) =>
  dues(page).evaluateAll((all) =>
    all.map((time) => {
      const over = getComputedStyle(time, "::after").content;
      return over === "none" ? time.textContent : JSON.parse(over);
    }),
  );

test("how long ago it was is said, kept current, and moves nothing", async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.clock.install({ time: NOW });
  await page.goto(`${server.url}/ages`);
  await eventually(() => read(page), ["3 minutes ago", "yesterday", "in 2 months", "now"]);
  assert.equal(await dues(page).first().getAttribute("title"), "2026-04-05T11:57:00.000Z");
  const boxes = () => page.locator("#ages :is(th, td)").evaluateAll((all) => all.map((one) => JSON.stringify(one.getBoundingClientRect())));
  const before = await boxes();
  await page.clock.runFor(60_000);
  await eventually(() => read(page), ["4 minutes ago", "yesterday", "in 2 months", "1 minute ago"]);
  assert.deepEqual(await boxes(), before);
  await context.close();
});

test("a row that changes says it at once, and only what changed is marked", async () => {
  const page = await open(browser, `${server.url}/ages`);
  await eventually(() => state(page, "ages"), "live");
  await page.locator("time[data-told]").first().waitFor({ state: "attached" });
  server.sql("update tasks set title = 'other' where rank = 0");
  await page.getByText("other").waitFor();
  assert.equal(await dues(page).first().evaluate((time) => "told" in time.dataset), true);
  assert.equal(await dues(page).first().evaluate((time) => time.closest("td").classList.contains("pt-changed")), false);
  server.sql("insert into tasks (title, rank, due) values ('new', 9, '2020-01-01T00:00:00.000Z')");
  await eventually(async () => /years ago/.test((await read(page)).at(-1)), true);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("without JavaScript it is said when it was", async () => {
  const page = await open(browser, `${server.url}/ages`, { javaScriptEnabled: false });
  assert.equal((await read(page))[0], "5 Apr 2026, 11:57");
  await page.context().close();
});

test("ages are accessible, on a phone and in the dark", async () => {
  for (const [name, screen] of Object.entries(screens)) {
    const page = await open(browser, `${server.url}/ages`, screen);
    await page.locator("time[data-told]").first().waitFor({ state: "attached" });
    await look(page, `ages-${name}`);
    await page.context().close();
  }
});
