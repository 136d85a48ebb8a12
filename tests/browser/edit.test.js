/** Editing in place: shown at once, confirmed or taken back, and who was faster. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import {
  Server,
  column,
  eventually,
  launch,
  open,
  openAs,
  openSignedIn,
  state,
} from "./harness.js";

let browser, server, page;

before(async () => {
  browser = await launch();
});
after(() => browser.close());
beforeEach(async () => {
  server = await Server.start("tests/browser/app");
  server.sql("insert into tasks (title, rank) values ('a', 1), ('b', 2), ('c', 3)");
});
afterEach(() => server.stop());

const titles = () => column(page, "tasks", "Title");
const cell = (row, label) => {
  const at = ["Title", "State", "Rank"].indexOf(label);
  return page.locator(`#tasks tbody tr:nth-child(${row}) td`).nth(at);
};
/** Types into a cell and confirms it. */
async function enter(row, label, text) {
  await cell(row, label).click();
  await page.keyboard.type(text);
  await page.keyboard.press("Enter");
}
const toasts = () => page.locator(".pt-toast p").allTextContents();
const stored = (column, id) => server.sql(`select ${column} from tasks where id = ${id}`);

async function openEditable(path = "/editable") {
  page = await openSignedIn(browser, server, path);
  if (path === "/editable") await eventually(() => state(page, "tasks"), "live");
  await page.locator("#tasks td[tabindex]").first().waitFor();
}

/** Lets requests of this kind wait until the function that comes back is called. */
async function holdBack(method) {
  let goOn;
  const gate = new Promise((resolve) => (goOn = resolve));
  await page.route(/records/, async (route) => {
    if (route.request().method() === method) await gate;
    await route.continue();
  });
  return goOn;
}

test("what was typed into a record that is deleted meanwhile is kept whole", async () => {
  await openEditable();
  await cell(2, "Title").click();
  await page.keyboard.press("Control+A");
  const words = "A long sentence, with “marks” and an é.";
  await page.keyboard.type(words);
  server.sql("delete from tasks where id = 2");
  await page.locator("tr.pt-leaving").waitFor();
  await page.keyboard.press("Enter");
  await eventually(toasts, ["Not saved: This record is gone."]);
  const kept = page.locator(".pt-toast textarea");
  assert.equal(await kept.inputValue(), words);
  await kept.focus();
  assert.equal(await page.evaluate(() => getSelection().toString()), words);
  await eventually(titles, ["a", "c"]);
  // It stays until it is taken away.
  assert.equal(await kept.isEditable(), false);
  await page.locator(".pt-toast button[aria-label=Dismiss]").click();
  await eventually(toasts, []);
});

async function assertQuiet() {
  assert.deepEqual(page.complaints, []);
  await page.context().close();
}

test("a cell that is opened again while it is saved opens once that is over", async () => {
  await openEditable();
  const goOn = await holdBack("PATCH");
  await cell(1, "Title").click();
  await page.keyboard.press("Control+A");
  await page.keyboard.type("first");
  await page.keyboard.press("Enter");
  await page.locator("td.pt-pending").waitFor();
  await page.keyboard.press("F2");
  assert.equal(await page.locator("td.pt-editing").count(), 0);
  goOn();
  const control = cell(1, "Title").locator("input");
  await control.waitFor();
  assert.equal(await control.inputValue(), "first");
  await control.fill("second");
  await page.keyboard.press("Enter");
  await eventually(() => stored("title", 1), "second");
  await assertQuiet();
});

test("a row that a rule keeps from its viewer cannot be edited, until it may be", async () => {
  await openEditable();
  const reachable = () => page.locator("#tasks td[tabindex]").count();
  assert.equal(await reachable(), 9);
  server.sql("update tasks set title = 'sealed' where id = 2");
  await eventually(titles, ["a", "sealed", "c"]);
  await eventually(reachable, 6);
  await cell(2, "Rank").click();
  assert.equal(await page.locator("#tasks td.pt-editing").count(), 0);
  server.sql("update tasks set title = 'b' where id = 2");
  await eventually(reachable, 9);
  await enter(2, "Rank", "7");
  await eventually(() => stored("rank", 2), "7");
  await assertQuiet();
});

test("an edit shows at once, is pending, and is confirmed", async () => {
  await openEditable();
  const goOn = await holdBack("PATCH");
  await enter(1, "Title", "A");
  assert.deepEqual(await titles(), ["A", "b", "c"]);
  assert.match(await cell(1, "Title").getAttribute("class"), /pending/);
  assert.equal(stored("title", 1), "a");
  goOn();
  await eventually(() => cell(1, "Title").getAttribute("class"), "");
  assert.equal(stored("title", 1), "A");
  assert.equal(await cell(1, "Title").evaluate((cell) => cell === document.activeElement), true);
  // The next edit goes on from there: it does not conflict with the first.
  await cell(1, "Title").press("Enter");
  await page.keyboard.type("AA");
  await page.keyboard.press("Enter");
  await eventually(() => stored("title", 1), "AA");
  await eventually(titles, ["AA", "b", "c"]);
  assert.deepEqual(await toasts(), []);
  await assertQuiet();
});

