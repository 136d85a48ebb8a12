/**
 * Controls: each shows exactly the value, one that nobody touched writes nothing, and what people type
 * is understood or refused where it stands.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { Server, column, eventually, launch, open as openPage } from "./harness.js";

let browser, server;

before(async () => {
  browser = await launch();
});
after(() => browser.close());
beforeEach(async () => {
  server = await Server.start("tests/browser/controls");
});
afterEach(() => server.stop());

const FIELDS = "line words mail site phone count size price share stars done day clock at kind state tags more other".split(" ");

/** Values that are hard to show, as SQL. The last row's fit no field: another program wrote them. */
const AWKWARD = [
  `'a', 'plain', 'two' || char(10) || 'lines', 'ada@example.org', 'https://example.org/?a=b&c=%20', '+41 44 268 12 12',
   7, 24.5, 24.5, 12.5, 3, 1, '2026-04-05', '14:30', '2026-04-05T12:00:00.000Z', 'new', 'open', '["red","dark green"]', '{"a": 1}', 1`,
  `'b', '', '', ' ada@example.org ', 'https://example.org/ ', ' 123 ',
   9007199254740993, 1234567890.12345, -0.01, 0, 0, null, '0001-01-01', '00:00', '2026-04-05T00:00:00.000Z', 'a  b', null, null,
   '{"id":123456789012345678901,"x":1.10}', null`,
  `'c', ' ends ', 'a' || char(13) || 'b' || char(13, 10) || 'c', 'ada@bücher.example', 'mailto:a@b.example', '12 34 56',
   -9223372036854775808, 0.000000000001, 0, 1e14, 5, 0, '9999-12-31', '23:59:59', '2026-04-05T12:00:30.123Z', 'old', 'done', '["blue"]',
   '"text"', 2`,
  `'d', 'שלום' || char(8238) || 'abc', char(10) || 'first', null, null, null,
   null, null, null, null, null, null, null, null, '2026-04-05T12:10:00.000Z', null, null, null, null, null`,
  `'e', '<b>&amp;"</b>', '</textarea>', null, null, null,
   0, 0.1, 1234567.89, 100, null, 0, '2024-02-29', '09:05', '9999-12-31T23:59:59.999Z', null, null, '[]', '[1.0, 1e400]', null`,
  `'f', 'two' || char(10) || 'lines', 'x', 'nobody', 'www.example.org', 'call me',
   7, 1.5, 1.005, 1.5, 9, 0, '5 April', '24:00', '2026-04-05T12:00:00.123456Z', 'lost', 'lost', '["red"]', 'no JSON', 99`,
];

function furnish() {
  const rows = AWKWARD.map((row) => `(${row})`).join(", ");
  server.sql(`pragma ignore_check_constraints = 1; pragma foreign_keys = 0;
    insert into things (name, ${FIELDS}) values ${rows}`);
}

/** All that the database holds, to the byte. */
const stored = () => server.sql(`select id, ${FIELDS.map((name) => `quote(${name})`)}, name, changed from things order by id`);
const value = (field, id = 1) => server.sql(`select quote(${field}) from things where id = ${id}`);
const toasts = (page) => page.locator(".pt-toast p").allTextContents();
const faults = (page) => page.locator("form .pt-fault").allTextContents().then((all) => all.map((text) => text.trim()));
const save = (page) => page.locator("form[method=post] button").click();

async function open(path, options = {}) {
  const page = await openPage(browser, server.url + path, options);
  if (options.javaScriptEnabled ?? true) {
    await page.evaluate(() => import(document.querySelector("script[type=module][src]").src).then(() => {}));
  }
  return page;
}

function assertQuiet(page) {
  const rest = page.complaints.filter((text) => !/status of (409|422)/.test(text));
  assert.deepEqual(rest, []);
  return page.context().close();
}

