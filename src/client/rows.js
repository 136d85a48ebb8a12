/**
 * The rows of one table, found by their key and placed by their sort key. Only what changed is
 * touched, so focus, selection and scroll position survive.
 */
import { query, queryAll } from "./dom.js";
import { FEW, highlight, leave, withoutMotion } from "./motion.js";

/**
 * A cell under somebody's hands: what the server last said should stand in it, and who waits for that.
 * @typedef {{ html: string, value: string | undefined, onWord: () => void }} HeldCell
 */

export class Rows {
  /** @param {HTMLTableSectionElement} body */
  constructor(body) {
    this.body = body;
    /** @type {Map<HTMLTableCellElement, HeldCell>} */
    this.held = new Map();
  }

  /**
   * The rows shown, in order, without those that are leaving.
   * @returns {HTMLTableRowElement[]}
   */
  all() {
    return queryAll(this.body, ":scope > tr:not(.pt-leaving)", HTMLTableRowElement);
  }

  /**
   * The row of a record; null if none is shown.
   * @param {string} id
   * @returns {HTMLTableRowElement | null}
   */
  find(id) {
    const selector = `:scope > tr[data-id="${CSS.escape(id)}"]:not(.pt-leaving)`;
    return query(this.body, selector, HTMLTableRowElement);
  }

  /**
   * The greatest sort key shown; empty if there is none.
   * @returns {string}
   */
  lastKey() {
    return sortKeyOf(this.all().at(-1));
  }

  /**
   * Puts a row where its sort key says; a row of the same id is changed, not replaced.
   * @param {HTMLTableRowElement} fresh
   */
  put(fresh) {
    const id = idOf(fresh);
    const known = this.find(id) ?? this.#heldRow(id);
    if (known) {
      known.classList.remove("pt-leaving");
      this.#update(known, fresh);
      this.#place(known);
    } else {
      highlight(fresh, "pt-entering");
      this.body.insertBefore(fresh, this.#next(fresh));
    }
  }

  /**
   * Keeps a cell as it is, whatever the server says, until it is released; its row stays where it is.
   * @param {HTMLTableCellElement} cell
   */
  hold(cell) {
    this.held.set(cell, { html: cell.innerHTML, value: cell.dataset.value, onWord() {} });
    rowOf(cell).classList.add("pt-held");
  }

  /**
   * What the server last said should stand in a held cell, as in `data-value`.
   * @param {HTMLTableCellElement} cell
   * @returns {string | undefined}
   */
  latest(cell) {
    return this.held.get(cell)?.value;
  }

  /**
   * Waits for the server's next word on a held cell, or for its row to leave.
   * @param {HTMLTableCellElement} cell
   * @returns {Promise<void>}
   */
  nextWord(cell) {
    return new Promise((resolve) => {
      const held = this.held.get(cell);
      if (held) held.onWord = resolve;
    });
  }

  /**
   * Whether the row of a cell is no longer among those shown, and only held.
   * @param {HTMLTableCellElement} cell
   * @returns {boolean}
   */
  isLeaving(cell) {
    return rowOf(cell).classList.contains("pt-leaving");
  }

  /**
   * Shows in a held cell what the server last said, and lets its row go where it belongs.
   * @param {HTMLTableCellElement} cell
   */
  release(cell) {
    const latest = this.held.get(cell);
    if (!latest) return;
    show(cell, latest);
    this.settle(cell);
  }

  /**
   * Lets the row of a held cell go where it belongs; the cell stays as it looks.
   * @param {HTMLTableCellElement} cell
   */
  settle(cell) {
    if (!this.held.delete(cell)) return;
    const row = rowOf(cell);
    if (this.#isHeld(row)) return;
    row.classList.remove("pt-held");
    if (row.classList.contains("pt-leaving")) this.remove(row);
    else this.#place(row);
  }

  /** @param {HTMLTableRowElement} row */
  #isHeld(row) {
    return [...this.held.keys()].some((cell) => cell.parentElement === row);
  }

  /** @param {string} id */
  #heldRow(id) {
    return [...this.held.keys()].map(rowOf).find((row) => row.dataset.id === id);
  }

