/* data-copy="#id": a button that copies the text of another element. Hidden until this script can serve it.
   data-copied: the words said once it is done. Without the script the text is there to select. */
const said = document.createElement("span");
said.className = "visually-hidden";
said.setAttribute("role", "status");

async function copy(button) {
  const source = document.querySelector(button.dataset.copy);
  if (!source) return;
  const text = "value" in source ? source.value : source.textContent;
  try {
    await navigator.clipboard.writeText(text.trim());
  } catch {
    getSelection().selectAllChildren(source);
    return;
  }
  const label = button.querySelector("[data-label]") ?? button;
  const before = label.textContent;
  label.textContent = button.dataset.copied ?? before;
  said.textContent = label.textContent;
  setTimeout(() => { label.textContent = before; said.textContent = ""; }, 2500);
}

function serve(root) {
  if (!navigator.clipboard) return;
  for (const button of root.querySelectorAll("[data-copy]")) button.hidden = false;
}

document.body.append(said);
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});
document.addEventListener("htmx:load", (event) => serve(event.detail.elt));
serve(document);
