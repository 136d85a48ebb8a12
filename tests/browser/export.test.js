/** The example app as files, from a server that knows nothing but files. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import { dirname, extname, join } from "node:path";
import { after, before, test } from "node:test";
import { Server, binary, column, eventually, launch, open, root, state } from "./harness.js";

const TYPES = { ".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".xml": "text/xml", ".svg": "image/svg+xml" };

let browser, server, folder, site;

before(async () => {
  browser = await launch();
  site = await serveFiles();
  const origin = `http://127.0.0.1:${site.port}`;
  server = await Server.start("example-app", ["--allow-origin", origin]);
  folder = server.folder;
});
after(async () => {
  await browser.close();
  await server.stop();
  site.close();
});

/** A server of files below `/site`, that notes what was asked for in vain. */
async function serveFiles() {
  const files = { folder: null, missing: [] };
  const http = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://x").pathname);
    try {
      assert.ok(path.startsWith("/site/"));
      let file = join(files.folder, path.slice("/site".length));
      if (statSync(file).isDirectory()) file = join(file, "index.html");
      const body = readFileSync(file);
      response.writeHead(200, { "Content-Type": TYPES[extname(file)] ?? "application/octet-stream" });
      response.end(body);
    } catch {
      files.missing.push(path);
      response.writeHead(404).end();
    }
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  files.port = http.address().port;
  files.url = `http://127.0.0.1:${files.port}/site`;
  files.close = () => http.close();
  return files;
}

function build(name, ...options) {
  const out = join(folder, name);
  const database = ["--database", server.database];
  const args = ["build", join(root, "example-app"), "--out", out, "--base-path", "/site", "--skip-private"];
  execFileSync(binary, [...args, ...database, ...options], { encoding: "utf8" });
  site.folder = out;
}

/** Opens a page of the site and notes every request that it makes; `prepare` may take something from it. */
async function visit(path, prepare = () => {}) {
  const page = await open(browser, "about:blank");
  await prepare(page);
  page.requests = [];
  page.on("request", (request) => page.requests.push(new URL(request.url())));
  await page.goto(site.url + path, { waitUntil: "networkidle" });
  return page;
}

