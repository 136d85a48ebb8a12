/**
 * The rows of one table, found by their key and placed by their sort key. Only what changed is
 * touched, so focus, selection and scroll position survive.
 */
import { FEW, highlight, leave, withoutMotion } from "./motion.js";

export class Rows {
  /** @param {HTMLTableSectionElement} body */
  constructor(body) {
    this.body = body;
    /** Cells under somebody's hands, each with what the server last said should stand there. */
    this.held = new Map();
  }

  /** The rows shown, in order, without those that are leaving. */
  all() {
    return [...this.body.querySelectorAll(":scope > tr:not(.pt-leaving)")];
  }

  /** @param {string} id */
  find(id) {
    return this.body.querySelector(`:scope > tr[data-id="${CSS.escape(id)}"]:not(.pt-leaving)`);
  }

  /** The greatest sort key shown. */
  lastKey() {
    return this.all().at(-1)?.dataset.sortKey;
  }

  /** Puts a row where its sort key says; a row of the same id is changed, not replaced. */
  put(fresh) {
    const known = this.find(fresh.dataset.id) ?? this.#heldRow(fresh.dataset.id);
    if (known) {
      known.classList.remove("pt-leaving");
      this.#update(known, fresh);
      this.#place(known);
    } else {
      highlight(fresh, "pt-entering");
      this.body.insertBefore(fresh, this.#next(fresh));
    }
  }

  /** Keeps a cell as it is, whatever the server says, until it is released; its row stays where it is. */
  hold(cell) {
    this.held.set(cell, { html: cell.innerHTML, value: cell.dataset.value, onWord() {} });
    cell.parentElement.classList.add("pt-held");
  }

  /** What the server last said should stand in a held cell, as in `data-value`. */
  latest(cell) {
    return this.held.get(cell)?.value;
  }

  /** Waits for the server's next word on a held cell, or for its row to leave. */
  nextWord(cell) {
    return new Promise((resolve) => (this.held.get(cell).onWord = resolve));
  }

  /** Whether the row of a cell is no longer among those shown, and only held. */
  isLeaving(cell) {
    return cell.parentElement.classList.contains("pt-leaving");
  }

  /** Shows in a held cell what the server last said, and lets its row go where it belongs. */
  release(cell) {
    const latest = this.held.get(cell);
    if (!latest) return;
    show(cell, latest);
    this.settle(cell);
  }

  /** Lets the row of a held cell go where it belongs; the cell stays as it looks. */
  settle(cell) {
    if (!this.held.delete(cell)) return;
    const row = cell.parentElement;
    if (this.#isHeld(row)) return;
    row.classList.remove("pt-held");
    if (row.classList.contains("pt-leaving")) this.remove(row);
    else this.#place(row);
  }

  #isHeld(row) {
    return [...this.held.keys()].some((cell) => cell.parentElement === row);
  }

  #heldRow(id) {
    const rows = [...this.held.keys()].map((cell) => cell.parentElement);
    return rows.find((row) => row.dataset.id === id);
  }

  #next(row) {
    const after = (other) => other !== row && other.dataset.sortKey > row.dataset.sortKey;
    return this.all().find(after) ?? null;
  }

  #place(row) {
    const next = this.#next(row);
    if (!this.#isHeld(row) && nextLive(row) !== next) move(row, this.body, next);
  }

  #update(row, fresh) {
    Object.assign(row.dataset, fresh.dataset);
    row.toggleAttribute("data-fixed", "fixed" in fresh.dataset);
    [...row.cells].forEach((cell, index) => {
      const { innerHTML: html = "", dataset = {} } = fresh.cells[index] ?? {};
      const held = this.held.get(cell);
      if (held) {
        Object.assign(held, { html, value: dataset.value });
        held.onWord();
      } else if (served(cell) !== html || cell.dataset.value !== dataset.value) {
        const differs = served(cell) !== html;
        show(cell, { html, value: dataset.value });
        if (differs) highlight(cell, "pt-changed");
      }
    });
  }

  /** Lets a row fade out; not while somebody has it under their hands. */
  remove(row) {
    if (!this.#isHeld(row)) return leave(row);
    row.classList.add("pt-leaving");
    for (const cell of row.cells) this.held.get(cell)?.onWord();
    return undefined;
  }

  /** Shows the rows of another body in place of these, which have not changed. */
  turnTo(body) {
    if (this.held.size > 0) this.replaceAll(body);
    else this.body.replaceChildren(...body.rows);
  }

  /** Makes the rows those of another body, by key and in its order. */
  replaceAll(body) {
    const shown = this.all();
    const known = new Map(shown.map((row) => [row.dataset.id, row]));
    const fresh = [...body.rows];
    const kept = new Set(fresh.map((row) => row.dataset.id));
    const gone = shown.filter((row) => !kept.has(row.dataset.id));
    const replace = () => {
      for (const row of gone) this.remove(row);
      let next = null;
      for (const row of fresh.reverse()) next = this.#putBefore(row, known.get(row.dataset.id), next);
    };
    if (gone.length > FEW) withoutMotion(replace);
    else replace();
  }

  /** Puts a row before another; which one the row above it goes before. */
  #putBefore(fresh, shown, next) {
    const known = shown ?? this.#heldRow(fresh.dataset.id);
    if (!known) {
      highlight(fresh, "pt-entering");
      this.body.insertBefore(fresh, next);
      return fresh;
    }
    known.classList.remove("pt-leaving");
    this.#update(known, fresh);
    // It goes where it belongs once it is let go.
    if (this.#isHeld(known)) return next;
    if (nextLive(known) !== next) move(known, this.body, next);
    return known;
  }
}

function nextLive(row) {
  let next = row.nextElementSibling;
  while (next?.classList.contains("pt-leaving")) next = next.nextElementSibling;
  return next;
}

/** What stands in a cell as the server wrote it: how long ago something was is said by the browser. */
function served(cell) {
  return cell.innerHTML.replaceAll(/ data-told="[^"]*"/g, "");
}

function show(cell, { html, value }) {
  cell.innerHTML = html;
  if (value === undefined) delete cell.dataset.value;
  else cell.dataset.value = value;
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
