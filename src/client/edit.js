/**
 * Editing in place. A cell shows its new value at once, marked as pending, until the server has
 * confirmed it. If somebody else was faster, theirs stands, and a message offers to try again.
 */
import { jsonOf, makeControl, textIn, textOf } from "./control.js";
import { closest, isTextSelected, queryAll } from "./dom.js";
import { rowOf } from "./rows.js";
import { dismiss, toast } from "./toast.js";

/**
 * @typedef {import("./component.js").Component} Component
 * @typedef {import("./control.js").FieldEditor} FieldEditor
 * @typedef {import("./dom.js").Control} Control
 * @typedef {import("./messages.js").Author} Author
 * @typedef {import("./messages.js").Conflict} Conflict
 * @typedef {import("./messages.js").EditingHandshake} EditingHandshake
 * @typedef {import("./messages.js").RecordBody} RecordBody
 */

/**
 * What the server answers to an edit: the record, or why it was refused, with the record of whoever was
 * faster. All is missing where there was no answer.
 * @typedef {Partial<RecordBody> & {
 *   record?: RecordBody,
 *   message?: string,
 *   details?: { field: string, message: string }[],
 * }} EditAnswer
 */

/** How long, in ms, a refused edit waits to hear who was faster. */
const AUTHOR_MS = 1000;
/** How long, in ms, a saved cell waits for its row to be told before it reads the component again. */
const WORD_MS = 3000;
/** How often an edit is sent again because other fields of its record have changed. */
const MOST_TRIES = 5;
/** The controls in which nothing is typed. */
const CHOICES = ["checkbox", "select", "multi-select"];

