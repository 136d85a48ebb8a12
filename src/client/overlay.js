/** What `check` says of a bad save, in its own words and colours, over the last good page. */

const LOOK = `
  :host { position: fixed; inset: auto 0 0; z-index: 9; display: block; color-scheme: dark; }
  section {
    max-height: 60dvh; display: flex; flex-direction: column; color: #e7ecef; background: #14181a;
    border-top: 3px solid #ff8f86; box-shadow: 0 -12px 40px rgb(0 0 0 / 0.35);
    font: 0.9375rem / 1.5 system-ui, sans-serif;
  }
  header { display: flex; align-items: center; gap: 12px; padding: 12px 24px; }
  h2 { margin: 0; font-size: 1rem; font-weight: 620; }
  p { margin: 0; color: #9dabb4; flex: 1; }
  button {
    font: inherit; font-weight: 550; color: inherit; background: #262d31; border: 1px solid #3a444a;
    border-radius: 8px; min-height: 36px; padding: 4px 12px; cursor: pointer;
  }
  button:hover { background: #313a3f; }
  :focus-visible { outline: 2px solid #63cbd3; outline-offset: 2px; }
  pre {
    margin: 0; padding: 4px 24px 24px; overflow: auto; tab-size: 4;
    font: 0.8125rem / 1.55 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  }
  pre:focus-visible { outline-offset: -3px; }
  b { font-weight: 650; }
  .c91 { color: #ff8f86; } .c92 { color: #4cc38a; } .c93, .c33 { color: #f0b429; }
  .c94 { color: #5fb2e6; } .c95 { color: #c4b2f5; } .c96 { color: #63cbd3; }
  @media (max-width: 640px) {
    section { max-height: 75dvh; }
    header, pre { padding-inline: 16px; }
    p { display: none; }
    h2 { flex: 1; }
  }
`;

export class Overlay {
  /** @type {HTMLElement | null} */
  #host = null;
  /** @type {string | null} */
  #fault = null;

  /**
   * Shows a fault, also one that was closed if it is another; null takes it away.
   * @param {string | null} fault
   */
  show(fault) {
    if (fault === this.#fault) return;
    this.#fault = fault;
    this.close();
    if (fault) this.#open(fault);
  }

  close() {
    this.#host?.remove();
    this.#host = null;
  }

  /** @param {string} fault */
  #open(fault) {
    this.#host = document.createElement("pagetide-overlay");
    const root = this.#host.attachShadow({ mode: "open" });
    const look = new CSSStyleSheet();
    look.replaceSync(LOOK);
    root.adoptedStyleSheets = [look];
    root.append(this.#panel(fault));
    document.body.append(this.#host);
  }

  /** @param {string} fault */
  #panel(fault) {
    const panel = element("section", { role: "alert" });
    panel.ariaLabel = "Not shown";
    const head = element("header");
    const close = element("button", { type: "button" }, "Close");
    close.addEventListener("click", () => this.close());
    const which = document.querySelector("main") ? "The page is the last good one." : "";
    head.append(element("h2", {}, "The last save is not shown"), element("p", {}, which), close);
    const words = element("pre", { tabindex: "0" });
    words.append(...coloured(fault));
    panel.append(head, words);
    panel.addEventListener("keydown", ({ key }) => key === "Escape" && this.close());
    return panel;
  }
}

/**
 * @param {string} name
 * @param {Record<string, string>} [attributes]
 * @param {string} [text]
 */
function element(name, attributes = {}, text = "") {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

/**
 * Text with the colours of a terminal (ECMA-48, 8.3.117), as elements.
 * @param {string} text
 */
function* coloured(text) {
  /** @type {string[]} */
  let classes = [];
  for (const part of text.split("\u001b[")) {
    const [codes, rest] = part === text || !/^[\d;]*m/.test(part) ? ["", part] : split(part);
    for (const code of codes.split(";")) {
      if (code === "0" || code === "00") classes = [];
      else if (code) classes = [...classes, code];
    }
    if (!rest) continue;
    const made = element(classes.includes("1") ? "b" : "span", {}, rest);
    made.className = classes.map((code) => `c${code}`).join(" ");
    yield made;
  }
}

/** @param {string} part */
function split(part) {
  const end = part.indexOf("m");
  return [part.slice(0, end), part.slice(end + 1)];
}
