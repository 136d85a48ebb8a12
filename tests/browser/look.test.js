/** Every page of the example app in light, dark and phone width: for axe, and for people. */
import assert from "node:assert/strict";
import { get } from "node:http";
import { after, before, test } from "node:test";
import { Server, admin, column, eventually, launch, open, state } from "./harness.js";
import { look, screens } from "./look.js";

const guestPaths = ["/", "/orders", "/orders?search=no+such+order", "/orders?page=3&filter.status=delivered", "/orders/7", "/inventory", "/about", "/sign-in", "/nothing-here"];

let browser, server;

before(async () => {
  browser = await launch();
  server = await Server.start("example-app");
});
after(async () => {
  await browser.close();
  await server.stop();
});

for (const [screen, options] of Object.entries(screens)) {
  test(`guests find nothing wrong, ${screen}`, async () => {
    for (const path of guestPaths) {
      const page = await open(browser, server.url + path, options);
      if (path === "/") await eventually(() => state(page, "processing"), "live");
      await look(page, `${screen}${path.replaceAll(/[/?&=]/g, "-")}`);
      const missing = (text) => path === "/nothing-here" && text.includes("404");
      assert.deepEqual(page.complaints.filter((text) => !missing(text)), []);
      await page.context().close();
    }
  });

  test(`people who have signed in find nothing wrong, ${screen}`, async () => {
    const page = await open(browser, `${server.url}/desk`, options);
    assert.match(page.url(), /\/sign-in\?next=/);
    await page.getByLabel("E-mail address").fill(admin.email);
    await page.getByLabel("Password").fill("wrong horse");
    await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").waitFor();
    await look(page, `${screen}-sign-in-wrong`);
    await page.getByLabel("Password").fill(admin.password);
    await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL("**/desk");
    assert.ok((await column(page, "open-orders", "E-mail")).every((email) => email.includes("@")));
    await look(page, `${screen}-desk`);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("link", { name: "Sign in" }).waitFor();
    await page.context().close();
  });
}

/** How many bytes come over the wire for a path, and what they say. */
function fetched(path) {
  return new Promise((resolve, reject) => {
    get(server.url + path, { headers: { "Accept-Encoding": "br, gzip" } }, (answer) => {
      const chunks = [];
      answer.on("data", (chunk) => chunks.push(chunk));
      answer.on("end", () => resolve(Buffer.concat(chunks)));
    }).on("error", reject);
  });
}

test("the first page with all it needs at once is under 30 KB", async () => {
  const html = await (await fetch(server.url)).text();
  const paths = html.replaceAll("&#x2f;", "/").match(/\/_pagetide\/[^"]+/g);
  const sizes = await Promise.all(["/", ...new Set(paths)].map(async (path) => (await fetched(path)).length));
  const total = sizes.reduce((sum, size) => sum + size);
  assert.ok(sizes.length > 10 && total < 30_000, `${total} bytes`);
});

test("guests never receive an e-mail address", async () => {
  const page = await open(browser, server.url);
  const frames = [];
  page.on("websocket", (socket) => socket.on("framereceived", ({ payload }) => frames.push(payload)));
  await page.reload();
  await eventually(() => state(page, "processing"), "live");
  const before = await column(page, "processing", "Customer");
  server.sql("insert into orders (customer, item, status, dueOn, email) values ('Ada', 'Night Ferry', 'processing', '2000-01-01', 'ada@secret.example')");
  await eventually(() => column(page, "processing", "Customer"), ["Ada", ...before], 1000);
  assert.ok(frames.some((frame) => frame.includes("Night Ferry")));
  assert.ok(!frames.join().includes("secret.example") && !(await page.content()).includes("@"));
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("the switch changes the theme and the browser remembers", async () => {
  const page = await open(browser, server.url, screens.light);
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await background();
  await page.getByRole("button", { name: /light and dark/ }).click();
  await eventually(async () => (await background()) !== light, true);
  const dark = await background();
  await page.reload();
  assert.equal(await background(), dark);
  await page.context().close();
});
