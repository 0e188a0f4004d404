// Keyboard shortcuts: which keys do what stands in the page (preferences/shortcuts.py), what they do is put in here.

import { isMac, keysOf, shownKeys } from "./keys.js";

const element = document.getElementById("shortcut-data");
const given = element ? JSON.parse(element.textContent) : { on: false, items: [] };

/** Every shortcut with its label and keys, whether there is something to do for it here or not. */
export const shortcuts = given.items;

/** What a shortcut does: `(event) => …`, by the id that preferences/shortcuts.py gives it. */
export const shortcutActions = new Map();

const byKeys = new Map(given.on ? given.items.filter((item) => item.keys).map((item) => [item.keys, item.id]) : []);
const FIELDS = "input, textarea, select, [contenteditable]";

document.addEventListener("keydown", (event) => {
  // while an input method composes, keys belong to it; and what somebody has taken is taken
  if (event.isComposing || event.keyCode === 229 || event.defaultPrevented || event.repeat) return;
  const keys = keysOf(event);
  const id = byKeys.get(keys);
  if (!id) return;
  const isBare = !event.ctrlKey && !event.metaKey && !event.altKey;
  if (isBare && keys.length === 1 && event.target.closest?.(FIELDS)) return;
  // a dialog has the keys to itself, but for the palette's own
  if (document.querySelector("dialog:modal") && id !== "palette") return;
  const act = shortcutActions.get(id);
  if (!act) return;
  event.preventDefault();
  act(event);
});

for (const hint of document.querySelectorAll("[data-shortcut]")) {
  const item = given.on && shortcuts.find((each) => each.id === hint.dataset.shortcut);
  hint.textContent = item ? shownKeys(item.keys) : "";
}

export { isMac };
