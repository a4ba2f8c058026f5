/* data-passkey: a button that allauth's webauthn.js serves. It is hidden until the browser can do passkeys.
   data-passkey-error: the place where a failure is said, in the words of its own data attributes. */
const able = Boolean(window.PublicKeyCredential && navigator.credentials);

for (const button of document.querySelectorAll("[data-passkey]")) {
  button.hidden = !able;
  button.addEventListener("click", () => say(null));
}
for (const note of document.querySelectorAll("[data-passkey-unable]")) note.hidden = able;

function say(exception) {
  const place = document.querySelector("[data-passkey-error]");
  if (!place) return;
  place.hidden = exception === null;
  if (exception === null) return;
  const cancelled = exception?.name === "NotAllowedError" || exception?.name === "AbortError";
  const known = exception?.name === "InvalidStateError";
  const words = cancelled ? place.dataset.cancelled : known ? place.dataset.known : place.dataset.failed;
  place.querySelector("[data-text]").textContent = words;
}

document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  say(event.detail.exception);
});
