/** Pages that are open while the app is deployed anew: they become what it is now, or say that they are stale. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { Server, column, eventually, launch, open, openSignedIn, state } from "./harness.js";

let browser, server, page;

const TABLES = `
name: Shop
tables:
  - name: orders
    fields:
      - { name: customer, type: single-line-text }
      - { name: total, type: integer }
      - { name: paid, type: integer }
      - { name: qty, type: integer }
      - { name: updatedAt, type: updated-at }
    permissions: { read: all, create: all, update: [admin] }
  - name: stock
    fields: [{ name: item, type: single-line-text }, { name: count, type: integer }]
    permissions: { read: all, create: all }
`;
const ORDERS = (columns, refresh = "realtime") => `
      - type: dataTable
        id: orders
        columns: ${columns}
        dataSource: { table: orders, sort: [{ field: customer }], refreshMode: ${refresh}${refresh === "poll" ? ", pollIntervalMs: 1000" : ""} }`;
const FORM = (fields, id = "add") => `
      - { type: form, id: ${id}, table: orders, fields: ${fields} }`;
const app = (...components) => ({
  "app.yaml": `${TABLES}pages:\n  - name: Home\n    path: /\n    components:${components.join("")}\n`,
});

before(async () => {
  browser = await launch();
});
after(() => browser.close());
beforeEach(async () => {
  server = await Server.serve(app(ORDERS("[customer, total]")));
  server.sql("insert into orders (customer, total, paid, qty) values ('Ada', 10, 1, 20), ('Bob', 11, 2, 20)");
});
afterEach(() => server.stop());

const toasts = () => page.locator("#pt-toasts").textContent();
const heads = () => page.locator("#orders thead th").allTextContents();
const cells = () => page.locator("#orders tbody tr:first-child td").allTextContents();
const all = async () => [await heads(), await cells()];
/** Whether it is still the document on which that was noted. */
const isMarked = () => page.evaluate(() => window.isMarked === true);

const mark = () => page.evaluate(() => (window.isMarked = true));

/** Notes what stood in the first row, under which heads, from now on. */
async function watch() {
  await page.evaluate(() => {
    window.pairs = new Set();
    const note = () => {
      const words = (selector) => [...document.querySelectorAll(selector)].map(({ textContent }) => textContent);
      const row = words("#orders tbody tr:first-child td");
      if (row.length > 0) window.pairs.add(`${words("#orders thead th")}: ${row}`);
    };
    note();
    new MutationObserver(note).observe(document.body, { childList: true, subtree: true, characterData: true });
  });
}

const seen = () => page.evaluate(() => [...window.pairs]);

test("a page shows no row of another app under its heads, and becomes the other app's", async () => {
  page = await open(browser, server.url);
  await eventually(() => state(page, "orders"), "live");
  await mark();
  await watch();
  await server.redeploy(app(ORDERS("[paid, customer]")));
  server.sql("update orders set paid = 77 where customer = 'Ada'");
  await eventually(all, [["Paid", "Customer"], ["77", "Ada"]], 20_000);
  await eventually(() => state(page, "orders"), "live");
  server.sql("update orders set paid = 78 where customer = 'Ada'");
  await eventually(all, [["Paid", "Customer"], ["78", "Ada"]]);
  for (const pair of await seen()) assert.match(pair, /^(Customer,Total: Ada,10|Paid,Customer: (1|77|78),Ada)$/);
  // Nothing but the table was made anew.
  assert.equal(await isMarked(), true);
  assert.equal(await page.getByRole("button", { name: "Switch between light and dark" }).isVisible(), true);
  await page.context().close();
});

test("another table that stands before it changes nothing of what is true", async () => {
  page = await open(browser, server.url);
  await eventually(() => state(page, "orders"), "live");
  await watch();
  const stock = `
      - type: dataTable
        id: orders
        columns: [item, count]
        dataSource: { table: stock, refreshMode: realtime }`;
  await server.redeploy(app(stock, ORDERS("[customer, total]").replace("id: orders", "id: second")));
  server.sql("insert into stock (item, count) values ('tea', 6)");
  await eventually(all, [["Item", "Count"], ["tea", "6"]], 20_000);
  assert.deepEqual(await column(page, "second", "Total"), ["10", "11"]);
  for (const pair of await seen()) assert.match(pair, /^(Customer,Total: Ada,10|Item,Count: (tea,6|))$/);
  await page.context().close();
});

test("a page that polls becomes the other app's too", async () => {
  await server.redeploy(app(ORDERS("[customer, total]", "poll")));
  page = await open(browser, server.url);
  // Its scripts must be there before the server is another.
  await eventually(() => state(page, "orders"), "live");
  await watch();
  await server.redeploy(app(ORDERS("[customer, paid]", "poll")));
  await eventually(all, [["Customer", "Paid"], ["Ada", "1"]], 20_000);
  server.sql("update orders set paid = 5 where customer = 'Ada'");
  await eventually(all, [["Customer", "Paid"], ["Ada", "5"]], 5000);
  for (const pair of await seen()) assert.match(pair, /^(Customer,Total: Ada,10|Customer,Paid: Ada,[15])$/);
  await page.context().close();
});

test("a page that is gone is left for what stands in its place", async () => {
  page = await open(browser, server.url);
  await eventually(() => state(page, "orders"), "live");
  const elsewhere = app(ORDERS("[customer, total]"));
  elsewhere["app.yaml"] = elsewhere["app.yaml"].replace("path: /\n", "path: /shop\n");
  await server.redeploy(elsewhere);
  await page.waitForURL(`${server.url}/shop`, { timeout: 20_000 });
  await page.context().close();
});

