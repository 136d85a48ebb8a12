/** Pages for admins, with and without JavaScript. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { column, eventually, launch, open, openAs, openSignedIn, Server } from "./harness.js";
import { look, screens } from "./look.js";

let server, browser;

before(async () => {
  server = await Server.start("example-app");
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const orders = "/admin/tables/orders";

for (const javaScriptEnabled of [false, true]) {
  const how = javaScriptEnabled ? "with" : "without";

  test(`a record is added, changed and deleted ${how} JavaScript`, async () => {
    const page = await openSignedIn(browser, server, orders, { javaScriptEnabled });
    await page.click("text=New record");
    await page.fill("[name=customer]", `Ada ${how}`);
    await page.fill("[name=item]", "House espresso");
    await page.click("#new button");
    await page.waitForURL(server.url + orders);
    const [id, customer] = server.sql("select id, customer from orders order by id desc limit 1").split("|");
    assert.equal(customer, `Ada ${how}`);
    await page.click(`a[href="${orders}/${id}"]`);
    await page.fill("#edit [name=customer]", `Grace ${how}`);
    await page.click("#edit button.pt-primary");
    await eventually(() => server.sql(`select customer from orders where id = ${id}`), `Grace ${how}`);
    await page.goto(`${server.url}${orders}/${id}`);
    assert.match(await page.textContent("[aria-labelledby=pt-history]"), /Changed by ada/);
    await page.click("#pt-delete summary");
    await page.click("#pt-delete button");
    await page.waitForURL(server.url + orders);
    assert.equal(server.sql(`select count(*) from orders where id = ${id}`), "0");
    await page.context().close();
  });

  test(`a file is imported ${how} JavaScript`, async () => {
    const page = await openSignedIn(browser, server, "/admin/import/orders", { javaScriptEnabled });
    const csv = `customer,item\nImported ${how},House espresso\n`;
    if (javaScriptEnabled) {
      const file = join(server.folder, "orders.csv");
      writeFileSync(file, csv);
      await page.setInputFiles("[type=file]", file);
      await eventually(() => page.inputValue("[name=csv]"), csv);
    } else {
      await page.fill("[name=csv]", csv);
    }
    await page.click("text=Only try it");
    assert.match(await page.textContent(".pt-notice"), /would add 1 and change 0/);
    await page.click("button.pt-primary");
    assert.match(await page.textContent(".pt-notice"), /1 added/);
    assert.equal(server.sql(`select count(*) from orders where customer = 'Imported ${how}'`), "1");
    await page.context().close();
  });

  test(`a file that is no UTF-8 is refused in words ${how} JavaScript`, async () => {
    const page = await openSignedIn(browser, server, "/admin/import/orders", { javaScriptEnabled });
    const file = join(server.folder, "windows.csv");
    writeFileSync(file, Buffer.from("customer,item\nK\xe4se,House espresso\n", "latin1"));
    await page.setInputFiles("[type=file]", file);
    await page.click("button.pt-primary");
    assert.match(await page.textContent(".pt-problem"), /Line 2: is not UTF-8: save the file/);
    assert.equal(await page.inputValue("[name=csv]"), "");
    writeFileSync(file, `customer,item\nKäse ${how},House espresso\n`);
    await page.setInputFiles("[type=file]", file);
    await page.click("button.pt-primary");
    assert.match(await page.textContent(".pt-notice"), /1 added/);
    assert.equal(server.sql(`select count(*) from orders where customer = 'Käse ${how}'`), "1");
    await page.context().close();
  });

  test(`somebody is added, given a role and shut out ${how} JavaScript`, async () => {
    const page = await openSignedIn(browser, server, "/admin/users", { javaScriptEnabled });
    await page.click("text=Add somebody");
    await page.fill("[name=name]", `Bob ${how}`);
    await page.fill("[name=email]", `bob-${how}@example.org`);
    await page.fill("[name=password]", "battery staple");
    await page.click("text=Add them");
    const row = page.locator("tr", { hasText: `bob-${how}@example.org` });
    await row.locator("select").selectOption("packer");
    await row.getByRole("button", { name: /^Set/ }).click();
    assert.match(await page.textContent(".pt-notice"), /holds at once/);
    await row.getByRole("button", { name: /^Shut out/ }).click();
    await row.getByText("shut out", { exact: true }).waitFor();
    const body = JSON.stringify({ email: `bob-${how}@example.org`, password: "battery staple" });
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${server.url}/api/auth/sign-in/email`, { method: "POST", headers, body });
    assert.equal(answer.status, 401);
    await page.context().close();
  });
}

test("what others do is seen at once", async () => {
  const page = await openSignedIn(browser, server, orders);
  await page.locator("#records [data-state=live]").waitFor();
  server.sql("insert into orders (customer, item, dueOn) values ('From elsewhere', 'Night Ferry', '2026-01-01')");
  await eventually(async () => (await page.textContent("#records")).includes("From elsewhere"), true);
  await page.goto(`${server.url}/admin/connections`);
  const hasGuest = async () => (await page.textContent("#pt-open")).includes("a guest");
  assert.equal(await hasGuest(), false);
  const guest = await open(browser, server.url);
  await eventually(hasGuest, true, 8000);
  await guest.context().close();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

for (const [screen, options] of Object.entries(screens)) {
  test(`nothing is wrong with these pages, ${screen}`, async () => {
    // Not by password: who tries more than ten times is slowed down.
    const page = await openAs(browser, server, screen, "/admin", options);
    const paths = [orders, `${orders}/new`, `${orders}/1`, "/admin/import/orders", "/admin/users",
      "/admin/sessions", "/admin/tokens", "/admin/connections"];
    await look(page, `${screen}-admin`, { fullPage: true });
    for (const path of paths) {
      await page.goto(server.url + path);
      await look(page, `${screen}${path.replaceAll("/", "-")}`, { fullPage: true });
    }
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}
