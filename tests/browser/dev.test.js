/** What an author sees who saves while the page is open. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { createServer } from "node:tls";
import { Server, column, eventually, launch, open, state } from "./harness.js";

const TABLES = `name: orders
fields:
  - { name: customer, type: single-line-text, required: true }
  - { name: status, type: single-select, options: [open, done], default: open }
seed: ../data/orders.csv
permissions: { read: all, update: all }
`;
const SEED = "customer,status\nAda,open\nGrace,open\nLinus,done\n";
const APP = `name: Desk
tables: [{ $ref: ./tables/orders.yaml }]
pages: [{ $ref: ./pages/home.yaml }, { $ref: ./pages/more.yaml }]
`;
const home = (words, columns = "[customer, status]") => `name: Home
path: /
access: all
components:
  - { type: text, variant: title, content: "${words}" }
  - type: dataTable
    id: orders
    title: Orders
    dataSource: { table: orders, sort: [{ field: customer, direction: asc }], refreshMode: realtime }
    columns: ${columns}
${Array.from({ length: 60 }, (_, line) => `  - { type: text, content: Line ${line} }`).join("\n")}
`;
const MORE = "name: More\npath: /more\naccess: all\ncomponents: [{ type: text, content: More }]\n";
const FILES = {
  "app.yaml": APP,
  "tables/orders.yaml": TABLES,
  "data/orders.csv": SEED,
  "pages/home.yaml": home("First"),
  "pages/more.yaml": MORE,
};

let browser, server, page;

before(async () => (browser = await launch()));
after(() => browser.close());
beforeEach(async () => {
  server = await Server.develop(FILES);
  page = await open(browser, server.url);
  // What is kept for the life of the page is gone if it was loaded anew.
  await page.evaluate(() => (window.stayed = true));
});
afterEach(async () => {
  await page.context().close();
  await server.stop();
});

const title = () => page.locator("h1").textContent();
const fault = () => page.locator("pagetide-overlay pre").textContent();
const faults = () => page.locator("pagetide-overlay").count();
const stayed = () => page.evaluate(() => window.stayed === true);

/** Waits within the browser, so that nothing but the page is measured. */
function shown(words) {
  return page.waitForFunction((words) => document.querySelector("h1")?.textContent === words, words, {
    polling: "raf",
  });
}

test("a good save is shown at once, and the page stays the same page", async () => {
  await eventually(() => state(page, "orders"), "live");
  const times = [];
  for (let round = 0; round < 21; round += 1) {
    const words = `Save ${round}`;
    const seen = page.evaluate((words) => {
      const heading = document.querySelector("h1");
      const now = () => performance.timeOrigin + performance.now();
      return new Promise((resolve) => {
        const observer = new MutationObserver(() => {
          if (heading.textContent !== words) return;
          observer.disconnect();
          resolve(now());
        });
        observer.observe(heading, { childList: true, characterData: true, subtree: true });
      });
    }, words);
    // The observer is in place once the browser has answered something else.
    await page.evaluate(() => 0);
    const saved = performance.timeOrigin + performance.now();
    server.save("pages/home.yaml", home(words));
    times.push((await seen) - saved);
  }
  times.sort((left, right) => left - right);
  const [median, slowest] = [times[10], times.at(-1)].map((ms) => ms.toFixed(0));
  console.log(`save to DOM: median ${median} ms, slowest of ${times.length} ${slowest} ms`);
  assert.ok(await stayed());
  assert.deepEqual(page.complaints, []);
});

test("scroll position, what is live and the rest of the page stay through a save", async () => {
  await eventually(() => state(page, "orders"), "live");
  await page.evaluate(() => {
    scrollTo(0, 700);
    window.table = document.getElementById("orders");
    window.states = [];
    new MutationObserver((all) => all.forEach(({ target }) => window.states.push(target.dataset.state)))
      .observe(document.querySelector("#orders .pt-state"), { attributeFilter: ["data-state"] });
  });
  server.save("pages/home.yaml", home("Second"));
  await shown("Second");
  assert.equal(await page.evaluate(() => scrollY), 700);
  assert.ok(await page.evaluate(() => window.table === document.getElementById("orders")));
  server.sql("insert into orders (customer) values ('Barbara')");
  await eventually(() => column(page, "orders", "Customer"), ["Ada", "Barbara", "Grace", "Linus"]);
  // Nobody was told of a lost connection.
  assert.deepEqual(await page.evaluate(() => window.states.filter((state) => state !== "live")), []);
  assert.ok(await stayed());
});

