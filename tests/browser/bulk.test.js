/** Many changes at once: a page that is open is right soon, and nobody waits for it meanwhile. */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { Server, column, eventually, launch, openSignedIn, state } from "./harness.js";

/** So many records come at once. */
const MANY = 5000;
/** So many changes are shown one by one in one turn of the browser; of more, all rows are read again. */
const MOST_IN_A_TURN = 51;

let browser, server, page;

const app = (shown) => ({
  "app.yaml": `
name: Flood
tables:
  - name: tasks
    fields:
      - { name: title, type: single-line-text }
      - { name: rank, type: integer }
      - { name: createdAt, type: created-at }
    permissions: { read: all, create: all, update: all, delete: all }
pages:
  - name: Tasks
    path: /
    components:
      - type: dataTable
        id: tasks
        pagination: false
        pageSize: ${shown}
        columns: [title, rank, createdAt]
        dataSource: { table: tasks, sort: [{ field: createdAt, direction: desc }, { field: rank, direction: desc }], refreshMode: realtime }
      - { type: kpi, id: count, label: All, dataSource: { table: tasks, refreshMode: realtime }, value: { aggregate: count } }
`,
});

before(async () => {
  browser = await launch();
});
after(() => browser.close());
afterEach(async () => {
  await page.context().close();
  await server.stop();
});

/** Opens the page, which counts what it costs to keep it right. */
async function start(shown) {
  server = await Server.serve(app(shown));
  server.sql(numbers(300, "(title, rank) select 'old ' || i, i"));
  page = await openSignedIn(browser, server, "/");
  await eventually(() => state(page, "tasks"), "live");
  page.reads = 0;
  page.on("request", (request) => (page.reads += request.url().includes("/api/fragments") ? 1 : 0));
  await page.evaluate(() => {
    window.animations = 0;
    window.added = 0;
    window.most = 0;
    window.longest = 0;
    const { getAnimations } = Element.prototype;
    Element.prototype.getAnimations = function count(...options) {
      window.animations += 1;
      return getAnimations.apply(this, options);
    };
    const count = (records) => {
      const added = records.reduce((sum, { addedNodes }) => sum + addedNodes.length, 0);
      window.added += added;
      window.most = Math.max(window.most, added);
    };
    new MutationObserver(count).observe(document.querySelector("#tasks tbody"), { childList: true });
    const longest = (list) => list.getEntries().forEach(({ duration }) => (window.longest = Math.max(window.longest, duration)));
    new PerformanceObserver(longest).observe({ type: "longtask" });
  });
}

const numbers = (count, into) =>
  `with recursive n(i) as (select 1 union all select i + 1 from n where i < ${count}) insert into tasks ${into} from n`;
const titles = () => column(page, "tasks", "Title");
const newest = (shown) =>
  server.sql(`select title from tasks order by createdAt desc, rank desc, id limit ${shown}`).split("\n");

/** Waits until the page shows what there is, and says how long that took after all was written. */
async function isRight(shown) {
  const written = performance.now();
  await eventually(titles, newest(shown), 10_000);
  page.right = performance.now() - written;
}

/** What the page did is far less than one thing for each change. */
async function assertCheap(shown) {
  const { animations, added, most, longest } = await page.evaluate(() => {
    const { animations, added, most, longest } = window;
    return { animations, added, most, longest };
  });
  const [right, stretch] = [page.right, longest].map((ms) => ms.toFixed(0));
  console.log(`right ${right} ms after the last write; ${page.reads} reads, ${animations} animations, ${stretch} ms at a stretch`);
  assert.ok(animations < MANY / 10, `${animations} animations`);
  assert.ok(page.reads < MANY / 10, `${page.reads} reads`);
  assert.ok(added < MANY, `${added} rows`);
  assert.ok(most <= shown + MOST_IN_A_TURN, `${most} rows in one turn`);
}

for (const shown of [25, 200]) {
  test(`${MANY} records by another program are shown as they end, with ${shown} rows`, async () => {
    await start(shown);
    server.sql(numbers(MANY, "(title, rank) select 'new ' || i, i"));
    await isRight(shown);
    await eventually(() => page.locator("#count [data-figure]").textContent(), "5,300");
    assert.equal(await page.locator("#tasks [data-count]").textContent(), `${shown} of 5300`);
    await assertCheap(shown);
    // And it goes on as before, row by row.
    server.sql("insert into tasks (title, rank) values ('the last', 1)");
    await eventually(async () => (await titles())[0], "the last");
    server.sql("delete from tasks where title = 'the last'");
    await eventually(titles, newest(shown));
  });

  test(`${MANY} records by an import are shown as they end, with ${shown} rows`, async () => {
    await start(shown);
    const lines = Array.from({ length: MANY }, (_, at) => `imported ${at},${at}`);
    const status = await page.evaluate(async (csv) => {
      const headers = { "Content-Type": "text/csv" };
      const answer = await fetch("/api/tables/tasks/records/import", { method: "POST", headers, body: csv });
      return answer.status;
    }, ["title,rank", ...lines].join("\n"));
    assert.equal(status, 200);
    await isRight(shown);
    await assertCheap(shown);
  });

  test(`one change after the other, ${MANY} of them, with ${shown} rows`, async () => {
    await start(shown);
    for (let at = 0; at < 10; at += 1) {
      server.sql(numbers(MANY / 20, `(title, rank) select 'round ${at} ' || i, i`));
      server.sql(`update tasks set rank = rank + 1 where id in (select id from tasks order by createdAt desc limit ${MANY / 20})`);
    }
    await isRight(shown);
    await assertCheap(shown);
  });
}

test("a few changes at once are seen as they happen", async () => {
  await start(25);
  server.sql(numbers(3, "(title, rank) select 'few ' || i, i"));
  await eventually(titles, newest(25));
  const { added, animations } = await page.evaluate(() => ({ added: window.added, animations: window.animations }));
  assert.ok(added >= 3 && animations <= 3, `${added} rows, ${animations} left`);
});
