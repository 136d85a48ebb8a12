/** Forms, with JavaScript and without: adding, faults, editing, two people at one record. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { Server, column, eventually, launch, open as openPage } from "./harness.js";
import { look, screens } from "./look.js";

let browser, server;

before(async () => {
  browser = await launch();
});
after(() => browser.close());
beforeEach(async () => {
  server = await Server.start("tests/browser/forms");
  server.sql("insert into orders (customer, number) values ('Ada', 1)");
});
afterEach(() => server.stop());

const stored = (columns, where = "number = 1") => server.sql(`select ${columns} from orders where ${where}`);
const toasts = (page) => page.locator(".pt-toast p").allTextContents();
const faults = (page) => page.locator(".pt-fault").allTextContents().then((all) => all.map((text) => text.trim()));
const send = (page) => page.locator("form.pt-form button").click();
const focused = (page) => page.evaluate(() => document.activeElement.name);

/** Opens a page; with JavaScript, once its scripts have taken it up: before that it works as without. */
async function open(browser, url, options = {}) {
  const page = await openPage(browser, url, options);
  if (options.javaScriptEnabled ?? true) {
    // A module that is there already is waited for, and not run again.
    await page.evaluate(() => import(document.querySelector("script[type=module][src]").src).then(() => {}));
  }
  return page;
}

/** Whatever the browser complains about, but for the statuses that a form is answered with. */
function assertQuiet(page) {
  const rest = page.complaints.filter((text) => !/status of (409|422)/.test(text));
  assert.deepEqual(rest, []);
  return page.context().close();
}