test("without a server a page is whole, runs no script and asks for nothing but its styles", async () => {
  build("plain");
  const page = await visit("/");
  const pages = await page.locator("header nav a").evaluateAll((links) => links.map(({ href }) => href));
  assert.equal(pages.length, 4);
  for (const url of pages) {
    await page.goto(url, { waitUntil: "networkidle" });
    assert.ok((await page.locator("main").textContent()).length > 100, url);
    assert.equal(await page.locator("script, form").count(), 0, url);
  }
  const kinds = page.requests.map(({ pathname }) => extname(pathname) || "page");
  assert.deepEqual([...new Set(kinds)].sort(), [".css", "page"]);
  assert.ok(page.requests.every(({ origin }) => origin === new URL(site.url).origin));
  assert.deepEqual(site.missing, []);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("links lead where the pages are, under a base path", async () => {
  build("plain");
  const page = await visit("/");
  await page.getByRole("link", { name: "All orders" }).click();
  await page.waitForURL(`${site.url}/orders/`);
  await page.getByRole("link", { name: "Lantern Row Roasters" }).click();
  await page.waitForURL(`${site.url}/`);
  assert.deepEqual(site.missing, []);
  await page.context().close();
});

const PICTURE = (width) => `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="7"><rect width="9" height="7"/></svg>`;
const PICTURES = {
  "app.yaml": `name: pictures
theme: { stylesheet: ./public/css/own.css }
pages:
  - name: Home
    path: /
    access: all
    components:
      - { type: text, content: Styled, props: { style: "background: url(/img/text.svg)" } }
      - { type: html, file: ./home.html }
  - { name: About, path: /about, access: all, components: [{ type: html, file: ./about.html }] }
  - { name: Team, path: /team, access: all, components: [{ type: text, content: All of us }] }
`,
  "home.html": `<img id="set" src="/img/a.svg" srcset="/img/set.svg 1x" alt="Set">
<object data="/img/object.svg" type="image/svg+xml"></object>
<svg width="9" height="9"><image xlink:href="/img/image.svg" width="9" height="9"/></svg>
<p style="background: url(/img/style.svg)">x</p>`,
  "about.html": `<a href="team">Team</a> <img src="img/a.svg" alt="A">`,
  "public/css/own.css": "@import '/css/more.css'; body { background: url(/img/sheet.svg) }",
  "public/css/more.css": "main { background: url(/img/more.svg) }",
  ...Object.fromEntries(
    ["a", "set", "object", "image", "style", "text", "sheet", "more"].map((name, at) => [`public/img/${name}.svg`, PICTURE(at + 10)]),
  ),
};

test("every picture is shown below a base path, and a relative link leads where it leads under serve", async () => {
  const app = join(folder, "pictures");
  for (const [name, text] of Object.entries(PICTURES)) {
    mkdirSync(dirname(join(app, name)), { recursive: true });
    writeFileSync(join(app, name), text);
  }
  site.folder = join(folder, "pictures-out");
  const told = execFileSync(binary, ["build", app, "--out", site.folder, "--base-path", "/site"], { encoding: "utf8" });
  assert.ok(!told.includes("is not exported"), told);
  const page = await visit("/");
  assert.equal(await page.locator("#set").evaluate((image) => image.naturalWidth), 11);
  const shown = new Set(page.requests.map(({ pathname }) => pathname));
  for (const name of ["set", "image", "style", "text", "sheet", "more"]) {
    assert.ok(shown.has(`/site/img/${name}.svg`), `${name} in ${[...shown]}`);
  }
  await page.goto(`${site.url}/about/`, { waitUntil: "networkidle" });
  assert.equal(await page.locator("img").last().evaluate((image) => image.naturalWidth), 10);
  await page.locator("main").getByRole("link", { name: "Team" }).click();
  await page.waitForURL(`${site.url}/team/`);
  assert.deepEqual(site.missing, []);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("the same database gives the same bytes", async () => {
  build("once");
  build("twice");
  const listed = (name) => execFileSync("find", [join(folder, name), "-type", "f"], { encoding: "utf8" });
  const names = (name) => listed(name).trim().split("\n").map((file) => file.slice(join(folder, name).length)).sort();
  assert.deepEqual(names("once"), names("twice"));
  for (const file of names("once")) {
    const [one, other] = ["once", "twice"].map((name) => readFileSync(join(folder, name) + file));
    assert.ok(one.equals(other), file);
  }
});

test("with a server the pages of a site elsewhere are live", async () => {
  build("live", "--live", server.url);
  // What changed since the export is made up for.
  server.sql("update orders set customer = 'Changed since' where id = (select min(id) from orders where status = 'processing')");
  const page = await visit("/");
  await eventually(() => state(page, "processing"), "live");
  await eventually(async () => (await column(page, "processing", "Customer")).includes("Changed since"), true);
  const before = await column(page, "processing", "Customer");
  server.sql("insert into orders (customer, item, status, dueOn, email) values ('Ada', 'Night Ferry', 'processing', '2000-01-01', 'ada@secret.example')");
  await eventually(() => column(page, "processing", "Customer"), ["Ada", ...before], 2000);
  const figure = () => page.locator("#packing [data-figure]").textContent();
  await eventually(figure, String(server.sql("select count(*) from orders where status = 'processing'")));
  assert.ok(!(await page.content()).includes("secret.example"));
  assert.deepEqual(site.missing, []);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("a page elsewhere that its server means something else by says that it is stale", async () => {
  build("old", "--live", server.url);
  const file = join(site.folder, "index.html");
  writeFileSync(file, readFileSync(file, "utf8").replaceAll(/data-shape="[^"]*"/g, 'data-shape="before"'));
  const page = await visit("/");
  await eventually(() => state(page, "processing"), "stale");
  const before = await column(page, "processing", "Customer");
  await page.evaluate(() => (window.isMarked = true));
  server.sql("insert into orders (customer, item, status, dueOn) values ('Not for it', 'Night Ferry', 'processing', '2000-01-01')");
  // A new page of the same server has heard of it; this one has not, and was not loaded anew.
  const other = await open(browser, `${server.url}/`);
  await eventually(async () => (await column(other, "processing", "Customer")).includes("Not for it"), true);
  assert.deepEqual(await column(page, "processing", "Customer"), before);
  assert.equal(await page.evaluate(() => window.isMarked), true);
  await other.context().close();
  await page.context().close();
});

const noSocket = (page) => page.routeWebSocket(/subscribe/, (socket) => socket.close());
const noStream = (page) => page.route(/subscribe\/sse/, (route) => route.abort());
for (const [how, prepare] of Object.entries({
  "server-sent events": noSocket,
  polling: (page) => Promise.all([noSocket(page), noStream(page)]),
})) {
  test(`a site elsewhere is kept current by ${how} where there is nothing better`, async () => {
    build("live", "--live", server.url);
    const page = await visit("/", prepare);
    await eventually(() => state(page, "processing"), "live");
    server.sql(`insert into orders (customer, item, status, dueOn) values ('By ${how}', 'Night Ferry', 'processing', '1999-01-01')`);
    await eventually(async () => (await column(page, "processing", "Customer")).includes(`By ${how}`), true, 20_000);
    const cut = (text) => /ERR_FAILED/.test(text);
    assert.deepEqual(page.complaints.filter((text) => !cut(text)), []);
    await page.context().close();
  });
}

test("the server does not answer pages of other sites", async () => {
  for (const path of ["/api/auth/guest", "/api/fragments?url=/&component=packing"]) {
    const answer = (origin) => fetch(server.url + path, { headers: { Origin: origin } });
    const allowed = (await answer(new URL(site.url).origin)).headers.get("access-control-allow-origin");
    assert.equal(allowed, new URL(site.url).origin);
    assert.equal((await answer("https://evil.example")).headers.get("access-control-allow-origin"), null);
  }
  const records = await fetch(`${server.url}/api/tables/orders/records`, { headers: { Origin: new URL(site.url).origin } });
  assert.equal(records.headers.get("access-control-allow-origin"), null);
});
