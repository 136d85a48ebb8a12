/** Poll mode: reads a component again at its interval, unless nobody is looking. */

/**
 * Begins to read a component again and again, until it is no longer on the page.
 * @param {import("./component.js").Component} component its interval is one that the server has checked
 */
export function poll(component) {
  const gone = new AbortController();
  /** @type {number | undefined} */
  let timer;
  const next = () => {
    clearTimeout(timer);
    timer = setTimeout(tick, component.pollIntervalMs);
  };
  const tick = async () => {
    if (!component.section.isConnected) return gone.abort();
    if (document.hidden) return undefined;
    try {
      await component.read();
      component.showState("live");
    } catch {
      component.showState("stale");
    }
    return next();
  };
  addEventListener("visibilitychange", () => !document.hidden && tick(), { signal: gone.signal });
  gone.signal.addEventListener("abort", () => clearTimeout(timer));
  component.showState("live");
  next();
}