for (const javaScriptEnabled of [true, false]) {
  const visit = (path, options) => open(browser, server.url + path, { javaScriptEnabled, ...options });
  const how = javaScriptEnabled ? "with JavaScript" : "without JavaScript";

  test(`a guest adds what they may not read, ${how}`, async () => {
    const page = await visit("/contact");
    await page.fill("[name=email]", "ada@example.org");
    await page.fill("[name=words]", "Hello.");
    await send(page);
    await eventually(() => toasts(page), ["Thank you."]);
    assert.equal(server.sql("select email, words from messages"), "ada@example.org|Hello.");
    assert.equal(await page.inputValue("[name=words]"), "");
    assert.doesNotMatch(await page.content(), /Hello/);
    await assertQuiet(page);
  });

  test(`a record is added, and the form is ready for the next, ${how}`, async () => {
    const page = await visit("/");
    await page.fill("[name=customer]", "Grace");
    await page.fill("[name=number]", "2");
    await page.selectOption("[name=status]", "done");
    await page.check("[name=paid]");
    await page.fill("[name=total]", "24.5");
    await page.fill("[name=notes]", "two\nlines");
    await send(page);
    await eventually(() => toasts(page), ["The order is in."]);
    const row = stored("customer, status, paid, total, notes, source", "number = 2");
    assert.equal(row, "Grace|done|1|24.5|two\nlines|page");
    assert.equal(await page.inputValue("[name=customer]"), "");
    assert.equal(await page.isChecked("[name=paid]"), false);
    if (javaScriptEnabled) {
      assert.equal(await focused(page), "customer");
      await eventually(() => column(page, "orders", "Customer"), ["Ada", "Grace"]);
    }
    await page.reload();
    assert.deepEqual(await toasts(page), []);
    await assertQuiet(page);
  });

  test(`all faults come back at their fields, and what was typed stays, ${how}`, async () => {
    const page = await visit("/");
    // What browsers check by themselves is not what is tested here.
    await page.locator("form.pt-form").evaluate((form) => form.setAttribute("novalidate", ""));
    await page.fill("[name=customer]", "Grace");
    await page.fill("[name=email]", "nobody");
    await page.fill("[name=total]", "-5");
    await page.check("[name=paid]");
    await send(page);
    await eventually(() => faults(page), ["Must be an e-mail address.", "Must be at least 0."]);
    assert.equal(await focused(page), "email");
    assert.equal(await page.inputValue("[name=customer]"), "Grace");
    assert.equal(await page.inputValue("[name=email]"), "nobody");
    assert.equal(await page.isChecked("[name=paid]"), true);
    assert.equal(await page.getAttribute("[name=email]", "aria-invalid"), "true");
    await page.fill("[name=email]", "grace@example.org");
    await page.fill("[name=total]", "5");
    await page.fill("[name=number]", "1");
    await send(page);
    await eventually(() => faults(page), ["Is that of another record already; it must differ."]);
    await page.fill("[name=number]", "2");
    await send(page);
    await eventually(() => toasts(page), ["The order is in."]);
    assert.equal(stored("customer, email, total", "number = 2"), "Grace|grace@example.org|5");
    assert.deepEqual(await faults(page), []);
    await assertQuiet(page);
  });

  test(`a form leads on, and the next page tells what was done, ${how}`, async () => {
    const page = await visit("/led");
    await page.fill("[name=customer]", "Grace");
    await send(page);
    await page.waitForURL(`${server.url}/?order=2`);
    await eventually(() => toasts(page), ["Led here."]);
    await page.reload();
    assert.deepEqual(await toasts(page), []);
    await assertQuiet(page);
  });

  test(`editing saves what was changed, ${how}`, async () => {
    const page = await visit("/edit");
    server.sql("update orders set notes = 'by phone'");
    await page.fill("[name=customer]", "Ada L.");
    await send(page);
    await eventually(() => toasts(page), ["Saved"]);
    assert.equal(stored("customer, notes, paid"), "Ada L.|by phone|0");
    await eventually(() => page.inputValue("[name=notes]"), "by phone");
    await assertQuiet(page);
  });

  test(`of two people at one field, the later one chooses, ${how}`, async () => {
    const page = await visit("/edit");
    server.sql("update orders set customer = 'Theirs', notes = 'new'");
    await page.fill("[name=customer]", "Mine");
    await send(page);
    const theirs = page.locator(".pt-theirs");
    await theirs.waitFor();
    assert.equal(await theirs.count(), 1);
    assert.match(await theirs.textContent(), /Somebody else set this to Theirs/);
    assert.equal(await page.inputValue("[name=customer]"), "Mine");
    assert.equal(await page.inputValue("[name=notes]"), "new");
    assert.equal(stored("customer"), "Theirs");
    await send(page);
    await eventually(() => toasts(page), ["Saved"]);
    assert.equal(stored("customer, notes"), "Mine|new");

    server.sql("update orders set customer = 'Theirs again'");
    await page.fill("[name=customer]", "Mine again");
    await send(page);
    await page.getByLabel("Take theirs").check();
    await send(page);
    await eventually(() => page.locator(".pt-theirs").count(), 0);
    await eventually(() => page.inputValue("[name=customer]"), "Theirs again");
    assert.equal(stored("customer"), "Theirs again");
    await assertQuiet(page);
  });

  test(`a button does what it says, and asks first where it deletes, ${how}`, async () => {
    server.sql("insert into orders (customer, number) values ('Bob', 2)");
    const page = await visit("/press");
    await page.click("#finish button");
    await eventually(() => toasts(page), ["Saved"]);
    assert.equal(stored("status"), "done");
    await eventually(() => page.isVisible("#finish button"), false);
    await eventually(() => column(page, "orders", "Status"), ["done", "open"]);

    const ask = async (answer) => {
      await page.click("#remove button");
      await page.getByText("Remove it for good?").waitFor();
      const role = answer === "Cancel" && !javaScriptEnabled ? "link" : "button";
      const within = javaScriptEnabled ? page.locator("dialog") : page.locator("main");
      await within.getByRole(role, { name: answer }).click();
    };
    await ask("Cancel");
    assert.equal(stored("count(*)", "true"), "2");
    await ask("Remove the first");
    await eventually(() => toasts(page).then((all) => all.at(-1)), "It is gone.");
    assert.equal(stored("customer", "true"), "Bob");
    await eventually(() => column(page, "orders", "Customer"), ["Bob"]);
    await assertQuiet(page);
  });

  test(`rows are finished and deleted, one by one and many at once, ${how}`, async () => {
    server.sql("insert into orders (customer, number) values ('Bob', 2), ('Cy', 3), ('Di', 4)");
    const page = await visit("/rows");
    const row = (name) => page.locator("#orders tbody tr", { hasText: name });
    const customers = () => column(page, "orders", "Customer");
    const confirm = async (text, answer) => {
      await page.getByText(text).waitFor();
      const within = page.locator(javaScriptEnabled ? "dialog" : "main");
      await within.getByRole("button", { name: answer }).click();
    };
    await row("Ada").getByRole("button", { name: "Finish" }).click();
    await eventually(() => stored("status"), "done");
    await eventually(() => row("Ada").getByRole("button", { name: "Finish" }).count(), 0);
    await row("Bob").getByRole("button", { name: "Delete" }).click();
    await confirm("Delete this?", "Delete");
    await eventually(customers, ["Ada", "Cy", "Di"]);

    await row("Cy").getByRole("checkbox").check();
    await row("Di").getByRole("checkbox").check();
    if (javaScriptEnabled) {
      assert.equal(await page.locator("[data-chosen]").textContent(), "2 chosen");
      // Rows come, change and go around what is chosen.
      server.sql("insert into orders (customer, number) values ('Ed', 9)");
      server.sql("update orders set customer = 'Cy!' where number = 3; delete from orders where number = 1");
      await eventually(customers, ["Cy!", "Di", "Ed"]);
      assert.equal(await page.locator("[data-chosen]").textContent(), "2 chosen");
    }
    await page.locator(".pt-bulk").getByRole("button", { name: "Finish" }).click();
    await eventually(() => stored("group_concat(status)", "number in (3, 4)"), "done,done");
    await row("Cy").getByRole("checkbox").check();
    await row("Di").getByRole("checkbox").check();
    await page.locator(".pt-bulk").getByRole("button", { name: "Delete" }).click();
    await confirm("Delete 2 records?", "Delete");
    await eventually(customers, javaScriptEnabled ? ["Ed"] : ["Ada"]);
    await assertQuiet(page);
  });
}

