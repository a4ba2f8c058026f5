/* A part with data-look="60" asks for itself again every so many seconds, while somebody can see the page. A hidden tab asks
   nothing; looked at again after that time, it asks at once. What is asked, and how it is swapped, is said by its hx- attributes. */
const EVERY = 5_000;
let asked = Date.now();

function look() {
  const part = document.querySelector("[data-look]");
  if (!part || document.hidden || Date.now() - asked < 1000 * Number(part.dataset.look)) return;
  asked = Date.now();
  window.htmx?.trigger(part, "look");
}

setInterval(look, EVERY);
document.addEventListener("visibilitychange", look);