/** Lets people edit the cells of one component. */
export class Editing {
  /**
   * @param {Component} component
   * @param {import("./rows.js").Rows} rows the component's
   * @param {(handshake: EditingHandshake) => void} announce tells the server which fields are in hand
   */
  constructor(component, rows, announce) {
    this.component = component;
    this.rows = rows;
    this.tell = announce;
    const { section } = component;
    this.table = section.dataset.table ?? "";
    this.lock = section.dataset.lock;
    /**
     * How the cells of each column are edited, if they may be.
     * @type {(FieldEditor | undefined)[]}
     */
    this.editors = queryAll(section, "thead th", HTMLElement).map(({ dataset }) => {
      return dataset.editor ? JSON.parse(dataset.editor) : undefined;
    });
    /** @type {Edit | null} */
    this.open = null;
    /**
     * The fields of each record that are in hand.
     * @type {Map<string, Set<string>>}
     */
    this.inHand = new Map();
    /**
     * The edits that are not over, which wait to hear of a conflict.
     * @type {Set<Edit>}
     */
    this.edits = new Set();
    const { body } = this.rows;
    body.addEventListener("click", (event) => this.#clicked(event));
    body.addEventListener("keydown", (event) => this.#pressed(event));
    const inviting = new MutationObserver(() => this.#invite());
    inviting.observe(body, { childList: true, subtree: true, attributeFilter: ["data-fixed"] });
    this.#invite();
    /** @param {Event} event */
    const hear = (event) => {
      const { detail } = /** @type {CustomEvent<Conflict>} */ (event);
      if (detail.table === this.table) this.edits.forEach((edit) => edit.hear(detail));
    };
    document.addEventListener("pagetide:conflict", hear, { signal: component.gone });
    component.gone.addEventListener("abort", () => this.#letGo());
  }

  /** Takes back what was told of fields in hand: the table is no longer on the page. */
  #letGo() {
    for (const id of this.inHand.keys()) this.tell({ type: "editing", table: this.table, recordId: id, fields: [] });
    this.inHand.clear();
  }

  /**
   * How a cell is edited, if it may be: there may be a rule against its row.
   * @param {HTMLTableCellElement} cell
   */
  #editor(cell) {
    return "fixed" in rowOf(cell).dataset ? undefined : this.editors[cell.cellIndex];
  }

  /** Lets the keyboard reach the cells. */
  #invite() {
    for (const cell of queryAll(this.rows.body, "td:not([tabindex])", HTMLTableCellElement)) {
      if (this.#editor(cell)) cell.tabIndex = 0;
    }
    for (const cell of this.rows.body.querySelectorAll("[data-fixed] > td[tabindex]")) {
      cell.removeAttribute("tabindex");
    }
  }

  /** @param {MouseEvent} event */
  #clicked({ target }) {
    const cell = closest(target, "td", HTMLTableCellElement);
    const isLink = closest(target, "a, input, select, textarea", Element);
    // Whoever selects text wants to copy it.
    if (cell && !isLink && !isTextSelected()) this.start(cell);
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const { target } = event;
    if (!["Enter", "F2"].includes(event.key) || !(target instanceof HTMLTableCellElement)) return;
    event.preventDefault();
    this.start(target);
  }

  /**
   * Opens a cell, unless it cannot be edited. One that is being saved opens once that is over, if it still has the
   * focus: until then the value that the next edit begins from is not known.
   * @param {HTMLTableCellElement} cell
   */
  start(cell) {
    const saved = [...this.edits].find((edit) => edit.cell === cell && !edit.control);
    if (saved) saved.onEnd = () => document.activeElement === cell && this.start(cell);
    const editor = this.#editor(cell);
    if (!editor || this.rows.held.has(cell)) return;
    this.open?.commit();
    // What is typed in part there is not given up for this.
    if (this.open) this.open.control?.focus();
    else new Edit(this, cell, editor).show();
  }

  /**
   * Edits a cell as somebody did before: without asking, and knowing what it overwrites.
   * @param {string} id
   * @param {FieldEditor} editor
   * @param {string | undefined} text
   * @param {string | undefined} base
   * @param {string | undefined} lock
   */
  again(id, editor, text, base, lock) {
    const cell = this.rows.find(id)?.cells[this.editors.indexOf(editor)];
    if (!cell || this.rows.held.has(cell)) return;
    const edit = new Edit(this, cell, editor);
    Object.assign(edit, { base, lock });
    edit.save(text);
  }

  /**
   * Tells the server which fields of a record are in hand.
   * @param {string} id
   * @param {string} field
   * @param {boolean} isInHand
   */
  announce(id, field, isInHand) {
    const fields = this.inHand.get(id) ?? new Set();
    if (isInHand) fields.add(field);
    else fields.delete(field);
    this.inHand.set(id, fields);
    if (fields.size === 0) this.inHand.delete(id);
    this.tell({ type: "editing", table: this.table, recordId: id, fields: [...fields] });
  }
}

/** One edit of one cell: open, then pending, then over. */
class Edit {
  /**
   * @param {Editing} editing
   * @param {HTMLTableCellElement} cell
   * @param {FieldEditor} editor
   */
  constructor(editing, cell, editor) {
    this.editing = editing;
    this.rows = editing.rows;
    this.cell = cell;
    this.editor = editor;
    const { dataset } = rowOf(cell);
    this.id = dataset.id ?? "";
    /** What the edit began from: the value, and the state of the record. */
    this.base = textOf(cell.dataset.value);
    this.lock = dataset.updatedAt;
    /**
     * What stands in the control while nobody has touched it: a box has no third state to show.
     * @type {string | undefined | null}
     */
    this.untouched = null;
    /** @type {Control | null} */
    this.control = null;
    this.byKeyboard = false;
    /**
     * Whoever was faster, once that is known, and who waits to know.
     * @type {Author | undefined}
     */
    this.author = undefined;
    /** @type {(author: Author) => void} */
    this.onAuthor = () => {};
    /**
     * Called when it is over.
     * @type {() => void}
     */
    this.onEnd = () => {};
    this.rows.hold(cell);
    editing.edits.add(this);
    editing.announce(this.id, editor.field, true);
  }