test("a table with another column takes the place of the old one and is live", async () => {
  server.save("pages/home.yaml", home("First", "[status, customer]"));
  const heads = () => page.locator("#orders thead th").allTextContents();
  await eventually(heads, ["Status", "Customer"]);
  server.sql("insert into orders (customer) values ('Barbara')");
  await eventually(() => column(page, "orders", "Customer"), ["Ada", "Barbara", "Grace", "Linus"]);
  await eventually(() => state(page, "orders"), "live");
  assert.ok(await stayed());
});

test("a bad save is told as check tells it, over the last good page, until it is mended", async () => {
  server.save("pages/home.yaml", home("Second").replace("type: dataTable", "type: dataTabel"));
  await eventually(async () => /did you mean `dataTable`\?/.test(await fault()), true);
  assert.match(await fault(), /there is no component `dataTabel`\n *--> pages\/home.yaml:6:11\n/);
  assert.match(await fault(), /1 error\n$/);
  assert.ok((await page.locator("pagetide-overlay pre .c91").count()) > 0);
  assert.equal(await title(), "First");
  server.save("pages/home.yaml", home("Third"));
  await shown("Third");
  await eventually(faults, 0);
  assert.ok(await stayed());
});

test("an overlay can be closed, and another fault opens it again", async () => {
  server.save("pages/more.yaml", "name: [");
  await eventually(faults, 1);
  await page.getByRole("button", { name: "Close" }).click();
  assert.equal(await faults(), 0);
  server.save("pages/more.yaml", "name: 5");
  await eventually(faults, 1);
  assert.match(await fault(), /pages\/more.yaml/);
});

test("a page that is opened while there is a fault shows it too", async () => {
  server.save("pages/more.yaml", "name: [");
  await eventually(faults, 1);
  await page.reload();
  await eventually(faults, 1);
  assert.equal(await title(), "First");
});

test("a change that would lose data is not made, and what to do is said", async () => {
  server.save("tables/orders.yaml", TABLES.replace(/.*status.*\n/, ""));
  server.save("data/orders.csv", "customer\nAda\n");
  server.save("pages/home.yaml", home("Second", "[customer]"));
  await eventually(async () => /renamedFrom/.test(await fault()), true);
  assert.match(await fault(), /status/);
  assert.equal(server.sql("select count(status) from orders"), "3");
  server.save("tables/orders.yaml", TABLES.replace("name: status", "name: stage, renamedFrom: status"));
  server.save("data/orders.csv", SEED.replace("status", "stage"));
  server.save("pages/home.yaml", home("Third", "[customer, stage]"));
  await shown("Third");
  await eventually(faults, 0);
  await eventually(() => column(page, "orders", "Stage"), ["open", "open", "done"]);
  server.sql("insert into orders (customer) values ('Barbara')");
  await eventually(() => column(page, "orders", "Customer"), ["Ada", "Barbara", "Grace", "Linus"]);
});

test("an editor may write beside a file and put that in its place", async () => {
  for (const round of ["Second", "Third"]) {
    const beside = join(server.app, "pages/.home.yaml.swp");
    writeFileSync(beside, home(round));
    renameSync(beside, join(server.app, "pages/home.yaml"));
    await shown(round);
  }
  assert.equal(await faults(), 0);
});

test("of a burst of saves the last one stands", async () => {
  for (let round = 0; round < 200; round += 1) server.save("pages/home.yaml", home(`Burst ${round}`));
  await shown("Burst 199");
  assert.equal(await faults(), 0);
});

