/* Every form that changes something is sent once: the second press of its button does nothing until the page is left or the answer is here.
   Works with plain forms and with htmx. The server keeps the promise too; this only spares a person the doubt. */
const sent = new WeakSet();

function busy(form, button) {
  sent.add(form);
  button?.setAttribute("aria-busy", "true");
}

function free(form) {
  sent.delete(form);
  for (const button of document.querySelectorAll('[aria-busy="true"]')) {
    if (button.form === form) button.removeAttribute("aria-busy");
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  const method = event.submitter?.getAttribute("formmethod") ?? form.method;
  if (method.toLowerCase() !== "post") return;
  if (sent.has(form)) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  busy(form, event.submitter);
}, true);

document.addEventListener("htmx:afterRequest", (event) => {
  const form = event.detail.elt.closest("form");
  if (form) free(form);
});

/* Back from the next page: the browser may show this one as it was left. */
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const form of document.forms) free(form);
});
