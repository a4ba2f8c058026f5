/* What htmx could not do is said, not swallowed. The words stand in data attributes of <body>, so that they are translated.
   A session that ended leads to the sign-in page as a whole page, never as a part inside another. What nobody asked for
   (data-quiet) fails in silence: whoever is writing something is not interrupted, and hears of it at their own next step. */
const words = document.body.dataset;
const isQuiet = (event) => event.detail.elt?.dataset?.quiet !== undefined;

function say(text) {
  const place = document.getElementById("toasts");
  if (!place || !text) return;
  const toast = document.createElement("div");
  toast.className = "toast";
  const line = document.createElement("p");
  line.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "button plain";
  close.textContent = words.close;
  close.addEventListener("click", () => toast.remove());
  toast.append(line, close);
  place.replaceChildren(toast);
}

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr } = event.detail;
  if (!words.login || !xhr.responseURL) return;
  if (new URL(xhr.responseURL).pathname === words.login && location.pathname !== words.login) {
    event.detail.shouldSwap = false;
    if (!isQuiet(event)) location.reload();
  }
});
for (const failure of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(failure, (event) => isQuiet(event) || say(words.unreachable));
}
document.addEventListener("htmx:responseError", (event) => {
  if (isQuiet(event)) return;
  const { status } = event.detail.xhr;
  say(status === 403 ? words.forbidden : status === 404 ? words.gone : words.failed);
});
