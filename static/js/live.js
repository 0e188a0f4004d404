// Parts of a page that are looked at again while the reader looks: `data-live="address"`. Such a part is replaced
// when it reads differently; one without an address any more is at rest.

import { fragment } from "./html.js";
import { localTimes } from "./local_times.js";
import { fetchPart, RequestFailed } from "./requests.js";

const EVERY_MS = 2000;
const seen = new WeakMap();

/** `acted`: the reader pressed a button in it, which may go; then the focus stays with the part itself. */
async function look(part, acted = false) {
  try {
    const next = fragment(await fetchPart(part.dataset.live)).firstElementChild;
    localTimes(next);
    // the forms' tokens differ each time: what people see decides
    const same = next.textContent === seen.get(part) && next.dataset.live === part.dataset.live;
    if (same || !part.isConnected || (!acted && part.contains(document.activeElement))) return;
    seen.set(next, next.textContent);
    part.replaceWith(next);
    globalThis.htmx?.process(next);
    if (acted) {
      next.tabIndex = -1;
      next.focus();
    }
  } catch (failure) {
    if (!(failure instanceof RequestFailed)) throw failure;
  }
}

setInterval(() => {
  if (document.visibilityState !== "visible" || document.querySelector("dialog[open]")) return;
  for (const part of document.querySelectorAll("[data-live]")) look(part);
}, EVERY_MS);

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const part = detail.elt.closest("[data-live]");
  if (part && detail.successful) look(part, true);
});
