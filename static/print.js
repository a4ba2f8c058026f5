// A button that prints the page. Hidden until this can serve it; the browser's own menu prints without it.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
