/** Sends what a form holds to the page it is on, as the browser would, and brings back what came of it. */

/**
 * What the server answers: what to do next, or why nothing was done.
 * @typedef {object} FormAnswer
 * @property {string} [navigate] the path to go on to
 * @property {string} [toast] what people are told, where they stay
 * @property {Confirmation} [confirm] what is to be asked first
 * @property {string} [html] the form as it is to stand now
 * @property {string} [code] what kind of error it is
 * @property {string} [message] the error in words
 * @property {unknown} [details] what is wrong in particular
 */

/**
 * A question, what is on the button that says yes, and whether something is deleted by it.
 * @typedef {{ text: string, label: string, danger: boolean }} Confirmation
 */

/**
 * The names and values of a form, as a browser sends them.
 * @param {HTMLFormElement} form
 * @param {HTMLElement | null} [submitter] the button that was pressed
 * @returns {URLSearchParams}
 */
export function entriesOf(form, submitter) {
  const entries = new URLSearchParams();
  for (const [name, value] of new FormData(form, submitter)) entries.append(name, String(value));
  return entries;
}

/**
 * @param {URLSearchParams} entries
 * @returns {Promise<{ status: number, body: FormAnswer }>} status 0 if the server cannot be reached
 */
export async function send(entries) {
  try {
    const answer = await fetch(location.href, {
      method: "POST",
      headers: { Accept: "application/json" },
      body: entries,
    });
    return { status: answer.status, body: await answer.json().catch(() => ({})) };
  } catch {
    return { status: 0, body: {} };
  }
}