/** The cell of a record under a label, ready to be edited. */
async function cellOf(page, id, label) {
  const heads = await page.locator("#things thead th").allTextContents();
  const cell = page.locator(`#things tr[data-id="${id}"] td`).nth(heads.indexOf(label));
  await cell.and(page.locator("[tabindex]")).waitFor();
  return cell;
}

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? "with JavaScript" : "without JavaScript";

  test(`a form writes nothing of what nobody touched, ${how}`, async () => {
    furnish();
    const before = stored();
    const page = await open("/edit/1", { javaScriptEnabled });
    for (let id = 1; id <= AWKWARD.length; id += 1) {
      await page.goto(`${server.url}/edit/${id}`);
      await save(page);
      await eventually(() => toasts(page), ["Saved"]);
      assert.equal(stored(), before);
    }
    for (let id = 1; id <= AWKWARD.length; id += 1) {
      const kept = () => server.sql(`select ${FIELDS.map((name) => `quote(${name})`)} from things where id = ${id}`);
      const held = kept();
      await page.goto(`${server.url}/edit/${id}`);
      await page.fill("[name=name]", "renamed");
      await save(page);
      await eventually(() => value("name", id), "'renamed'");
      assert.equal(kept(), held);
    }
    await assertQuiet(page);
  });

  test(`a time at a whole hour is shown, kept and saved, ${how}`, async () => {
    const page = await open("/", { javaScriptEnabled, timezoneId: "Asia/Kolkata" });
    await page.fill("[name=at]", "2026-05-01T16:00");
    await page.fill("[name=count]", "many");
    await save(page);
    await eventually(() => faults(page), ["Must be a whole number."]);
    assert.equal(await page.inputValue("[name=at]"), "2026-05-01T16:00");
    assert.equal(await page.inputValue("[name=count]"), "many");
    await page.fill("[name=count]", "1");
    await save(page);
    await eventually(() => toasts(page), ["Saved"]);
    assert.equal(value("at"), "'2026-05-01T16:00:00.000Z'");
    await page.goto(`${server.url}/edit/1`);
    assert.equal(await page.inputValue("[name=at]"), "2026-05-01T16:00");
    assert.match(await page.locator("[data-field=at] label").textContent(), /in UTC/);
    await page.fill("[name=at]", "2026-05-02T00:00");
    await save(page);
    await eventually(() => value("at"), "'2026-05-02T00:00:00.000Z'");
    await assertQuiet(page);
  });

  for (const locale of ["en-US", "de-DE"]) {
    test(`a number is read alike in every language: ${locale}, ${how}`, async () => {
      const page = await open("/", { javaScriptEnabled, locale });
      for (const [name, typed, told] of [
        ["price", "12,50", "Must be a number like 12.50, with a point and no comma."],
        ["price", "1.234,50", "Must be a number like 12.50, with a point and no comma."],
        ["size", "1,5", "Must be a number like 12.50, with a point and no comma."],
        ["size", "0x10", "Must be a number."],
        ["count", "1.5", "Must be a whole number."],
        ["count", "0x10", "Must be a whole number."],
        ["count", "  ", "Must be a whole number."],
      ]) {
        await page.goto(server.url);
        await page.fill(`[name=${name}]`, typed);
        await save(page);
        await eventually(() => faults(page), [told]);
        assert.equal(await page.inputValue(`[name=${name}]`), typed);
      }
      assert.equal(server.sql("select count(*) from things"), "0");
      await page.goto(server.url);
      await page.fill("[name=price]", "1234.50");
      await page.fill("[name=count]", " 9007199254740993 ");
      await page.fill("[name=size]", "-0.000000000001");
      await save(page);
      await eventually(() => toasts(page), ["Saved"]);
      assert.equal(server.sql("select price, count, size from things"), "1234.5|9007199254740993|-1.0e-12");
      await assertQuiet(page);
    });
  }
}

test("a day or a time that is typed in part is a fault, and a year has four digits", async () => {
  furnish();
  const before = stored();
  const page = await open("/edit/1");
  const at = page.locator("[name=at]");
  await at.fill("");
  await at.pressSequentially("0501");
  await save(page);
  await eventually(() => faults(page), ["This is not complete."]);
  assert.equal(stored(), before);
  await at.pressSequentially("050120260400PM");
  assert.equal(await at.inputValue(), "2026-05-01T16:00");
  await save(page);
  await eventually(() => value("at"), "'2026-05-01T16:00:00.000Z'");
  await page.locator("[name=day]").fill("");
  await page.locator("[name=day]").pressSequentially("050120261");
  await save(page);
  await eventually(() => toasts(page), ["Saved"]);
  assert.match(value("day"), /^'\d{4}-05-01'$/);
  await assertQuiet(page);
});

