/** Sends what a form holds to the page it is on, as the browser would, and brings back what came of it. */

/**
 * @param {URLSearchParams} entries
 * @returns {Promise<{ status: number, body: object }>} status 0 if the server cannot be reached
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
