/**
 * Buttons that do something to records, without leaving the page: asked about where the author wants
 * it, done once, told. Without JavaScript the server asks on a page of its own.
 */
import { entriesOf, send } from "./send.js";
import { dismiss, toast } from "./toast.js";

/**
 * What is under way.
 * @type {WeakSet<HTMLFormElement>}
 */
const busy = new WeakSet();

/**
 * Starts to listen for buttons.
 * @param {() => void} onDone called when something was done, so that what is not live is read again
 */
export function startActing(onDone) {
  document.addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    if (!(form instanceof HTMLFormElement) || !submitter) return;
    if (!form.matches("[data-act]:has(> [name=_component])")) return;
    event.preventDefault();
    press(form, submitter, onDone);
  });
}

/**
 * @param {HTMLFormElement} form
 * @param {HTMLElement} button
 * @param {() => void} onDone
 */
async function press(form, button, onDone) {
  if (busy.has(form)) return;
  busy.add(form);
  button.ariaBusy = "true";
  try {
    await act(form, button, onDone);
  } finally {
    busy.delete(form);
    button.ariaBusy = null;
  }
}

/**
 * @param {HTMLFormElement} form
 * @param {HTMLElement} button
 * @param {() => void} onDone
 */
async function act(form, button, onDone) {
  const key = form.id;
  dismiss(key);
  const entries = entriesOf(form, button);
  let { status, body } = await send(entries);
  if (body.confirm) {
    if (!(await isMeant(body.confirm, button))) return undefined;
    entries.set("_confirmed", "yes");
    ({ status, body } = await send(entries));
  }
  if (body.navigate) return location.assign(body.navigate);
  if (status === 200) {
    form.dispatchEvent(new CustomEvent("pagetide:done"));
    toast(body.toast ?? "Done", { key });
    return onDone();
  }
  /** @type {Record<number, string>} */
  const words = {
    0: "the server cannot be reached",
    401: "your session is over; sign in in another tab, then try again",
    404: "it is gone, or you may not change it any more",
  };
  const told = words[body.code === "NOT_FOUND" && body.details ? -1 : status] ?? body.message;
  return toast(`Not done: ${told ?? `the server answered ${status}`}.`, { key });
}

/**
 * Asks whether it is meant.
 * @param {import("./send.js").Confirmation} confirmation
 * @param {HTMLElement} button
 * @returns {Promise<boolean>}
 */
function isMeant({ text, label, danger }, button) {
  const dialog = document.createElement("dialog");
  dialog.className = "pt-ask";
  const words = document.createElement("p");
  words.textContent = text;
  words.id = "ask-words";
  dialog.setAttribute("aria-labelledby", words.id);
  const form = document.createElement("form");
  form.method = "dialog";
  const no = document.createElement("button");
  no.textContent = "Cancel";
  const yes = document.createElement("button");
  yes.textContent = label;
  yes.value = "yes";
  yes.className = danger ? "pt-danger" : "pt-primary";
  form.append(no, yes);
  dialog.append(words, form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      button.focus();
      resolve(dialog.returnValue === "yes");
    });
  });
}