test("cells that are looked into and left send nothing", async () => {
  furnish();
  const before = stored();
  const page = await open("/cells");
  const sent = [];
  page.on("request", (request) => request.method() !== "GET" && sent.push(request.method()));
  await page.locator("#things td[tabindex]").first().waitFor();
  const cells = await page.locator("#things tbody td[tabindex]").count();
  assert.equal(cells, AWKWARD.length * 18);
  for (let index = 0; index < cells; index += 1) {
    const cell = page.locator("#things tbody td").nth(index);
    await cell.focus();
    await page.keyboard.press("Enter");
    await page.locator("#things td.pt-editing :is(input, select, textarea)").waitFor();
    await page.evaluate(() => document.activeElement.blur());
    await page.locator("#things td.pt-editing").waitFor({ state: "detached" });
  }
  assert.deepEqual(sent, []);
  assert.deepEqual(await toasts(page), []);
  assert.equal(stored(), before);
  await assertQuiet(page);
});

test("a cell shows exactly the value", async () => {
  furnish();
  const page = await open("/cells");
  const shown = async (id, label) => {
    const cell = await cellOf(page, id, label);
    await cell.focus();
    await page.keyboard.press("F2");
    const control = cell.locator("input, select, textarea");
    const value = await control.inputValue();
    await control.press("Escape");
    return value;
  };
  assert.equal(await shown(1, "At"), "2026-04-05T12:00");
  assert.equal(await shown(2, "At"), "2026-04-05T00:00");
  assert.equal(await shown(3, "At"), "2026-04-05T12:00:30.123");
  assert.equal(await shown(6, "At"), "2026-04-05T12:00:00.123456Z");
  assert.equal(await shown(6, "Day"), "5 April");
  assert.equal(await shown(1, "Clock"), "14:30");
  assert.equal(await shown(3, "Clock"), "23:59:59");
  assert.equal(await shown(6, "Clock"), "24:00");
  assert.equal(await shown(6, "State"), "lost");
  assert.equal(await shown(6, "Line"), "two\nlines");
  assert.equal(await shown(2, "Mail"), " ada@example.org ");
  assert.equal(await shown(2, "Count"), "9007199254740993");
  assert.equal(await shown(2, "Kind"), "a  b");
  await assertQuiet(page);
});

test("what is typed into a cell is kept to the digit, or refused and stays in hand", async () => {
  furnish();
  const page = await open("/cells", { timezoneId: "Asia/Kolkata" });
  const enter = async (label, text) => {
    const cell = await cellOf(page, 1, label);
    await cell.focus();
    await page.keyboard.press("F2");
    await cell.locator("input").fill(text);
    await page.keyboard.press("Enter");
    return cell;
  };
  for (const [label, typed, told] of [
    ["Count", "0x10", 'Count must be a whole number, got "0x10".'],
    ["Count", "1e3", 'Count must be a whole number, got "1e3".'],
    ["Count", "1.5", 'Count must be a whole number, got "1.5".'],
    ["Count", "  ", 'Count must be a whole number, got "".'],
    ["Price", "12,50", 'Price must be a number like 12.50, with a point and no comma, got "12,50".'],
  ]) {
    const before = stored();
    const cell = await enter(label, typed);
    await eventually(() => toasts(page), [told]);
    assert.equal(await cell.locator("input").inputValue(), typed);
    await page.keyboard.press("Escape");
    await cell.and(page.locator(":not(.pt-editing)")).waitFor();
    assert.equal(stored(), before);
  }
  for (const [label, typed, field, held] of [
    ["Count", " 9007199254740995 ", "count", "9007199254740995"],
    ["Price", " 12.50 ", "price", "12.5"],
    ["At", "2026-05-01T16:00", "at", "'2026-05-01T16:00:00.000Z'"],
    ["At", "2026-05-01T16:00:30", "at", "'2026-05-01T16:00:30.000Z'"],
    ["At", "2026-05-01T16:00:30.125", "at", "'2026-05-01T16:00:30.125Z'"],
    ["Clock", "09:05", "clock", "'09:05'"],
    ["Clock", "16:00:30", "clock", "'16:00:30'"],
    ["Clock", "", "clock", "NULL"],
    ["Line", " ends ", "line", "' ends '"],
    ["Line", "", "line", "NULL"],
  ]) {
    const cell = await enter(label, typed);
    await eventually(() => value(field), held);
    await cell.and(page.locator(":not(.pt-pending)")).waitFor();
  }
  const cell = await cellOf(page, 1, "At");
  await cell.focus();
  await page.keyboard.press("F2");
  assert.equal(await cell.locator("input").getAttribute("aria-label"), "At, UTC");
  assert.equal(await cell.locator(".pt-zone").textContent(), "UTC");
  await page.keyboard.press("Escape");
  await assertQuiet(page);
});