test("what can be done to several rows stands there while some are chosen, and moves nothing", async () => {
  server.sql("insert into orders (customer, number) values ('Bob', 2)");
  for (const javaScriptEnabled of [true, false]) {
    const page = await open(browser, `${server.url}/rows`, { javaScriptEnabled });
    const box = (name) => page.locator("#orders tbody tr", { hasText: name }).getByRole("checkbox");
    const bar = page.locator(".pt-bulk");
    const places = () => page.locator("#orders tbody tr").evaluateAll((rows) => rows.map((row) => row.getBoundingClientRect().top));
    assert.equal(await bar.isVisible(), false);
    const before = await places();
    await box("Bob").check();
    assert.equal(await bar.isVisible(), true);
    assert.deepEqual(await places(), before);
    await box("Bob").uncheck();
    assert.equal(await bar.isVisible(), false);
    await assertQuiet(page);
  }
});

test("what is chosen is given up when other rows are turned to, and that is said", async () => {
  const page = await open(browser, `${server.url}/rows`);
  await page.locator("#orders tbody").getByRole("checkbox").check();
  assert.equal(await page.locator(".pt-bulk").isVisible(), true);
  await page.goto(`${server.url}/rows`);
  await page.locator("#orders tbody").getByRole("checkbox").check();
  await page.getByRole("link", { name: "Customer" }).evaluate((link) => link.click());
  await eventually(() => toasts(page), ["1 row is no longer chosen."]);
  assert.equal(await page.locator(".pt-bulk").isVisible(), false);
  assert.equal(await page.locator("[data-chosen]").textContent(), "0 chosen");
  // Nothing is said where nothing was chosen.
  await page.getByRole("button", { name: "Dismiss" }).click();
  await page.getByRole("link", { name: "Customer" }).click();
  await page.waitForURL(/customer:desc/);
  await eventually(() => page.locator("th[aria-sort=descending]").count(), 1);
  assert.deepEqual(await toasts(page), []);
  await assertQuiet(page);
});

