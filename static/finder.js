/* data-finder: the link or button that opens the find dialog. ⌘K or Ctrl+K presses it from anywhere; "/" goes to the search field of the page. */
const typing = (element) => element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName);

document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() === "k" && (event.metaKey || event.ctrlKey) && !event.shiftKey && !event.altKey) {
    const finder = document.querySelector("[data-finder]");
    if (!finder || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    finder.click();
  }
  if (event.key === "/" && !event.metaKey && !event.ctrlKey && !event.altKey && !typing(event.target)) {
    const field = document.querySelector("main input[type=search]");
    if (!field) return;
    event.preventDefault();
    field.focus();
  }
});

const apple = /Mac|iPhone|iPad/.test(navigator.userAgentData?.platform ?? navigator.platform);
if (!apple) for (const key of document.querySelectorAll("[data-finder] kbd")) key.textContent = "Ctrl K";
