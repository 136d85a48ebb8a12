/** The page about the API: this app's tables, requests with the session, nothing from elsewhere. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, open, openSignedIn, Server } from "./harness.js";

let server, browser;

before(async () => {
  server = await Server.start("tests/browser/app");
  server.sql("insert into tasks (title, rank) values ('Mend the sail', 1)");
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** The ids of the operations on the page. */
const operations = (page) =>
  page.$$eval(".opblock", (blocks) => blocks.map((block) => block.id.replace(/^operations-/, "")));

test("guests see what they may read, and nothing that they may not do", async () => {
  const page = await open(browser, "about:blank");
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  await page.goto(`${server.url}/api/docs`);
  await page.waitForSelector(".opblock-tag-section");
  await page.click("#operations-tag-tasks");
  await page.waitForSelector(".opblock");
  const shown = (await operations(page)).join(" ");
  assert.match(shown, /list/);
  assert.doesNotMatch(shown, /update|create|delete/);
  assert.deepEqual(asked.filter((url) => !url.startsWith(server.url) && !url.startsWith("data:")), []);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("a request is tried with the session", async () => {
  const page = await openSignedIn(browser, server, "/");
  await page.goto(`${server.url}/api/docs`);
  await page.click("#operations-tag-tasks");
  const update = page.locator(".opblock-patch", { hasText: "Changes fields of a record" });
  await update.locator(".opblock-summary-control").click();
  await update.locator("input[placeholder=id]").fill("1");
  const body = JSON.stringify({ fields: { title: "Mend the mast" } });
  await update.locator("textarea.body-param__text").fill(body);
  await update.locator("button.execute").click();
  await update.locator(".live-responses-table .response-col_status", { hasText: "200" }).waitFor();
  assert.equal(server.sql("select title from tasks where id = 1"), "Mend the mast");
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("it is dark where the browser is", async () => {
  const page = await open(browser, `${server.url}/api/docs`, { colorScheme: "dark" });
  await page.waitForSelector(".opblock-tag-section");
  assert.equal(await page.evaluate(() => document.documentElement.className), "dark-mode");
  await page.context().close();
});
