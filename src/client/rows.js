/**
 * The rows of one table, found by their key and placed by their sort key. Only what changed is
 * touched, so focus, selection and scroll position survive.
 */
export class Rows {
  /** @param {HTMLTableSectionElement} body */
  constructor(body) {
    this.body = body;
  }

  /** The rows shown, in order, without those that are fading out. */
  all() {
    return [...this.body.rows].filter((row) => !row.classList.contains("leaving"));
  }

  /** @param {string} id */
  find(id) {
    return this.all().find((row) => row.dataset.id === id);
  }

  /** The greatest sort key shown. */
  lastKey() {
    return this.all().at(-1)?.dataset.sortKey;
  }

  /** Puts a row where its sort key says; a row of the same id is changed, not replaced. */
  put(fresh) {
    const known = this.find(fresh.dataset.id);
    if (known) update(known, fresh);
    const row = known ?? fresh;
    const next = this.all().find(
      (other) => other !== row && other.dataset.sortKey > row.dataset.sortKey,
    );
    if (!known) highlight(row, "entering");
    if (!known) this.body.insertBefore(row, next ?? null);
    else if (nextLive(row) !== (next ?? null)) move(row, this.body, next ?? null);
  }

  /** Lets a row fade out. */
  remove(row) {
    row.classList.add("leaving");
    row.inert = true;
    const moving = row.getAnimations({ subtree: true });
    // Without motion there is nothing to wait for.
    Promise.allSettled(moving.map((animation) => animation.finished)).then(() => row.remove());
  }

  /** Makes the rows those of another body, by key. */
  replaceAll(body) {
    const fresh = [...body.rows];
    const kept = new Set(fresh.map((row) => row.dataset.id));
    for (const row of this.all()) {
      if (!kept.has(row.dataset.id)) this.remove(row);
    }
    for (const row of fresh) this.put(row);
  }
}

/** The row element of a `<tr>…</tr>`. */
export function parseRow(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.querySelector("tr");
}

function nextLive(row) {
  let next = row.nextElementSibling;
  while (next?.classList.contains("leaving")) next = next.nextElementSibling;
  return next;
}

function update(row, fresh) {
  row.dataset.sortKey = fresh.dataset.sortKey;
  [...row.cells].forEach((cell, index) => {
    const html = fresh.cells[index]?.innerHTML ?? "";
    if (cell.innerHTML === html) return;
    cell.innerHTML = html;
    highlight(cell, "changed");
  });
}

/** Moves a row; what is selected in it stays selected, and focus stays where the browser can. */
function move(row, body, next) {
  const selection = getSelection();
  const { anchorNode, anchorOffset, focusNode, focusOffset } = selection;
  if (body.moveBefore) body.moveBefore(row, next);
  else body.insertBefore(row, next);
  if (row.contains(anchorNode) && row.contains(focusNode)) {
    selection.setBaseAndExtent(anchorNode, anchorOffset, focusNode, focusOffset);
  }
}

/** Runs a highlight from its beginning, even if one is under way. */
function highlight(element, name) {
  element.classList.remove(name);
  element.getBoundingClientRect();
  element.classList.add(name);
  element.addEventListener("animationend", () => element.classList.remove(name), { once: true });
}
