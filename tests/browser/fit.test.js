/** What a page shows fits the place it has: the menu, labels of charts, columns of tables. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Server, launch, open, openSignedIn } from "./harness.js";

const TABLES = ["customers", "devices", "jobs", "parts", "suppliers", "purchase-orders", "invoices", "invoice-lines", "part-uses", "requests"];
const NAMES = ["title", "a", "b", "c", "d", "e", "f", "g", "h", "i"];
const chart = (kind, step, limit) => `{ type: chart, kind: ${kind}, title: ${kind} by ${step}, limit: ${limit}, value: { aggregate: sum, field: amount }, x: { field: day, by: ${step} }, dataSource: { table: sales } }`;
const charts = ["bar", "line", "area"].flatMap((kind) => [chart(kind, "month", 12), chart(kind, "day", 31), chart(kind, "year", 3), chart(kind, "month", 2)]);
const APP = `name: Fit
tables:
  - name: sales
    fields:
${NAMES.map((name) => `      - { name: ${name}, type: single-line-text }`).join("\n")}
      - { name: day, type: date }
      - { name: amount, type: currency, currency: EUR }
    permissions: { read: all }
${TABLES.map((name) => `  - { name: ${name}, fields: [{ name: name, type: single-line-text }] }`).join("\n")}
pages:
  - { name: Home, path: /, components: [{ type: text, content: Hello }] }
  - name: Charts
    path: /charts
    components:
${["1fr", "repeat(2, minmax(0, 1fr))", "repeat(3, minmax(0, 1fr))"].map((columns) => `      - type: container
        layout: grid
        props: { style: "grid-template-columns: ${columns}" }
        children:
${[...charts, `{ type: chart, kind: bar, title: Words, x: { field: title }, value: { aggregate: sum, field: amount }, dataSource: { table: sales } }`].map((one) => `          - ${one}`).join("\n")}`).join("\n")}
  - name: Columns
    path: /columns
    components:
      - type: dataTable
        id: wide
        dataSource: { table: sales }
        columns:
          - { field: title, width: 16rem }
          - { field: a, width: 40rem }
          - { field: b, width: 90px }
${NAMES.slice(3).map((name) => `          - ${name}`).join("\n")}
      - type: dataTable
        id: narrow
        dataSource: { table: sales }
        columns: [{ field: title, width: 16rem }, a]
  - name: One of many
    path: /many/:id
    components:
      - { type: dataTable, id: paged, dataSource: { table: sales }, columns: [title], sortable: true, pageSizes: [10, 25] }
`;

let browser, server;

before(async () => {
  browser = await launch();
  server = await Server.develop({ "app.yaml": APP });
  const words = "'Something that takes quite a few words to say, ' || day";
  server.sql(`with recursive days(day, nth) as (select '2025-01-05', 0 union all select date(day, '+1 day'), nth + 1 from days where nth < 600)
    insert into sales (title, a, b, c, d, e, f, g, h, i, day, amount)
    select ${words}, 'a word', 'b', 'three words here', 'd', 'e', 'f', 'g', 'h', 'i', day, 1000 * nth + 0.25 from days`);
});
after(async () => {
  await browser.close();
  await server.stop();
});

/** The texts of those of these elements that stand in each other's way, side by side. */
const collisions = (page, selector) => page.locator(selector).evaluateAll((groups) => groups.flatMap((group) => {
  const boxes = [...group.children].map((label) => [label.getBoundingClientRect(), label.textContent]).filter(([box]) => box.width > 0);
  boxes.sort(([one], [other]) => one.left - other.left);
  const { left, right } = group.getBoundingClientRect();
  const outside = boxes.filter(([box]) => box.left < left - 8 || box.right > right + 8);
  const close = boxes.slice(1).filter(([box], nth) => box.left < boxes[nth][0].right + 3);
  return [...outside, ...close].map(([, text]) => text);
}));

for (const width of [1680, 1280, 1000, 768, 641, 390, 320]) {
  test(`no label of a chart runs into another, ${width}px`, async () => {
    const page = await open(browser, `${server.url}/charts`, { viewport: { width, height: 900 } });
    assert.deepEqual(await collisions(page, ".pt-axis-x"), []);
    const few = await page.locator(".pt-axis-x").evaluateAll((axes) => axes.filter((axis) => {
      return axis.offsetWidth > 80 && [...axis.children].every((label) => label.getBoundingClientRect().width < 8);
    }).length);
    assert.equal(few, 0, "every axis has a label");
    await page.context().close();
  });
}

test("as many labels are shown as there is room for", async () => {
  const page = await open(browser, `${server.url}/charts`, { viewport: { width: 1280, height: 900 } });
  const shown = await page.locator(".pt-axis-x").evaluateAll((axes) => axes.map((axis) => {
    return [...axis.children].filter((label) => label.getBoundingClientRect().width > 8).length;
  }));
  const perWidth = shown.length / 3;
  assert.deepEqual(shown.slice(0, 4), [6, 6, 2, 2]);
  assert.ok(shown[2 * perWidth] >= 3, `${shown[2 * perWidth]} of 12 months at a third`);
  await page.context().close();
});

for (const width of [1280, 390]) {
  test(`the label of a lying bar leaves room for its figure, ${width}px`, async () => {
    const page = await open(browser, `${server.url}/charts`, { viewport: { width, height: 900 } });
    const crossed = await page.locator(".pt-bars > g").evaluateAll((bars) => bars.filter((bar) => {
      const [label, figure] = [".pt-bar-label", ".pt-bar-figure"].map((part) => bar.querySelector(part).getBoundingClientRect());
      return label.right > figure.left;
    }).length);
    assert.equal(crossed, 0);
    assert.ok((await page.locator(".pt-bars > g").count()) > 10);
    await page.context().close();
  });
}

