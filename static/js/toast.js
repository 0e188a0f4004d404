// Short messages at the foot of the page; a screen reader speaks them.

const SHOWN_MS = 4000;
const region = document.querySelector("[data-toasts]");

export function toast(message) {
  const element = document.createElement("div");
  element.className = "toast";
  element.textContent = message;
  region.append(element);
  setTimeout(() => element.remove(), SHOWN_MS);
}

for (const element of region.children) setTimeout(() => element.remove(), SHOWN_MS);