  /** Puts a control into the cell. */
  show(text = this.base) {
    const control = makeControl(this.editor, text);
    this.control = control;
    this.onEnd = () => {};
    if (text === this.base) this.untouched = textIn(control);
    this.editing.open = this;
    this.cell.classList.add("pt-editing");
    const under = document.createElement("span");
    under.className = "pt-under";
    under.append(...this.cell.childNodes);
    const zone = document.createElement("span");
    zone.className = "pt-zone";
    zone.textContent = this.editor.zone ?? "";
    // The control says it to screen readers.
    zone.ariaHidden = "true";
    this.cell.replaceChildren(under, control, ...(this.editor.zone ? [zone] : []));
    // Some browsers say that they filled it in with a `keydown` without a key.
    control.addEventListener("keydown", (event) => event instanceof KeyboardEvent && this.#pressed(event));
    control.addEventListener("change", () => this.#chosen());
    control.addEventListener("blur", () => this.commit());
    control.focus();
    if (!(control instanceof HTMLSelectElement)) control.select();
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    this.byKeyboard = true;
    event.stopPropagation();
    if (event.key === "Escape") this.#leave();
    else if (event.key === "Enter" && !(this.control instanceof HTMLTextAreaElement)) this.commit();
    else return;
    event.preventDefault();
    if (!this.control) this.cell.focus();
  }

  /** A choice by pointer is meant; by keyboard it may be on the way to another. */
  #chosen() {
    const isChoice = ["checkbox", "select"].includes(this.editor.control);
    if (isChoice && !this.byKeyboard) this.commit();
  }

  /** Saves what the control holds, if that is something new. */
  commit() {
    if (!this.control) return;
    if (this.control.validity.badInput) return this.#halfTyped(this.control);
    const text = textIn(this.control);
    if (text === this.untouched || text === this.base) this.#leave();
    else this.save(text);
  }

  /**
   * What is typed in part reads as nothing, and would be saved so.
   * @param {Control} control
   */
  #halfTyped(control) {
    control.ariaInvalid = "true";
    toast(`${this.editor.label} is not complete.`, { key: this.#key() });
  }

  /**
   * Shows the value and sends it.
   * @param {string | undefined} text
   */
  async save(text) {
    this.#putAway();
    this.cell.classList.add("pt-pending");
    this.cell.ariaBusy = "true";
    this.#look(text);
    const { status, body } = await this.#send(text);
    if (status === 200) await this.#confirm(body.fields ?? {});
    else if (status === 409 && body.record) await this.#overtaken(text, body.record);
    else this.#refused(text, status, body);
  }

  /**
   * Sends the value, again if only other fields of the record have changed.
   * @param {string | undefined} text
   */
  async #send(text) {
    const { table } = this.editing;
    const { field } = this.editor;
    const fields = `{${JSON.stringify(field)}:${jsonOf(this.editor, text)}}`;
    for (let tries = 1; ; tries += 1) {
      const held = this.lock === undefined ? "" : `,"updatedAt":${JSON.stringify(this.lock)}`;
      const answer = await patch(`/api/tables/${table}/records/${this.id}`, `{"fields":${fields}${held}}`);
      const now = answer.status === 409 ? answer.body.record?.fields : undefined;
      if (!now || textOf(now[field]) !== this.base || tries === MOST_TRIES) return answer;
      this.lock = this.#lockIn(now);
    }
  }

  /**
   * The state of the record, as its fields tell it; undefined if they do not.
   * @param {Record<string, unknown>} fields
   */
  #lockIn(fields) {
    const { lock } = this.editing;
    return lock === undefined ? undefined : textOf(fields[lock]);
  }

  /**
   * Waits until the row has been told as it now stands.
   * @param {Record<string, unknown>} fields
   */
  async #confirm(fields) {
    const { component } = this.editing;
    this.cell.classList.remove("pt-pending");
    const { dataset } = rowOf(this.cell);
    const lock = this.#lockIn(fields);
    if (lock !== undefined && (dataset.updatedAt ?? "") <= lock) dataset.updatedAt = lock;
    dismiss(this.#key());
    if (this.rows.isLeaving(this.cell)) {
      this.rows.settle(this.cell);
    } else if (textOf(this.rows.latest(this.cell)) !== textOf(fields[this.editor.field])) {
      const told = this.rows.nextWord(this.cell);
      const isLive = component.refresh === "realtime";
      const isTold = isLive && (await Promise.race([told.then(() => true), after(WORD_MS)]));
      if (!isTold) await component.read().catch(() => {});
    }
    this.#end();
  }

