// What takes typing is on the page in the very task of its keys, though what makes it work may have to be loaded first:
// a quick hand's next letters belong to it, and an Enter among them is carried out once it can be.

import { keysOf } from "./keys.js";

/**
 * Wait for `load()`, which makes `element` work. Submits meanwhile, and `keys` (as keys.js writes them), happen after it.
 */
export async function meanwhile(element, keys, load) {
  const held = [];
  const hold = (event) => {
    if (event.type === "keydown" && (event.isComposing || !keys.includes(keysOf(event)))) return;
    event.preventDefault();
    event.stopPropagation();
    held.push(event);
  };
  for (const type of ["keydown", "submit"]) element.addEventListener(type, hold, true);
  try {
    await load();
  } finally {
    for (const type of ["keydown", "submit"]) element.removeEventListener(type, hold, true);
  }
  for (const event of held) event.target.dispatchEvent(new event.constructor(event.type, event));
}

/** Show a dialog at once, and take it away again when what fills it cannot be loaded. */
export async function openEarly(dialog, keys, load) {
  if (!dialog.open) dialog.showModal();
  try {
    await meanwhile(dialog, keys, load);
  } catch (error) {
    dialog.close();
    throw error;
  }
}
