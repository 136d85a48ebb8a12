/** An author's stylesheet and the built-in one: the author's wins, and no name means two things. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Server, launch, open } from "./harness.js";

const APP = `name: Names
theme: { stylesheet: ./public/theme.css, accent: "#7c3aed" }
tables:
  - name: tasks
    fields:
      - { name: title, type: single-line-text }
      - { name: tags, type: multi-select, options: [a, b] }
    permissions: { read: all, create: all }
pages:
  - name: Home
    path: /
    components:
      - type: container
        id: menu
        layout: grid
        props: { className: board }
        children:
          - { type: text, id: content, content: One, props: { className: badges } }
          - { type: text, id: toasts, content: Two, props: { className: kpi } }
          - { type: text, id: announcements, content: Three, props: { className: entering } }
      - { type: list, id: tasks, title: Tasks, item: { title: title }, dataSource: { table: tasks }, props: { className: item } }
      - { type: dataTable, id: rows, columns: [title, tags], dataSource: { table: tasks, refreshMode: realtime }, props: { className: state } }
      - { type: text, id: plain, content: Plain }
      - type: html
        content: |
          <form id="own" action="/a" data-form data-act><input name="q" aria-label="Query" value="x"><button>Go</button></form>
          <div data-file data-component="hero" data-state="live" data-relative data-part="rows"></div>
      - { type: form, table: tasks, fields: [title] }
  - { name: A, path: /a, components: [] }
  - { name: B, path: /b, components: [] }
  - { name: C, path: /c, components: [] }
  - { name: D, path: /d, components: [] }
`;
const STYLE = `
.board { grid-template-columns: 100px 300px 50px; gap: 1px; }
a { color: rgb(1, 2, 3); }
td { padding: 3px; }
h2 { font-weight: 300; }
:root { --accent: rgb(4, 5, 6); }
@keyframes enter { from { opacity: 0.5; } }
`;

let browser, server;

before(async () => {
  browser = await launch();
  server = await Server.develop({ "app.yaml": APP, "public/theme.css": STYLE });
  server.sql("insert into tasks (title) values ('One')");
});
after(async () => {
  await browser.close();
  await server.stop();
});

test("a rule of an author wins, however plain it is", async () => {
  const page = await open(browser, server.url);
  const style = (selector, name) => page.locator(selector).first().evaluate((element, name) => getComputedStyle(element)[name], name);
  assert.equal(await style(".board", "gridTemplateColumns"), "100px 300px 50px");
  assert.equal(await style(".board", "columnGap"), "1px");
  assert.equal(await style("header a", "color"), "rgb(1, 2, 3)");
  assert.equal(await style("td", "paddingLeft"), "3px");
  assert.equal(await style("#tasks h2", "fontWeight"), "300");
  const accent = await page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue("--accent"));
  assert.equal(accent, "rgb(4, 5, 6)");
  await page.context().close();
});

test("a component with an id or a class that sounds built in looks and works like any other", async () => {
  const page = await open(browser, server.url, { viewport: { width: 390, height: 844 } });
  const look = (selector) => page.locator(selector).evaluate((element) => {
    const { display, padding, border, position, animationName, background, boxShadow, gap } = getComputedStyle(element);
    return { display, padding, border, position, animationName, background, boxShadow, gap };
  });
  const plain = await look("#plain");
  for (const id of ["content", "toasts", "announcements"]) assert.deepEqual(await look(`#${id}`), plain, id);
  // The menu, the link to the content and the switch find what is theirs.
  await page.getByRole("button", { name: "Pages" }).click();
  assert.ok(await page.getByRole("link", { name: "D" }).isVisible());
  await page.reload();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.localName), "main");
  const ids = await page.evaluate(() => [...document.querySelectorAll("[id]")].map(({ id }) => id));
  assert.deepEqual(ids, [...new Set(ids)]);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("attributes in an author's HTML mean nothing to the program", async () => {
  const page = await open(browser, server.url);
  await page.locator("#rows .pt-state[data-state=live]").waitFor();
  await page.getByRole("button", { name: "Go" }).click();
  await page.waitForURL("**/a?q=x");
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});
