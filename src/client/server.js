/**
 * The server that a page belongs to: the one that it came from, or for an exported page the one that
 * keeps it live, which knows a browser by a guest's token, since it gets no cookie from another site.
 */
const { site } = JSON.parse(document.getElementById("pagetide-config").textContent);
let token = null;

/** The page as the server knows it: the channel and the fragments belong to it. */
export function pageUrl() {
  return (site?.path ?? location.pathname) + location.search;
}

/** Where something of the server is. */
export function at(path, query = {}) {
  const url = new URL(path, site?.server ?? location.href);
  const pairs = Object.entries(token ? { ...query, token } : query);
  for (const [name, value] of pairs) url.searchParams.set(name, value);
  return url;
}

/** Makes sure that the server knows this browser. */
export async function greet() {
  if (!site) return;
  const answer = await fetch(new URL("/api/auth/guest", site.server)).catch(() => null);
  if (answer?.ok) ({ token } = await answer.json());
}

/** HTML of the server as an element, whose paths lead where the page has them. */
export function parse(html) {
  const { content } = Object.assign(document.createElement("template"), { innerHTML: html });
  for (const name of site?.base ? ["href", "src"] : []) {
    for (const element of content.querySelectorAll(`[${name}^="/"]`)) {
      element.setAttribute(name, site.base + element.getAttribute(name));
    }
  }
  return content.firstElementChild;
}
