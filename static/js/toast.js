// Short messages at the foot of the page; a screen reader speaks them.

const SHOWN_MS = 4000;
const OFFERED_MS = 10_000;
const region = document.querySelector("[data-toasts]");
let keyAt = -SHOWN_MS;

addEventListener("keydown", (event) => (keyAt = event.timeStamp), { capture: true });

/** `offer` is a button beside the words, `{label, run}`; it stays while it is looked at, or on the way to by keys, and
 * until there is another one: what can be undone is what was done last. */
export function toast(message, offer) {
  if (offer) for (const other of region.querySelectorAll(".toast:has(button):not(:hover, :focus-within)")) other.remove();
  const element = document.createElement("div");
  element.className = "toast";
  element.textContent = message;
  if (offer) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "toast__button";
    button.textContent = offer.label;
    button.addEventListener("click", () => {
      element.remove();
      offer.run();
    });
    element.append(button);
  }
  region.append(element);
  const isWanted = () => element.matches(":hover, :focus-within") || (offer && performance.now() - keyAt < SHOWN_MS);
  const leave = () => (isWanted() ? setTimeout(leave, SHOWN_MS) : element.remove());
  setTimeout(leave, offer ? OFFERED_MS : SHOWN_MS);
}

for (const element of region.children) setTimeout(() => element.remove(), SHOWN_MS);
