/** The switch between light and dark. What was chosen is kept; otherwise the system's wish holds. */
const KEY = "pagetide-theme";

export function startThemeSwitch() {
  const button = document.getElementById("pt-theme-switch");
  if (!button) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    const theme = current() === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // A browser that keeps nothing still switches this page.
    }
  });
}

function current() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}
