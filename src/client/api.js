/** The page to browse the API: Swagger UI over what this app says of itself. */

/**
 * What Swagger UI's own script, which runs before this one, leaves on the page.
 * @typedef {{ (options: object): void, presets: { apis: object } }} SwaggerUi
 */
const { SwaggerUIBundle } = /** @type {typeof globalThis & { SwaggerUIBundle: SwaggerUi }} */ (globalThis);
const html = document.documentElement;
const prefersDark = matchMedia("(prefers-color-scheme: dark)");

/** Swagger UI goes by a class, not by what the browser prefers. */
function dress() {
  const isDark = html.dataset.theme ? html.dataset.theme === "dark" : prefersDark.matches;
  html.classList.toggle("dark-mode", isDark);
}

dress();
prefersDark.addEventListener("change", dress);
SwaggerUIBundle({
  url: "/api/openapi.json",
  domNode: document.getElementById("pt-api"),
  presets: [SwaggerUIBundle.presets.apis],
  deepLinking: true,
  docExpansion: "none",
  defaultModelsExpandDepth: -1,
  tryItOutEnabled: true,
  validatorUrl: null,
});
