/**
 * What pages for admins do beside: parts marked `data-again` are read again every few seconds while
 * somebody looks, and a CSV file that is chosen goes into the text of its form.
 */
import { morph } from "./morph.js";

/** How often, in ms, such a part is read again. */
const AGAIN_MS = 3000;

const parts = [...document.querySelectorAll("[data-again]")];
if (parts.length > 0) setInterval(readAgain, AGAIN_MS);

for (const label of document.querySelectorAll("[data-file]")) {
  const input = label.querySelector("input");
  label.hidden = false;
  input.addEventListener("change", async () => {
    if (input.files[0]) input.form.elements.csv.value = await input.files[0].text();
  });
}

async function readAgain() {
  if (document.hidden) return;
  const answer = await fetch(location.href).catch(() => undefined);
  if (!answer?.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of parts) {
    const now = fresh.getElementById(part.id);
    if (now) morph(part, now);
  }
}