test("a cell with a time that is typed in part keeps the record and what was typed", async () => {
  furnish();
  const before = stored();
  const page = await open("/cells");
  const cell = await cellOf(page, 1, "At");
  await cell.focus();
  await page.keyboard.press("F2");
  await page.keyboard.press("Delete");
  await page.evaluate(() => document.activeElement.blur());
  await eventually(() => toasts(page), ["At is not complete."]);
  assert.equal(await cell.locator("input[aria-invalid]").count(), 1);
  await (await cellOf(page, 2, "Count")).click();
  assert.equal(await page.locator("#things td.pt-editing").count(), 1);
  await cell.locator("input").press("Escape");
  assert.equal(stored(), before);
  await assertQuiet(page);
});

test("a filter that is not understood is marked, keeps what was typed and shows no rows", async () => {
  furnish();
  const page = await open("/filtered");
  const rows = () => column(page, "things", "Name");
  const from = page.locator("[name='filter.count.gte']");
  for (const typed of ["1,5", "abc", "0x10"]) {
    await from.fill(typed);
    await eventually(rows, []);
    assert.equal(await from.inputValue(), typed);
    assert.equal(await from.getAttribute("aria-invalid"), "true");
    assert.match(await page.locator("#things [data-empty]").textContent(), /Count must be a number like 12.50/);
    assert.equal(await page.locator("#things tbody input").count(), 0);
    // What comes in meanwhile is none of what was asked for.
    server.sql("update things set size = 2 where id = 1");
  }
  await from.fill("6.5");
  await eventually(rows, ["a", "b", "f"]);
  assert.equal(await from.getAttribute("aria-invalid"), null);
  await page.fill("[name='filter.count.lte']", "7.5");
  await eventually(rows, ["a", "f"]);
  await page.reload();
  assert.deepEqual(await rows(), ["a", "f"]);
  assert.equal(await from.inputValue(), "6.5");
  await assertQuiet(page);

  const still = await open("/filtered", { javaScriptEnabled: false });
  const typed = still.locator("[name='filter.size.gte']");
  await typed.fill("1,5");
  await still.getByRole("button", { name: "Apply" }).click();
  await still.waitForURL(/filter/);
  assert.equal(await typed.inputValue(), "1,5");
  assert.equal(await still.locator("#things tbody tr").count(), 0);
  assert.match(await still.locator("#things [data-empty]").textContent(), /Size must be a number like 12.50/);
  await assertQuiet(still);
});

test("nothing is done to rows while a day to filter by is typed in part", async () => {
  furnish();
  const page = await open("/filtered");
  assert.match(await page.locator("#things .pt-table-tools").textContent(), /At \(UTC\)/);
  const from = page.locator("[name='filter.day.gte']");
  await from.pressSequentially("0405");
  await page.locator("[name='filter.count.gte']").focus();
  await eventually(() => toasts(page), ["Day from is not complete."]);
  assert.equal(await page.locator("#things form[data-act]").evaluate((form) => form.inert), true);
  await from.pressSequentially("04052026");
  await eventually(() => page.locator("#things form[data-act]").evaluate((form) => form.inert), false);
  await eventually(() => column(page, "things", "Name"), ["a", "c", "f"]);
  await assertQuiet(page);
});

test("rows are filtered by the time of day, from one and to another", async () => {
  furnish();
  const page = await open("/filtered");
  const rows = () => column(page, "things", "Name");
  await page.fill("[name='filter.clock.gte']", "09:05");
  // A text that is no time of day, by another program, sorts as the text that it is.
  await eventually(rows, ["a", "c", "e", "f"]);
  await page.fill("[name='filter.clock.lte']", "14:30");
  await eventually(rows, ["a", "e"]);
  await page.reload();
  assert.equal(await page.inputValue("[name='filter.clock.gte']"), "09:05");
  await assertQuiet(page);

  const still = await open("/filtered?filter.clock.gte=half+past", { javaScriptEnabled: false });
  assert.equal(await still.inputValue("[name='filter.clock.gte']"), "half past");
  assert.match(await still.locator("#things [data-empty]").textContent(), /Clock must be a time of day like 14:30/);
  await assertQuiet(still);
});
