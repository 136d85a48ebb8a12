/**
 * What pages for admins do beside: parts marked `data-again` are read again every few seconds while
 * somebody looks, and a CSV file that is chosen is shown as the text of its form. It is sent as it is.
 */
import { get, queryAll } from "./dom.js";
import { morph } from "./morph.js";

/** How often, in ms, such a part is read again. */
const AGAIN_MS = 3000;

const timer = setInterval(readAgain, AGAIN_MS);

for (const form of queryAll(document, "form:has(label[data-file])", HTMLFormElement)) {
  const label = get(form, "label[data-file]", HTMLLabelElement);
  const most = Number(label.dataset.file);
  const input = get(label, "input", HTMLInputElement);
  const csv = get(form, "[name=csv]", HTMLTextAreaElement);
  input.addEventListener("change", async () => {
    const file = input.files?.[0];
    const isTooLarge = file !== undefined && file.size > most * 1024 * 1024;
    input.setCustomValidity(isTooLarge ? `At most ${most} MiB.` : "");
    input.reportValidity();
    csv.value = file && !isTooLarge ? await textOf(file) : "";
  });
  // Once the text is changed, it is the text that counts.
  csv.addEventListener("input", () => {
    input.value = "";
    input.setCustomValidity("");
  });
  form.addEventListener("formdata", ({ formData }) => {
    formData.delete(input.files?.[0] ? "csv" : "file");
  });
}

/**
 * The text of a file; nothing where its bytes are no UTF-8, which the server will say.
 * @param {File} file
 */
async function textOf(file) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    return "";
  }
}

async function readAgain() {
  const parts = queryAll(document, "[data-again]", HTMLElement);
  // A page that was deployed anew may have none any more.
  if (parts.length === 0) clearInterval(timer);
  if (parts.length === 0 || document.hidden) return;
  const answer = await fetch(location.href).catch(() => undefined);
  if (!answer?.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of parts) {
    const now = fresh.getElementById(part.id);
    if (now) morph(part, now);
  }
}
