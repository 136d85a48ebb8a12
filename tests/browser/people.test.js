/** Accounts: signing up, one's own page, and all of it without JavaScript. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { admin, launch, open, openSignedIn, Server } from "./harness.js";
import { look, screens } from "./look.js";

let server, browser;

before(async () => {
  server = await Server.start("tests/browser/people");
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

for (const javaScriptEnabled of [false, true]) {
  const how = javaScriptEnabled ? "with" : "without";

  test(`somebody signs up, changes their password and signs out everywhere ${how} JavaScript`, async () => {
    const email = `bob-${how}@example.org`;
    const page = await open(browser, server.url, { javaScriptEnabled });
    assert.equal(new URL(page.url()).pathname, "/sign-in");
    await page.click("text=Make one");
    await page.fill("[name=name]", "Bob");
    await page.fill("[name=email]", email);
    await page.fill("[name=password]", "battery staple");
    await page.click("button.pt-primary");
    await page.waitForURL(server.url + "/");
    await page.click("a.pt-who");
    assert.match(await page.textContent("main"), new RegExp(email));
    await page.fill("[name=currentPassword]", "wrong horse");
    await page.fill("[name=newPassword]", "horse battery");
    await page.click("text=Change the password");
    assert.match(await page.textContent("[role=alert]"), /current password is wrong/);
    await page.fill("[name=currentPassword]", "battery staple");
    await page.fill("[name=newPassword]", "horse battery");
    await page.click("text=Change the password");
    assert.match(await page.textContent(".pt-notice"), /password is changed/);
    await page.click("text=Sign out everywhere");
    await page.waitForURL(/sign-in/);
    await page.fill("[name=email]", email);
    await page.fill("[name=password]", "horse battery");
    await page.press("[name=password]", "Enter");
    await page.waitForURL(server.url + "/");
    assert.deepEqual(page.complaints.filter((text) => !text.includes("403")), []);
    await page.context().close();
  });

  test(`a token is made, used and revoked ${how} JavaScript`, async () => {
    const page = await openSignedIn(browser, server, "/account", { javaScriptEnabled });
    await page.fill("#pt-tokens [name=name]", "nightly export");
    await page.click("text=Make a token");
    const token = await page.textContent(".pt-secret");
    const read = () =>
      fetch(`${server.url}/api/tables/notes/records`, { headers: { authorization: `Bearer ${token}` } });
    assert.equal((await read()).status, 200);
    await page.goto(`${server.url}/account`);
    assert.equal(await page.locator(".pt-secret").count(), 0);
    assert.match(await page.textContent("#pt-tokens"), /last used/);
    await page.click("text=Revoke");
    assert.match(await page.textContent(".pt-notice"), /revoked/);
    assert.equal((await read()).status, 401);
    await page.context().close();
  });
}

test("a page that is open learns that its account was shut", async () => {
  const page = await openSignedIn(browser, server, "/");
  await page.locator("[data-state=live]").waitFor();
  server.sql(`update _pagetide_users set disabled_at = '2026-01-01' where email = '${admin.email}'`);
  await page.waitForURL(/sign-in/);
  server.sql("update _pagetide_users set disabled_at = null");
  await page.context().close();
});

for (const [screen, options] of Object.entries(screens)) {
  test(`nothing is wrong with these pages, ${screen}`, async () => {
    const page = await open(browser, `${server.url}/sign-up`, options);
    await look(page, `${screen}-sign-up`);
    await page.context().close();
    const own = await openSignedIn(browser, server, "/account", options);
    await own.fill("#pt-tokens [name=name]", "nightly export");
    await own.click("text=Make a token");
    await look(own, `${screen}-account`, { fullPage: true });
    await own.context().close();
  });
}