  /**
   * The row that another belongs before; null if that is the end.
   * @param {HTMLTableRowElement} row
   */
  #next(row) {
    const others = this.all().filter((other) => other !== row);
    return others.find((other) => sortKeyOf(other) > sortKeyOf(row)) ?? null;
  }

  /** @param {HTMLTableRowElement} row */
  #place(row) {
    const next = this.#next(row);
    if (!this.#isHeld(row) && nextLive(row) !== next) move(row, this.body, next);
  }

  /**
   * @param {HTMLTableRowElement} row
   * @param {HTMLTableRowElement} fresh
   */
  #update(row, fresh) {
    Object.assign(row.dataset, fresh.dataset);
    row.toggleAttribute("data-fixed", "fixed" in fresh.dataset);
    [...row.cells].forEach((cell, index) => {
      const now = fresh.cells.item(index);
      const html = now?.innerHTML ?? "";
      const value = now?.dataset.value;
      const held = this.held.get(cell);
      if (held) {
        Object.assign(held, { html, value });
        held.onWord();
      } else if (served(cell) !== html || cell.dataset.value !== value) {
        const differs = served(cell) !== html;
        show(cell, { html, value });
        if (differs) highlight(cell, "pt-changed");
      }
    });
  }

  /**
   * Lets a row fade out; not while somebody has it under their hands.
   * @param {HTMLTableRowElement} row
   */
  remove(row) {
    if (this.#isHeld(row)) {
      row.classList.add("pt-leaving");
      for (const cell of row.cells) this.held.get(cell)?.onWord();
    } else {
      leave(row);
    }
  }

  /**
   * Shows the rows of another body in place of these, which have not changed.
   * @param {HTMLTableSectionElement} body
   */
  turnTo(body) {
    if (this.held.size > 0) this.replaceAll(body);
    else this.body.replaceChildren(...body.rows);
  }

  /**
   * Makes the rows those of another body, by key and in its order.
   * @param {HTMLTableSectionElement} body
   */
  replaceAll(body) {
    const shown = this.all();
    const known = new Map(shown.map((row) => [row.dataset.id, row]));
    const fresh = [...body.rows];
    const kept = new Set(fresh.map((row) => row.dataset.id));
    const gone = shown.filter((row) => !kept.has(row.dataset.id));
    const replace = () => {
      for (const row of gone) this.remove(row);
      /** @type {HTMLTableRowElement | null} */
      let next = null;
      for (const row of fresh.reverse()) next = this.#putBefore(row, known.get(row.dataset.id), next);
    };
    if (gone.length > FEW) withoutMotion(replace);
    else replace();
  }

  /**
   * Puts a row before another; which one the row above it goes before.
   * @param {HTMLTableRowElement} fresh
   * @param {HTMLTableRowElement | undefined} shown the row of the same record
   * @param {HTMLTableRowElement | null} next
   */
  #putBefore(fresh, shown, next) {
    const known = shown ?? this.#heldRow(idOf(fresh));
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

/**
 * The row of a cell.
 * @param {HTMLTableCellElement} cell
 * @returns {HTMLTableRowElement}
 */
export function rowOf(cell) {
  const row = cell.parentElement;
  if (row instanceof HTMLTableRowElement) return row;
  throw new Error("the cell is in no row");
}

/** @param {HTMLTableRowElement} row */
function idOf(row) {
  return row.dataset.id ?? "";
}

/** @param {HTMLTableRowElement | undefined} row */
function sortKeyOf(row) {
  return row?.dataset.sortKey ?? "";
}

/** @param {HTMLTableRowElement} row */
function nextLive(row) {
  let next = row.nextElementSibling;
  while (next?.classList.contains("pt-leaving")) next = next.nextElementSibling;
  return next;
}

/**
 * What stands in a cell as the server wrote it: how long ago something was is said by the browser.
 * @param {HTMLTableCellElement} cell
 */
function served(cell) {
  return cell.innerHTML.replaceAll(/ data-told="[^"]*"/g, "");
}

/**
 * @param {HTMLTableCellElement} cell
 * @param {{ html: string, value: string | undefined }} content
 */
function show(cell, { html, value }) {
  cell.innerHTML = html;
  if (value === undefined) delete cell.dataset.value;
  else cell.dataset.value = value;
}

/**
 * Moves a row; what is selected in it stays selected, and focus stays where the browser can.
 * @param {HTMLTableRowElement} row
 * @param {HTMLTableSectionElement} body
 * @param {HTMLTableRowElement | null} next
 */
function move(row, body, next) {
  const select = holdSelection(row);
  if (body.moveBefore) body.moveBefore(row, next);
  else body.insertBefore(row, next);
  select();
}

/**
 * Selects again what is selected in a row now.
 * @param {HTMLTableRowElement} row
 */
function holdSelection(row) {
  const selection = getSelection();
  if (!selection) return () => {};
  const { anchorNode, anchorOffset, focusNode, focusOffset } = selection;
  return () => {
    if (!anchorNode || !focusNode || !row.contains(anchorNode) || !row.contains(focusNode)) return;
    selection.setBaseAndExtent(anchorNode, anchorOffset, focusNode, focusOffset);
  };
}