test("a file that is gone is told, and the page is back with the file", async () => {
  rmSync(join(server.app, "pages/more.yaml"));
  await eventually(async () => /there is no file `.\/pages\/more.yaml`/.test(await fault()), true);
  server.save("pages/more.yaml", MORE);
  await eventually(faults, 0);
  renameSync(join(server.app, "pages"), join(server.app, "away"));
  await eventually(faults, 1);
  renameSync(join(server.app, "away"), join(server.app, "pages"));
  await eventually(faults, 0);
  server.save("pages/home.yaml", home("Second"));
  await shown("Second");
  rmSync(join(server.app, "app.yaml"));
  await eventually(async () => /there is no app.yaml/.test(await fault()), true);
  server.save("app.yaml", APP);
  await eventually(faults, 0);
});

test("a whole app may be moved away and come back", async () => {
  renameSync(server.app, `${server.app}-away`);
  await eventually(faults, 1);
  mkdirSync(server.app);
  for (const [name, text] of Object.entries(FILES)) server.save(name, text);
  await eventually(faults, 0);
  server.save("pages/home.yaml", home("Second"));
  await shown("Second");
});

test("a page that is new is in the menu, and one that is gone leads nowhere", async () => {
  server.save("pages/more.yaml", MORE.replace("name: More", "name: Others"));
  const menu = () => page.locator("header nav a").allTextContents();
  await eventually(menu, ["Home", "Others"]);
  server.save("app.yaml", APP.replace(", { $ref: ./pages/more.yaml }", ""));
  await eventually(async () => (await page.locator("header nav a").count()) < 2, true);
  assert.ok(await stayed());
});

test("when the server comes back, so does the page", async () => {
  await server.kill();
  server.save("pages/home.yaml", home("Second"));
  await server.restart();
  await shown("Second");
});

test("an app with errors is waited for", async () => {
  // A page of the old run would load itself anew just while this one is opened.
  await page.goto("about:blank");
  await server.kill();
  server.save("app.yaml", "name: [");
  await server.restart();
  await page.goto(server.url);
  await eventually(faults, 1);
  server.save("app.yaml", APP);
  await shown("First");
  assert.equal(await faults(), 0);
});

test("of a save of styles only the styles change", async () => {
  server.save("public/theme.css", "h1 { color: rgb(1, 2, 3) }");
  server.save("app.yaml", `${APP}theme: { stylesheet: ./public/theme.css }\n`);
  const colour = () => page.evaluate(() => getComputedStyle(document.querySelector("h1")).color);
  await eventually(colour, "rgb(1, 2, 3)");
  await eventually(() => state(page, "orders"), "live");
  await page.evaluate(() => {
    window.changes = [];
    new MutationObserver((all) => window.changes.push(...all.map(({ target }) => target.outerHTML)))
      .observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
  });
  server.save("public/theme.css", "h1 { color: rgb(4, 5, 6) }");
  await eventually(colour, "rgb(4, 5, 6)");
  assert.deepEqual(await page.evaluate(() => window.changes), []);
  await eventually(() => page.locator("link[href*='theme.css']").count(), 1);
  assert.ok(await stayed());
  assert.deepEqual(page.complaints, []);
});