test("keys leave a cell as it was", async () => {
  await openEditable();
  await cell(2, "Rank").focus();
  await page.keyboard.press("F2");
  await page.keyboard.type("77");
  await page.keyboard.press("Escape");
  assert.equal(await cell(2, "Rank").textContent(), "2");
  assert.equal(stored("rank", 2), "2");
  await assertQuiet();
});

test("an edited row goes where it belongs, or leaves", async () => {
  await openEditable();
  await enter(1, "Rank", "9");
  await eventually(titles, ["b", "c", "a"]);
  await cell(1, "State").click();
  await page.locator("#tasks select").selectOption("done");
  await eventually(titles, ["c", "a"]);
  assert.equal(stored("state", 2), "done");
  await assertQuiet();
});

test("whoever was faster is named, and mine can be tried again", async () => {
  await openEditable();
  const goOn = await holdBack("PATCH");
  await enter(1, "Title", "mine");
  server.sql("update tasks set title = 'theirs' where id = 1");
  // Until it is decided, the edit stays on the screen.
  await eventually(() => page.locator("#tasks tr[data-id='1']").getAttribute("data-updated-at"), stored("updatedAt", 1));
  assert.equal((await titles())[0], "mine");
  goOn();
  await eventually(titles, ["theirs", "b", "c"]);
  await eventually(toasts, ["Another program changed Title to “theirs” first."]);
  assert.equal(stored("title", 1), "theirs");
  await page.getByRole("button", { name: "Use mine" }).click();
  await eventually(() => stored("title", 1), "mine");
  await eventually(titles, ["mine", "b", "c"]);
  assert.deepEqual(await toasts(), []);
  page.complaints = page.complaints.filter((text) => !text.includes("409"));
  await assertQuiet();
});

test("of two people who edit one cell, the later one hears of the earlier", async () => {
  await openEditable();
  const grace = await openAs(browser, server, "grace", "/editable");
  await eventually(() => state(grace, "tasks"), "live");
  await grace.locator("#tasks td[tabindex]").first().waitFor();
  const goOn = await holdBack("PATCH");
  await enter(1, "Title", "mine");
  await grace.locator("#tasks tbody tr:nth-child(1) td").first().click();
  await grace.keyboard.type("hers");
  await grace.keyboard.press("Enter");
  await eventually(() => stored("title", 1), "hers");
  goOn();
  await eventually(toasts, ["grace changed Title to “hers” first."]);
  await eventually(titles, ["hers", "b", "c"]);
  await page.getByRole("button", { name: "Use mine" }).click();
  await eventually(() => column(grace, "tasks", "Title"), ["mine", "b", "c"]);
  await eventually(titles, ["mine", "b", "c"]);
  assert.equal(await grace.locator(".pt-toast").count(), 0);
  assert.deepEqual(grace.complaints, []);
  await grace.context().close();
  page.complaints = page.complaints.filter((text) => !text.includes("409"));
  await assertQuiet();
});

test("a change of another field is no conflict", async () => {
  await openEditable();
  const goOn = await holdBack("PATCH");
  await enter(1, "Title", "mine");
  server.sql("update tasks set rank = 5 where id = 1");
  goOn();
  await eventually(titles, ["b", "c", "mine"]);
  assert.equal(stored("title, rank", 1), "mine|5");
  assert.deepEqual(await toasts(), []);
  page.complaints = page.complaints.filter((text) => !text.includes("409"));
  await assertQuiet();
});

test("an open editor survives what happens around it, and hears of a conflict", async () => {
  await openEditable();
  await cell(1, "Title").click();
  await page.keyboard.type("mi");
  server.sql("update tasks set rank = 50 where id = 1");
  server.sql("insert into tasks (title, rank) values ('z', 0)");
  await eventually(() => page.locator("#tasks tbody tr").count(), 4);
  await page.keyboard.type("ne");
  assert.equal(await page.locator("#tasks input").inputValue(), "mine");
  server.sql("update tasks set title = 'theirs' where id = 1");
  await eventually(toasts, ["Another program changed Title to “theirs” first."]);
  assert.equal(await page.locator("#tasks input").inputValue(), "mine");
  await page.getByRole("button", { name: "Use mine" }).click();
  await eventually(() => stored("title", 1), "mine");
  await eventually(titles, ["z", "b", "c", "mine"]);
  page.complaints = page.complaints.filter((text) => !text.includes("409"));
  await assertQuiet();
});

