// Shows the OpenAPI document of this server. A token that is entered is kept in this tab only.
// The colours are those that the reader has chosen for the pages of this server.
const { theme } = document.documentElement.dataset;
const system = window.matchMedia("(prefers-color-scheme: dark)");
const colour = () =>
  document.documentElement.classList.toggle(
    "dark-mode",
    theme === "dark" || (theme === "system" && system.matches),
  );
colour();
system.addEventListener("change", colour);
window.addEventListener("DOMContentLoaded", () => {
  window.ui = SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#docs",
    deepLinking: true,
    displayRequestDuration: true,
    tryItOutEnabled: true,
    validatorUrl: null,
  });
});