test("what editors and compilers leave beside a stylesheet is no reason to load", async () => {
  server.save("public/theme.css", "h1 { color: rgb(1, 2, 3) }");
  server.save("app.yaml", `${APP}theme: { stylesheet: ./public/theme.css }\n`);
  const colour = () => page.evaluate(() => getComputedStyle(document.querySelector("h1")).color);
  await eventually(colour, "rgb(1, 2, 3)");
  const beside = ["#theme.css#", "theme.css.bak", "theme.css.swp", "theme.css~", "theme.css.map", "theme.scss", "4913"];
  for (const [round, name] of beside.entries()) {
    server.save(`public/${name}`, "x");
    // The style is taken after it, so it has been seen.
    server.save("public/theme.css", `h1 { color: rgb(4, 5, ${round}) }`);
    await eventually(colour, `rgb(4, 5, ${round})`);
    assert.ok(await stayed(), name);
  }
  assert.deepEqual(server.lines.filter((line) => /bak|map|scss|#/.test(line)), []);
});

test("a theme is shown on the page as it stands", async () => {
  const accent = () => page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue("--accent"));
  server.save("app.yaml", `${APP}theme: { accent: "#7c3aed" }\n`);
  await eventually(async () => (await accent()).includes("#7c3aed"), true);
  server.save("app.yaml", `${APP}theme: { accent: "#0f766e" }\n`);
  await eventually(async () => (await accent()).includes("#0f766e"), true);
  assert.ok(await stayed());
  assert.deepEqual(page.complaints, []);
});

test("what was typed and where stays through a save", async () => {
  const form = (words) => `<p>${words}</p><form><input name=a aria-label=A><textarea name=b aria-label=B>b</textarea></form>`;
  const withForm = (words) => home(words).replace("components:", `components:\n  - { type: html, content: "${form(words)}" }`);
  server.save("pages/home.yaml", withForm("First, with a form"));
  await shown("First, with a form");
  await page.fill("[name=b]", "twice as long");
  await page.fill("[name=a]", "half a sen");
  await page.evaluate(() => document.querySelector("[name=a]").setSelectionRange(2, 4));
  server.save("pages/home.yaml", withForm("Second"));
  await shown("Second");
  const state = await page.evaluate(() => {
    const [a, b] = ["a", "b"].map((name) => document.querySelector(`[name=${name}]`));
    return [a.value, b.value, document.activeElement === a, a.selectionStart, a.selectionEnd];
  });
  assert.deepEqual(state, ["half a sen", "twice as long", true, 2, 4]);
});

test("what was typed in a form goes over nobody and into no other record", async () => {
  const withForm = (words, id) =>
    home(words).replace(
      "components:",
      `components:\n  - { type: form, id: edit, fields: [customer, status], dataSource: { table: orders, filter: [{ field: id, operator: eq, value: ${id} }] } }`,
    );
  server.save("pages/home.yaml", withForm("First, with a form", 1));
  await shown("First, with a form");
  await page.fill("#edit [name=customer]", "Eve");
  server.sql("update orders set customer = 'Zoe' where id = 1");
  server.save("pages/home.yaml", withForm("Second", 1));
  await shown("Second");
  assert.equal(await page.inputValue("#edit [name=customer]"), "Eve");
  await page.click("#edit .pt-form-foot button");
  await page.locator("#edit .pt-theirs", { hasText: "Zoe" }).waitFor();
  server.save("pages/home.yaml", withForm("Third", 2));
  await shown("Third");
  assert.equal(await page.inputValue("#edit [name=customer]"), "Grace");
  assert.match(await page.locator("#edit [role=alert]").textContent(), /You had entered customer: Eve/);
  assert.equal(server.sql("select group_concat(customer) from orders").trim(), "Zoe,Grace,Linus");
});

test("a cell that is being edited stays open, and its table is shown anew once it is closed", async () => {
  const orders = TABLES.replace("update: all", "update: all, create: all");
  server.save("tables/orders.yaml", orders);
  server.save("pages/home.yaml", home("Second", "[{ field: customer, editable: true }, status]"));
  await shown("Second");
  await eventually(() => page.locator("#orders td[tabindex]").count(), 3);
  await page.locator("#orders td[tabindex]").first().click();
  await page.keyboard.type("Half a na");
  server.save("pages/home.yaml", home("Third", "[status, { field: customer, editable: true }]"));
  await shown("Third");
  assert.equal(await page.locator("#orders td.pt-editing input").inputValue(), "Half a na");
  await page.keyboard.press("Escape");
  const heads = () => page.locator("#orders thead th").allTextContents();
  await eventually(heads, ["Status", "Customer"]);
  assert.ok(await stayed());
});

test("of a table that a save takes away, no field stays in hand", async () => {
  const list = `  - { type: list, id: open, item: { title: customer }, dataSource: { table: orders, refreshMode: realtime } }\n`;
  server.save("pages/home.yaml", home("Second", "[{ field: customer, editable: true }, status]") + list);
  await shown("Second");
  const sockets = [];
  page.on("websocket", (socket) => {
    const said = [];
    sockets.push(said);
    socket.on("framesent", ({ payload }) => said.push(JSON.parse(payload)));
  });
  await page.reload();
  const inHand = () => sockets.flat().findLast(({ type }) => type === "editing")?.fields;
  await page.locator("#orders td[tabindex]").first().click();
  await eventually(inHand, ["customer"]);
  // As in browsers that say nothing of a focus that goes with its element.
  await page.evaluate(() => addEventListener("blur", (event) => event.stopImmediatePropagation(), { capture: true }));
  const before = sockets.length;
  server.save("pages/home.yaml", `name: Home\npath: /\naccess: all\ncomponents:\n${list}`);
  await eventually(() => page.locator("#orders").count(), 0);
  await eventually(() => sockets.slice(before).flat().map(({ component }) => component), ["open"]);
});

test("a template of the app is shown when it is saved, and ours when it is gone", async () => {
  server.save("templates/text.html", "<h1>{{ content }}!</h1>");
  await shown("First!");
  server.save("templates/text.html", "<h1>{{ content }</h1>");
  await eventually(async () => /templates\/text.html:1/.test(await fault()), true);
  server.save("templates/text.html", "<h1>{{ contend }}</h1>");
  await eventually(async () => /could not be rendered\n.*text.html:1/.test(await fault()), true);
  await shown("First!");
  rmSync(join(server.app, "templates"), { recursive: true });
  await shown("First");
  assert.equal(await faults(), 0);
});

/** A proxy that speaks TLS to browsers, and hands on what it hears as it is. */
async function secured(port, folder) {
  const [key, cert] = ["key.pem", "cert.pem"].map((name) => join(folder, name));
  const subject = ["-subj", "/CN=desk.localhost", "-days", "1"];
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, ...subject], {
    stdio: "ignore",
  });
  const proxy = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (client) => {
    const behind = connect(port, "127.0.0.1");
    client.on("error", () => behind.destroy());
    behind.on("error", () => client.destroy());
    client.pipe(behind).pipe(client);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  return proxy;
}