test("nobody else hears of a conflict", async () => {
  await openEditable();
  const other = await openSignedIn(browser, server, "/editable");
  await eventually(() => state(other, "tasks"), "live");
  await other.evaluate(() => {
    window.conflicts = 0;
    document.addEventListener("pagetide:conflict", () => (window.conflicts += 1));
  });
  const goOn = await holdBack("PATCH");
  await enter(1, "Title", "mine");
  server.sql("update tasks set title = 'theirs' where id = 1");
  goOn();
  await eventually(toasts, ["Another program changed Title to “theirs” first."]);
  await eventually(() => column(other, "tasks", "Title"), ["theirs", "b", "c"]);
  assert.equal(await other.evaluate(() => window.conflicts), 0);
  assert.equal(await other.locator(".pt-toast").count(), 0);
  await other.context().close();
  await page.context().close();
});

test("what is saved in a row that leaves is not taken back on the way", async () => {
  await openEditable();
  await cell(1, "Title").click();
  server.sql("update tasks set state = 'done' where id = 1");
  await eventually(titles, ["b", "c"]);
  const texts = () => page.evaluate(() => window.texts);
  await page.evaluate(() => {
    const cell = document.querySelector("#tasks td.pt-editing");
    window.texts = [];
    new MutationObserver(() => window.texts.push(cell.textContent)).observe(cell, { childList: true });
  });
  await page.keyboard.type("mine");
  await page.keyboard.press("Enter");
  await eventually(() => stored("title", 1), "mine");
  await eventually(() => page.locator("#tasks tbody tr").count(), 2);
  assert.deepEqual(new Set(await texts()), new Set(["mine"]));
  page.complaints = page.complaints.filter((text) => !text.includes("409"));
  await assertQuiet();
});

test("an open editor moves nothing around it", async () => {
  await openEditable("/still");
  const places = () =>
    page.evaluate(() => [...document.querySelectorAll("#tasks td")].map((cell) => {
      const { x, y, width, height } = cell.getBoundingClientRect();
      return [x, y, width, height];
    }));
  const before = await places();
  for (const at of [0, 1, 2]) {
    await page.locator("#tasks tbody tr:nth-child(2) td").nth(at).click();
    await page.locator("#tasks input").waitFor();
    assert.deepEqual(await places(), before);
    await page.keyboard.press("Escape");
  }
  await assertQuiet();
});

test("a value that does not fit is told and stays in hand", async () => {
  await openEditable();
  await enter(1, "Rank", "many");
  await eventually(toasts, ['Rank must be a whole number, got "many".']);
  assert.equal(await page.locator("#tasks input").inputValue(), "many");
  await page.keyboard.press("Escape");
  assert.equal(await cell(1, "Rank").textContent(), "1");
  page.complaints = page.complaints.filter((text) => !text.includes("422"));
  await assertQuiet();
});

test("what cannot be sent is taken back, and can be tried again", async () => {
  await openEditable();
  await page.route(/records/, (route) => route.abort());
  await enter(1, "Title", "mine");
  await eventually(toasts, ["Not saved: the server cannot be reached."]);
  assert.deepEqual(await titles(), ["a", "b", "c"]);
  await page.unroute(/records/);
  await page.getByRole("button", { name: "Try again" }).click();
  await eventually(() => stored("title", 1), "mine");
  await eventually(titles, ["mine", "b", "c"]);
  await page.context().close();
});

test("a table that is not live shows what was saved", async () => {
  await openEditable("/still");
  await page.locator("#tasks tbody tr:nth-child(1) td").nth(1).click();
  await page.locator("#tasks input[type=checkbox]").click();
  await eventually(() => stored("done", 1), "1");
  await eventually(() => column(page, "tasks", "Done"), ["✓", "–", "–"]);
  await page.locator("#tasks tbody tr:nth-child(1) td").nth(2).click();
  await page.locator("#tasks input").fill("2026-04-05T12:30");
  await page.keyboard.press("Enter");
  await eventually(() => stored("due", 1), "2026-04-05T12:30:00.000Z");
  await eventually(async () => (await column(page, "tasks", "Due"))[0], "5 Apr 2026, 12:30");
  await assertQuiet();
});

test("guests cannot edit", async () => {
  page = await open(browser, `${server.url}/editable`);
  await eventually(() => state(page, "tasks"), "live");
  await cell(1, "Title").click();
  assert.equal(await page.locator("#tasks :is(input, td[tabindex])").count(), 0);
  await assertQuiet();
});
