/* data-dialog="id": a link or button that opens that <dialog>. As a link it leads to a page that does the same without this script.
   data-close: closes the dialog around it. A click beside the dialog closes it too. */
function open(event, opener) {
  const dialog = document.getElementById(opener.dataset.dialog);
  if (!dialog || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const menu = opener.closest(":popover-open");
  if (menu) menu.hidePopover();
  dialog.showModal();
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  if (opener) open(event, opener);
  else if (event.target.closest("[data-close]")) event.target.closest("dialog")?.close();
  else if (event.target.matches("dialog[open]") && isBeside(event)) event.target.close();
});

function isBeside({ target, clientX, clientY, detail }) {
  const box = target.getBoundingClientRect();
  return detail > 0 && (clientX < box.left || clientX > box.right || clientY < box.top || clientY > box.bottom);
}