/** A few shelves, and more makers than a list has room for. */
function furnish() {
  server.sql(`insert into shelves (name) values ('Top'), ('Middle'), ('Bottom');
    with recursive n (i) as (select 1 union all select i + 1 from n where i < 400)
    insert into makers (name) select 'Maker ' || i from n`);
}

for (const javaScriptEnabled of [true, false]) {
  test(`a record is chosen from a list or looked up, ${javaScriptEnabled ? "with" : "without"} JavaScript`, async () => {
    furnish();
    const page = await open(browser, `${server.url}/choose`, { javaScriptEnabled });
    await page.fill("form.pt-form [name=customer]", "Grace");
    await page.selectOption("form.pt-form [name=shelf]", { label: "Middle" });
    const maker = page.locator("form.pt-form [name=maker]");
    if (javaScriptEnabled) {
      await maker.pressSequentially("ker 37");
      const offered = () => maker.evaluate(({ list }) => Array.from(list.options, ({ value }) => value));
      await eventually(async () => (await offered())[0], "Maker 37 #37");
      assert.equal((await offered()).length, 11);
      await maker.fill("Maker 37 #37");
    } else {
      await maker.fill("#37");
    }
    await send(page);
    await eventually(() => stored("shelf, maker", "customer = 'Grace'"), "2|37");
    await eventually(() => column(page, "things", "Shelf"), ["–", "Middle"]);
    await eventually(() => column(page, "things", "Maker"), ["–", "Maker 37"]);
    // What it goes by now is on the page at once.
    if (javaScriptEnabled) {
      server.sql("update makers set name = 'Grace & Sons' where id = 37");
      await eventually(() => column(page, "things", "Maker"), ["–", "Grace & Sons"]);
    }
    await assertQuiet(page);
  });
}