test("what is typed in a form stays, and is saved only as what it is now", async () => {
  await server.redeploy(app(ORDERS("[customer, total]"), FORM("[customer, total, qty]")));
  page = await open(browser, server.url);
  await eventually(() => state(page, "orders"), "live");
  await mark();
  await page.fill("[name=customer]", "Eve");
  await page.fill("[name=total]", "5");
  await page.fill("[name=qty]", "3");
  await server.redeploy(app(ORDERS("[customer, paid]"), FORM("[customer, total, paid]")));
  await eventually(heads, ["Customer", "Paid"], 20_000);
  assert.equal(await isMarked(), true);
  assert.equal(await page.inputValue("[name=customer]"), "Eve");
  await page.click("#add .pt-form-foot button");
  await eventually(() => page.locator("#add [role=alert]").isVisible(), true);
  assert.match(await page.locator("#add [role=alert]").textContent(), /has changed.*qty: 3/);
  assert.equal(server.sql("select count(*) from orders"), "2");
  assert.equal(await page.inputValue("[name=customer]"), "Eve");
  await page.fill("[name=paid]", "4");
  await page.click("#add .pt-form-foot button");
  await eventually(() => server.sql("select customer, total, paid, qty from orders where id = 3"), "Eve|5|4|");
  await page.context().close();
});

test("where what is typed has no place any more, the page says that it is stale", async () => {
  await server.redeploy(app(ORDERS("[customer, total]"), FORM("[customer, total]")));
  page = await open(browser, server.url);
  await eventually(() => state(page, "orders"), "live");
  await watch();
  await page.fill("[name=customer]", "Eve");
  await server.redeploy(app(ORDERS("[customer, paid]")));
  const reload = page.getByRole("button", { name: "Reload" });
  await reload.waitFor({ timeout: 20_000 });
  assert.equal(await state(page, "orders"), "stale");
  assert.equal(await page.inputValue("[name=customer]"), "Eve");
  server.sql("update orders set paid = 77 where customer = 'Ada'");
  assert.deepEqual(await seen(), ["Customer,Total: Ada,10"]);
  await reload.click();
  await eventually(all, [["Customer", "Paid"], ["Ada", "77"]]);
  await page.context().close();
});

test("a cell that is open stays open, and overwrites nothing that was not seen", async () => {
  const editable = (...fields) => `[customer, ${fields.map((field) => `{ field: ${field}, editable: true }`)}]`;
  await server.redeploy(app(ORDERS(editable("qty"))));
  page = await openSignedIn(browser, server, "/");
  await eventually(() => state(page, "orders"), "live");
  await page.click("#orders tbody tr:first-child td:nth-child(2)");
  await page.fill("#orders input", "999");
  await server.redeploy(app(ORDERS(editable("paid"))));
  await eventually(() => state(page, "orders"), "stale", 20_000);
  // Somebody else changes just this: what stands there was not seen.
  server.sql("update orders set qty = 21, paid = 2 where customer = 'Ada'");
  assert.deepEqual(await heads(), ["Customer", "Qty"]);
  await page.press("#orders input", "Enter");
  await eventually(async () => /changed Qty to “21” first/.test(await toasts()), true);
  assert.equal(server.sql("select qty, paid from orders where customer = 'Ada'"), "21|2");
  await eventually(all, [["Customer", "Paid"], ["Ada", "2"]], 10_000);
  await page.context().close();
});

test("what is typed in a form is saved again only where it was typed, over nobody", async () => {
  const edit = (of, rest = "") => `
      - { type: form, id: edit, fields: [item, count], dataSource: { table: stock, ${of} }${rest} }`;
  const record = (id) => `filter: [{ field: id, operator: eq, value: ${id} }]`;
  const forms = (form) => {
    const files = app(form);
    files["app.yaml"] = files["app.yaml"].replace("read: all, create: all }\npages", "read: all, create: all, update: all }\npages");
    return files;
  };
  const create = FORM("[item, count]", "edit").replace("table: orders", "table: stock");
  const cases = [
    [edit(record(1)), edit(record(1), ", submitLabel: Keep"), "Zoe|7,Bob|2"],
    [edit(record(1)), edit(record(2)), "Zoe|1,Bob|2"],
    [create, edit(record(2)), "Zoe|1,Bob|2"],
  ];
  for (const javaScriptEnabled of [true, false]) {
    for (const [from, to, held] of cases) {
      await server.redeploy(forms(from));
      server.sql("delete from stock; insert into stock (id, item, count) values (1, 'Ada', 1), (2, 'Bob', 2)");
      page = await open(browser, server.url, { javaScriptEnabled });
      await page.fill("[name=count]", "7");
      await server.redeploy(forms(to));
      server.sql("update stock set item = 'Zoe' where id = 1");
      await page.click("#edit .pt-form-foot button");
      await page.locator("#edit [role=alert]").waitFor();
      const told = await page.locator("#edit [role=alert]").textContent();
      if (held.startsWith("Zoe|1")) assert.match(told, /You had entered count: 7/);
      await page.click("#edit .pt-form-foot button");
      await page.locator("#edit [role=alert]").waitFor({ state: "detached" });
      assert.equal(server.sql("select item, count from stock order by id").trim().replace("\n", ","), held);
      await page.context().close();
    }
  }
});