test("a column is as wide as its author wants, at least", async () => {
  const page = await open(browser, `${server.url}/columns`);
  const widths = (table) => page.locator(`#${table} th`).evaluateAll((heads) => heads.map((head) => Math.round(head.getBoundingClientRect().width)));
  const [title, a, b] = await widths("wide");
  const rem = await page.evaluate(() => parseFloat(getComputedStyle(document.documentElement).fontSize));
  assert.ok(title >= 16 * rem && title < 18 * rem, `${title}`);
  assert.ok(a >= 40 * rem && a < 42 * rem, `${a}`);
  assert.ok(b >= 90 && b < 130, `${b}`);
  assert.ok((await widths("narrow"))[0] >= 16 * rem);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  await page.setViewportSize({ width: 390, height: 844 });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  await page.context().close();
});

/** The entries of the menu that are out of sight, where the menu itself is in sight. */
const hidden = (page) => page.locator("header nav a").evaluateAll((links) => links.filter((link) => {
  const [box, frame] = [link, link.parentElement].map((element) => element.getBoundingClientRect());
  return box.left < 0 || box.right > innerWidth || box.left < frame.left - 1 || box.right > frame.right + 1;
}).map((link) => link.textContent));

test("the menu of admins has every table, and each page opens at its top", async () => {
  const page = await openSignedIn(browser, server, "/admin");
  server.sql("insert into invoices (name) with recursive n(i) as (select 1 union all select i + 1 from n where i < 120) select 'x' || i from n");
  for (const table of TABLES) {
    await page.goto(`${server.url}/admin/tables/${table}`);
    assert.equal(await page.locator("header nav [aria-current]").textContent(), table);
    assert.ok(await page.locator("header nav").getByRole("link", { name: table, exact: true }).isVisible(), table);
    await page.locator("[data-state=live]").first().waitFor();
    assert.equal(await page.evaluate(() => scrollY), 0, table);
  }
  assert.deepEqual(await hidden(page), []);
  await page.context().close();
});

test("on a phone the box to choose a row by stands above nothing else", async () => {
  server.sql("insert into sales (title, a) values ('Short', 'end'), ('A longer name for it', '12345')");
  const page = await openSignedIn(browser, server, "/admin/tables/sales", { viewport: { width: 390, height: 800 } });
  await page.locator("tbody .pt-choose").first().waitFor();
  const covered = await page.evaluate(() => {
    const touch = (one, other) =>
      one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
    const words = (cell) => {
      const range = document.createRange();
      range.selectNodeContents(cell);
      // What is cut off is not seen.
      const { left, right, top, bottom } = (cell.querySelector(".pt-truncate") ?? cell).getBoundingClientRect();
      return [...range.getClientRects()].map((rect) => ({
        left: Math.max(left, rect.left), right: Math.min(right, rect.right),
        top: Math.max(top, rect.top), bottom: Math.min(bottom, rect.bottom),
      }));
    };
    return [...document.querySelectorAll("tbody tr")].flatMap((row) => {
      const box = row.querySelector(".pt-choose input").getBoundingClientRect();
      const cells = [...row.cells].filter((cell) => !cell.matches(".pt-choose"));
      return cells.filter((cell) => words(cell).some((rect) => touch(rect, box))).map((cell) => cell.textContent);
    });
  });
  assert.deepEqual(covered, []);
  await page.context().close();
});

test("a page that is not in the menu opens at its top", async () => {
  const page = await open(browser, `${server.url}/many/1`, { viewport: { width: 1280, height: 400 } });
  await page.locator(".pt-pager [aria-current]").waitFor();
  await page.waitForFunction(() => !document.querySelector("#pt-theme-switch").hidden);
  assert.equal(await page.evaluate(() => scrollY), 0);
  await page.context().close();
});

for (const [count, length] of [[2, 40], [4, 9], [4, 30], [5, 12], [7, 8], [7, 30], [12, 9], [24, 14], [60, 12]]) {
  test(`a menu of ${count} pages with names of ${length} letters is all in sight`, async (context) => {
    const name = (nth) => `${nth} ${"Deliveries and returns of goods ".repeat(2)}`.slice(0, length).trim();
    const pages = Array.from({ length: count }, (_, nth) => `  - { name: "${name(nth)}", path: /${nth === 0 ? "" : nth}, components: [] }`);
    const site = await Server.develop({ "app.yaml": `name: A name that is not short\npages:\n${pages.join("\n")}\n` });
    context.after(() => site.stop());
    const page = await open(browser, site.url);
    for (const width of [1680, 1280, 1000, 768, 641, 390, 320]) {
      await page.setViewportSize({ width, height: 800 });
      const button = page.getByRole("button", { name: "Pages" });
      if (await button.isVisible()) await button.click();
      const menu = page.getByRole("navigation", { name: "Pages" });
      assert.equal(await menu.getByRole("link").count(), count, `${width}px`);
      assert.deepEqual(await hidden(page), [], `${width}px`);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${width}px`);
      const bar = await page.locator("header").evaluate((header) => header.offsetHeight);
      assert.ok(bar <= 150, `${width}px: ${bar}px high`);
      await page.keyboard.press("Escape");
    }
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}
