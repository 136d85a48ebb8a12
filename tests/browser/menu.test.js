/** An app of ten pages with a theme of its own: its menu, and whether it can be read. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { Server, eventually, launch, open } from "./harness.js";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const NAMES = ["Home", "Orders", "Inventory", "Suppliers", "Deliveries", "Invoices", "Customers", "Reports", "Team", "About"];
const APP = `name: A shop with many pages
theme: { accent: "#7c3aed", light: { page: "#faf9f6" }, dark: { surface: "#1c1922" }, density: compact }
pages:
${NAMES.map((name, at) => `  - { name: ${name}, path: /${at === 0 ? "" : name.toLowerCase()}, components: [{ type: text, variant: title, content: ${name} }] }`).join("\n")}
`;
const phone = { viewport: { width: 390, height: 844 } };

let browser, server;

before(async () => {
  browser = await launch();
  server = await Server.develop({ "app.yaml": APP });
});
after(async () => {
  await browser.close();
  await server.stop();
});

async function check(page) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `scrolls sideways by ${wide}px`);
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run());
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html)}`), []);
  assert.deepEqual(page.complaints, []);
}

test("on a phone ten pages are behind a button, by pointer and by keyboard", async () => {
  const page = await open(browser, server.url, phone);
  const menu = page.getByRole("navigation", { name: "Pages" });
  const button = page.getByRole("button", { name: "Pages" });
  assert.equal(await menu.isVisible(), false);
  await check(page);
  await button.click();
  for (const name of NAMES) assert.ok(await menu.getByRole("link", { name }).isVisible(), name);
  await check(page);
  await page.keyboard.press("Escape");
  await eventually(() => menu.isVisible(), false);
  await button.press("Enter");
  await menu.getByRole("link", { name: "Team" }).press("Enter");
  await page.waitForURL("**/team");
  assert.equal(await menu.isVisible(), false);
  await page.context().close();
});

for (const colorScheme of ["light", "dark"]) {
  test(`on a screen all of them are in sight, ${colorScheme}`, async () => {
    const page = await open(browser, server.url, { colorScheme });
    for (const name of NAMES) {
      const box = await page.getByRole("navigation").getByRole("link", { name }).boundingBox();
      assert.ok(box.x >= 0 && box.x + box.width <= 1280, name);
    }
    assert.equal(await page.getByRole("button", { name: "Pages" }).count(), 0);
    await check(page);
    await page.context().close();
  });
}
