/** Two whole apps as people write them, with triggers of their owners: every page, on a screen and on a phone. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Server, launch, open, openSignedIn, root } from "./harness.js";

let browser;

before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** What the YAML of an app says: all of it, however many files it is in. */
function yaml(app) {
  const pages = readdirSync(join(root, app), { recursive: true }).filter((file) => file.endsWith(".yaml"));
  return pages.map((file) => readFileSync(join(root, app, file), "utf8")).join("\n");
}

const matches = (text, pattern) => [...text.matchAll(pattern)].map(([, found]) => found);

for (const name of ["events", "workshop"]) {
  const app = `tests/apps/${name}`;
  const paths = matches(yaml(app), /^ *(?:- name: .*\n *)?path: (\S+)$/gm).map((path) => path.replace(":id", "1").replace(":day", "2026-12-03"));
  const tables = matches(readFileSync(join(root, app, "app.yaml"), "utf8").split("\npages:")[0], /^ {2}- name: ([a-z-]+)/gm);

  /** Opens each page and looks for what should not be. */
  async function look(page, url, paths) {
    const failed = [];
    page.on("requestfailed", (request) => failed.push(`${request.url()}: ${request.failure().errorText}`));
    page.on("response", (response) => {
      if (response.status() >= 400) failed.push(`${response.url()}: ${response.status()}`);
    });
    for (const path of paths) {
      await page.setViewportSize({ width: 1280, height: 900 });
      await page.goto(url + path, { waitUntil: "networkidle" });
      assert.equal(await page.evaluate(() => scrollY), 0, path);
      for (const width of [1280, 390]) {
        await page.setViewportSize({ width, height: 844 });
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(wide <= 0, `${path} scrolls sideways by ${wide}px at ${width}px`);
      }
      // What was under way when the page before was left has no place here.
      assert.deepEqual(failed.filter((text) => !text.endsWith("ERR_ABORTED")), [], path);
      assert.deepEqual(page.complaints, [], path);
    }
  }

  test(`every page of ${name} is fit to be seen, by a guest and by an admin`, async (context) => {
    const server = await Server.start(app);
    context.after(() => server.stop());
    server.sql(`.read ${join(root, app, "triggers.sql")}`);
    assert.ok(paths.length === 13 && tables.length >= 5, `${paths} ${tables}`);
    const options = { colorScheme: "light" };
    const guest = await open(browser, server.url, options);
    await look(guest, server.url, paths);
    await guest.context().close();
    const admin = await openSignedIn(browser, server, "/admin", options);
    await look(admin, server.url, [...paths, "/admin", ...tables.map((table) => `/admin/tables/${table}`)]);
    await admin.context().close();
  });
}
