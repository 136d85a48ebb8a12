/** The page of every component in light, dark and phone width: for axe, and for people. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { Server, launch, open } from "./harness.js";
import { look, screens } from "./look.js";

const gallery = "tests/specs/valid/gallery";
const pages = readdirSync(new URL(`../../${gallery}/pages`, import.meta.url));
const paths = pages.map((file) => `/${file.replace(".yaml", "")}`);

let browser, server;

before(async () => {
  browser = await launch();
  server = await Server.start(gallery);
});
after(async () => {
  await browser.close();
  await server.stop();
});

for (const [screen, options] of Object.entries(screens)) {
  test(`every component is fit to be seen, ${screen}`, async () => {
    for (const path of paths) {
      const page = await open(browser, server.url + path, options);
      await look(page, `${screen}${path.replace("/", "-")}`, { fullPage: true });
      assert.deepEqual(page.complaints, [], path);
      await page.context().close();
    }
  });
}
