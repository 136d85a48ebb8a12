/** Poll mode: reads a component again at its interval, unless nobody is looking. */

/**
 * Begins to read a component again and again, until it is no longer on the page.
 * @param {import("./component.js").Component} component its interval is one that the server has checked
 */
export function poll(component) {
  const { gone } = component;
  /** @type {number | undefined} */
  let timer;
  const next = () => {
    clearTimeout(timer);
    timer = setTimeout(tick, component.pollIntervalMs);
  };
  const tick = async () => {
    if (document.hidden) return;
    try {
      await component.read();
      component.showState("live");
    } catch {
      component.showState("stale");
    }
    if (!gone.aborted) next();
  };
  addEventListener("visibilitychange", () => !document.hidden && tick(), { signal: gone });
  gone.addEventListener("abort", () => clearTimeout(timer));
  component.showState("live");
  next();
}