test("behind a proxy with HTTPS and another name, saves and rows are shown as ever", async () => {
  const other = await Server.develop(FILES, ["--allow-host", "desk.localhost"]);
  const proxy = await secured(new URL(other.url).port, other.folder);
  const visit = (host) => open(browser, `https://${host}:${proxy.address().port}/`, { ignoreHTTPSErrors: true });
  const seen = await visit("desk.localhost");
  const sockets = [];
  seen.on("websocket", (socket) => sockets.push(new URL(socket.url()).protocol));
  await seen.reload();
  await eventually(() => state(seen, "orders"), "live");
  other.sql("update orders set customer = 'Adele' where customer = 'Ada'");
  await eventually(async () => (await column(seen, "orders", "Customer"))[0], "Adele");
  other.save("pages/home.yaml", home("Second"));
  await eventually(() => seen.locator("h1").textContent(), "Second");
  assert.deepEqual([...new Set(sockets)], ["wss:"]);
  assert.deepEqual(seen.complaints, []);
  await seen.context().close();
  const [foreign] = await once(
    get({ port: proxy.address().port, rejectUnauthorized: false, headers: { host: "desk.example" } }),
    "response",
  );
  foreign.resume();
  assert.equal(foreign.statusCode, 403);
  proxy.close();
  await other.stop();
});

test("`--open` opens the browser at the app", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pagetide-"));
  const program = join(folder, process.platform === "darwin" ? "open" : "xdg-open");
  writeFileSync(program, `#!/bin/sh\nprintf %s "$1" >"${folder}/told.new" && mv "${folder}/told.new" "${folder}/told"\n`);
  chmodSync(program, 0o755);
  const { PATH } = process.env;
  process.env.PATH = `${folder}:${PATH}`;
  const other = await Server.develop(FILES, ["--open"]).finally(() => (process.env.PATH = PATH));
  const told = join(folder, "told");
  await eventually(() => existsSync(told) && readFileSync(told, "utf8"), `${other.url}/`);
  await other.stop();
  rmSync(folder, { recursive: true });
});
