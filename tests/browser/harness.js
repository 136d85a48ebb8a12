/**
 * A running app and a real browser, for tests. The database is a file of its own and gone
 * afterwards; whatever the browser complains about fails the test.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setImmediate } from "node:timers/promises";
import { chromium } from "playwright-core";

export const root = new URL("../../", import.meta.url).pathname;
export const binary = process.env.PAGETIDE_BIN ?? join(root, "target/debug/pagetide");

export const admin = { email: "ada@example.org", password: "correct horse" };

/** `pagetide serve` in a process of its own. */
export class Server {
  command = "serve";
  options = [];

  /**
   * @param {string} app a folder below the repository's
   * @param {string[]} options what else the command is told
   */
  static async start(app, options = []) {
    const server = new Server();
    server.options = options;
    server.app = join(root, app);
    server.folder = mkdtempSync(join(tmpdir(), "pagetide-"));
    server.database = join(server.folder, "data.db");
    server.port = 0;
    await server.#run();
    return server;
  }

  /** `pagetide dev` over a folder of its own with these files. */
  static develop(files, options = []) {
    return Server.#over(files, "dev", options);
  }

  /** `pagetide serve` over a folder of its own with these files. */
  static serve(files, options = []) {
    return Server.#over(files, "serve", options);
  }

  static async #over(files, command, options) {
    const server = new Server();
    server.options = options;
    server.command = command;
    server.folder = mkdtempSync(join(tmpdir(), "pagetide-"));
    server.app = join(server.folder, "app");
    server.database = join(server.folder, "data.db");
    server.port = 0;
    for (const [name, text] of Object.entries(files)) server.save(name, text);
    await server.#run();
    return server;
  }

  /** Writes a file of the app. */
  save(name, text) {
    const path = join(this.app, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }

  async #run() {
    const listen = `127.0.0.1:${this.port}`;
    const args = [this.command, this.app, "--listen", listen, "--database", this.database, ...this.options];
    const env = {
      ...process.env,
      PAGETIDE_ADMIN_EMAIL: admin.email,
      PAGETIDE_ADMIN_PASSWORD: admin.password,
    };
    this.process = spawn(binary, args, { env, stdio: ["ignore", "pipe", "inherit"] });
    this.exited = once(this.process, "exit");
    this.lines = [];
    const lines = createInterface(this.process.stdout);
    const address = new Promise((resolve) => {
      lines.on("line", (line) => {
        this.lines.push(line);
        const found = line.match(/http:\S+/);
        if (found) resolve(found[0]);
      });
    });
    const ended = this.exited.then(([code]) => assert.fail(`pagetide ended with ${code}`));
    this.url = await Promise.race([address, ended]);
    this.port = new URL(this.url).port;
  }

  /** Runs SQL as another program. */
  sql(statement) {
    const args = ["-cmd", ".timeout 5000", this.database, statement];
    return execFileSync("sqlite3", args, { encoding: "utf8" }).trim();
  }

  /** Starts again with other files in the app. */
  async redeploy(files) {
    this.process.kill("SIGTERM");
    await this.exited;
    for (const [name, text] of Object.entries(files)) this.save(name, text);
    await this.#run();
  }

  async kill() {
    this.process.kill("SIGKILL");
    await this.exited;
  }

  /** Starts again at the same address. */
  restart() {
    return this.#run();
  }

  async stop() {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      this.process.kill("SIGTERM");
      assert.deepEqual(await this.exited, [0, null]);
    }
    rmSync(this.folder, { recursive: true });
  }
}

export function launch(options = {}) {
  const sandbox = process.getuid() === 0 ? ["--no-sandbox"] : [];
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath, args: sandbox, ...options });
}

/** Opens a page that collects what the browser complains about in `page.complaints`. */
export async function open(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.complaints = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) page.complaints.push(message.text());
  });
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  await page.goto(url);
  return page;
}

/** Opens a page as the admin. */
export async function openSignedIn(browser, server, path, options = {}) {
  const page = await open(browser, `${server.url}/sign-in?next=${encodeURIComponent(path)}`, options);
  await page.fill("[name=email]", admin.email);
  await page.fill("[name=password]", admin.password);
  await page.press("[name=password]", "Enter");
  await page.waitForURL(server.url + path);
  return page;
}

/** Opens a page as an admin of this name, in a browser of their own. */
export async function openAs(browser, server, name, path, options = {}) {
  const token = `token-of-${name}`;
  const hash = createHash("sha256").update(token).digest("base64url");
  server.sql(`
    insert into _pagetide_users (id, email, name, role, password_hash)
      values ('${name}', '${name}@people.example', '${name}', 'admin', '-');
    insert into _pagetide_sessions (token_hash, user_id, expires_at)
      values ('${hash}', '${name}', unixepoch() + 3600)`);
  const page = await open(browser, "about:blank", options);
  await page.context().addCookies([{ name: "pagetide_session", value: token, url: server.url }]);
  await page.goto(server.url + path);
  return page;
}

/** The text of each row's cell of that label, in order, without rows that are fading out. */
export function column(page, component, label) {
  return page.evaluate(
    ([component, label]) => {
      const section = document.getElementById(component);
      const heads = [...section.querySelectorAll("thead th")];
      const index = heads.findIndex((head) => head.textContent === label);
      const rows = section.querySelectorAll("tbody tr:not(.pt-leaving)");
      return [...rows].map((row) => row.cells[index].textContent);
    },
    [component, label],
  );
}

/** Waits until the function gives what is expected, and says what it gave if it does not. */
export async function eventually(read, expected, timeoutMs = 5000) {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const got = await read();
    try {
      return assert.deepEqual(got, expected);
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    // What is waited for may have to happen in this process.
    await setImmediate();
  }
}

export const state = (page, component) =>
  page.locator(`#${component} .pt-state`).getAttribute("data-state");