test("a table is filtered by the record that its rows refer to", async () => {
  furnish();
  server.sql("insert into orders (customer, shelf, maker) values ('Grace', 1, 300), ('Alan', 1, 7)");
  const page = await open(browser, `${server.url}/choose`);
  const rows = () => column(page, "things", "Customer");
  await page.selectOption("#things [name='filter.shelf']", { label: "Top" });
  await eventually(rows, ["Alan", "Grace"]);
  const maker = page.locator("#things [name='filter.maker']");
  await maker.pressSequentially("300");
  await eventually(() => maker.evaluate(({ list }) => list.options.length), 1);
  await maker.fill("Maker 300 #300");
  await eventually(rows, ["Grace"]);
  assert.match(decodeURIComponent(page.url()), /filter\.shelf=1&filter\.maker=Maker\+300\+#300/);
  await page.reload();
  assert.deepEqual(await rows(), ["Grace"]);
  assert.equal(await maker.inputValue(), "Maker 300 #300");
  await assertQuiet(page);
});

for (const javaScriptEnabled of [true, false]) {
  test(`an instant is entered in UTC wherever the browser is, ${javaScriptEnabled ? "with" : "without"} JavaScript`, async () => {
    server.sql("update orders set calledAt = '2026-04-05T22:30:15.000Z'");
    const page = await open(browser, `${server.url}/edit`, { javaScriptEnabled, timezoneId: "Asia/Kolkata" });
    assert.equal(await page.inputValue("[name=calledAt]"), "2026-04-05T22:30:15");
    assert.match(await page.locator("[data-field=calledAt] label").textContent(), /in UTC/);
    await page.fill("[name=customer]", "Ada L.");
    await send(page);
    await eventually(() => toasts(page), ["Saved"]);
    assert.equal(stored("calledAt"), "2026-04-05T22:30:15.000Z");
    await page.fill("[name=calledAt]", "2026-01-01T00:00");
    await send(page);
    await eventually(() => stored("calledAt"), "2026-01-01T00:00:00.000Z");
    await assertQuiet(page);
  });
}

test("a double click adds one record, and nothing is lost when the server is away", async () => {
  const page = await open(browser, `${server.url}/`);
  await page.fill("[name=customer]", "Grace");
  let goOn;
  const gate = new Promise((resolve) => (goOn = resolve));
  await page.route("**/", async (route) => {
    await gate;
    await route.continue();
  });
  await page.locator("#new button").dblclick();
  assert.equal(await page.locator("#new button").isDisabled(), true);
  goOn();
  await eventually(() => toasts(page), ["The order is in."]);
  assert.equal(stored("count(*)", "customer = 'Grace'"), "1");
  await page.unroute("**/");
  await page.route("**/", (route) => route.abort());
  await page.fill("[name=customer]", "Linus");
  await send(page);
  await eventually(() => toasts(page), ["Not saved: the server cannot be reached."]);
  assert.equal(await page.inputValue("[name=customer]"), "Linus");
  await page.unroute("**/");
  await page.getByRole("button", { name: "Try again" }).click();
  await eventually(() => stored("count(*)", "customer = 'Linus'"), "1");
  page.complaints = page.complaints.filter((text) => !text.includes("ERR_FAILED"));
  await assertQuiet(page);
});

test("what happens around a form takes nothing from it", async () => {
  const page = await open(browser, `${server.url}/`);
  await page.fill("[name=customer]", "Gra");
  server.sql("insert into orders (customer, number) values ('Bob', 7)");
  await eventually(() => column(page, "orders", "Customer"), ["Ada", "Bob"]);
  await page.keyboard.type("ce");
  assert.equal(await page.inputValue("[name=customer]"), "Grace");
  await assertQuiet(page);
});

test("rows with actions are accessible, on a phone and in the dark", async () => {
  for (const [name, screen] of Object.entries(screens)) {
    for (const path of ["/rows", "/press"]) {
      const page = await open(browser, server.url + path, screen);
      if (path === "/rows") await page.locator("#orders tbody").getByRole("checkbox").check();
      await look(page, `acts-${name}${path.replace("/", "-")}`, { fullPage: true });
      await assertQuiet(page);
    }
  }
});

test("forms are accessible, with faults and conflicts, on a phone and in the dark", async () => {
  const axe = readFileSync(new URL(import.meta.resolve("axe-core/axe.min.js")), "utf8");
  const looks = [{}, { colorScheme: "dark" }, { viewport: { width: 390, height: 844 } }];
  for (const look of looks) {
    const page = await open(browser, `${server.url}/edit`, look);
    const complaints = async () => {
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => window.axe.run());
      return violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]);
    };
    assert.deepEqual(await complaints(), []);
    server.sql("update orders set customer = customer || '!'");
    await page.fill("[name=customer]", "Mine");
    await page.fill("[name=total]", "-1");
    await send(page);
    await page.locator(".pt-theirs").waitFor();
    assert.deepEqual(await faults(page), ["Must be at least 0."]);
    assert.deepEqual(await complaints(), []);
    const width = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(width <= 0, `${width} px too wide`);
    await assertQuiet(page);
  }
});

test("choosing a record is accessible, on a phone and in the dark", async () => {
  furnish();
  server.sql("insert into orders (customer, shelf, maker) values ('Grace', 1, 300), ('Alan', 3, 7)");
  for (const [name, screen] of Object.entries(screens)) {
    const page = await open(browser, `${server.url}/choose?filter.shelf=1`, screen);
    await look(page, `choose-${name}`, { fullPage: true });
    await assertQuiet(page);
  }
});
