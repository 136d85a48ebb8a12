/** Makes the picture of the README: the example app, light, with a row that has just come in. */
import { Server, launch, open, root } from "./harness.js";

const server = await Server.start("example-app");
const browser = await launch();
try {
  const viewport = { width: 1200, height: 760 };
  const page = await open(browser, `${server.url}/`, { colorScheme: "light", viewport });
  await page.locator(".pt-state[data-state=live]").first().waitFor();
  server.sql(`insert into orders (customer, city, item, kilos, total, status, dueOn)
    values ('Ada Lovelace', 'London', 'House espresso, 1 kg', 1, 24.50, 'processing', '2026-11-30')`);
  await page.getByText("Ada Lovelace").first().waitFor();
  await page.evaluate(() => Promise.all(document.getAnimations().map(({ finished }) => finished)));
  await page.screenshot({ path: `${root}docs/order-desk.png` });
} finally {
  await browser.close();
  await server.stop();
}