  /**
   * @param {string | undefined} text
   * @param {RecordBody} record as somebody else has left it
   */
  async #overtaken(text, record) {
    const { editing, editor } = this;
    const theirs = textOf(record.fields[editor.field]);
    const by = this.author ?? (await Promise.race([this.#authorHeard(), after(AUTHOR_MS)]));
    if (editing.component.refresh !== "realtime") await editing.component.read().catch(() => {});
    this.#end();
    this.#tellOvertaken(by, theirs, () => {
      editing.again(this.id, editor, text, theirs, this.#lockIn(record.fields));
    });
  }

  /**
   * @param {Author | undefined} by
   * @param {string | undefined} theirs
   * @param {() => void} run takes the other value in spite of that
   */
  #tellOvertaken(by, theirs, run) {
    const to = theirs === undefined ? "nothing" : `“${theirs}”`;
    const text = `${nameOf(by)} changed ${this.editor.label} to ${to} first.`;
    toast(text, { key: this.#key(), action: { label: "Use mine", run } });
  }

  /**
   * @param {string | undefined} text
   * @param {number} status
   * @param {EditAnswer} body
   */
  #refused(text, status, body) {
    const { editing, editor, base, lock } = this;
    const key = this.#key();
    if (status === 422 || status === 409) {
      const fault = body.details?.find(({ field }) => field === editor.field);
      const told = fault ? `${editor.label} ${fault.message}` : `Not saved: ${body.message}`;
      toast(`${told}.`, { key });
      return this.show(text);
    }
    this.#end();
    if (status > 0) {
      const gone = status === 404 && "This record is gone";
      // What was chosen is chosen again in a moment.
      const typed = CHOICES.includes(editor.control) ? undefined : text;
      return toast(`Not saved: ${gone || body.message || `the server answered ${status}`}.`, { key, typed });
    }
    const run = () => editing.again(this.id, editor, text, base, lock);
    toast("Not saved: the server cannot be reached.", { key, action: { label: "Try again", run } });
  }

  /**
   * Hears that somebody else was faster.
   * @param {Conflict} conflict
   */
  hear({ overwrittenFields, overwrittenBy, authoritativeRecord: { id, fields } }) {
    const { editor } = this;
    if (id !== this.id || !overwrittenFields.includes(editor.field)) return;
    this.author = overwrittenBy;
    this.onAuthor(overwrittenBy);
    if (!this.control) return;
    const theirs = textOf(fields[editor.field]);
    this.#tellOvertaken(overwrittenBy, theirs, () => {
      Object.assign(this, { base: theirs, untouched: null, lock: this.#lockIn(fields) });
      this.commit();
    });
  }

  /** @returns {Promise<Author>} */
  #authorHeard() {
    return new Promise((resolve) => (this.onAuthor = resolve));
  }

  /**
   * Shows a value as the same value looks elsewhere in its column, or else as plain text.
   * @param {string | undefined} text
   */
  #look(text) {
    const others = this.rows.all().map((row) => row.cells[this.cell.cellIndex]);
    const twin = others.find((other) => other.dataset.value === text && !this.rows.held.has(other));
    if (twin) this.cell.innerHTML = twin.innerHTML;
    else this.cell.textContent = text ?? "–";
  }

  /** Takes the control out of the cell. */
  #putAway() {
    this.control = null;
    this.cell.classList.remove("pt-editing");
    if (this.editing.open === this) this.editing.open = null;
  }

  #leave() {
    dismiss(this.#key());
    this.#putAway();
    this.#end();
  }

  #end() {
    this.cell.classList.remove("pt-pending");
    this.cell.ariaBusy = null;
    this.rows.release(this.cell);
    this.editing.edits.delete(this);
    this.editing.announce(this.id, this.editor.field, false);
    this.onEnd();
  }

  #key() {
    return `${this.editing.table}/${this.id}/${this.editor.field}`;
  }
}

/**
 * @param {string} url
 * @param {string} body
 * @returns {Promise<{ status: number, body: EditAnswer }>} status 0 if the server cannot be reached
 */
async function patch(url, body) {
  const headers = { "Content-Type": "application/json" };
  try {
    const answer = await fetch(url, { method: "PATCH", headers, body });
    return { status: answer.status, body: JSON.parse(await answer.text(), inFull) };
  } catch {
    return { status: 0, body: {} };
  }
}

/**
 * A number that JavaScript would round keeps its digits as text, where the browser tells them.
 * @param {string} _
 * @param {unknown} value
 * @param {{ source?: string }} [context]
 */
function inFull(_, value, context) {
  const isRounded = typeof value === "number" && !Number.isSafeInteger(value);
  return isRounded ? (context?.source ?? value) : value;
}

/**
 * Nothing, after a while.
 * @param {number} ms
 * @returns {Promise<undefined>}
 */
function after(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** @param {Author | undefined} by */
function nameOf(by) {
  return by?.name ?? (by?.id ? "Somebody" : "Another program");
}
