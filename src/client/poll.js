/** Poll mode: reads a component again at its interval, unless nobody is looking. */

/** The server's own minimum, whatever the page says. */
const MIN_INTERVAL_MS = 1000;

/** @param {import("./component.js").Component} component */
export function poll(component) {
  const interval = Math.max(MIN_INTERVAL_MS, component.pollIntervalMs);
  let timer;
  const next = () => {
    clearTimeout(timer);
    timer = setTimeout(tick, interval);
  };
  const tick = async () => {
    if (document.hidden || !component.section.isConnected) return;
    try {
      await component.read();
      component.showState("live");
    } catch {
      component.showState("stale");
    }
    next();
  };
  addEventListener("visibilitychange", () => !document.hidden && tick());
  component.showState("live");
  next();
}
