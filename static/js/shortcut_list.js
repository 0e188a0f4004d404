// The list of shortcuts.

import { giveFocusBack } from "./focus.js";
import { shownKeys } from "./keys.js";
import { shortcuts } from "./shortcuts.js";

const dialog = document.getElementById("shortcuts-dialog");
dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());

/** Put the list into its dialog, which is open; the focus goes back to `opener`. */
export function fillShortcuts(opener) {
  dialog.querySelector("[data-rows]").replaceChildren(
    ...shortcuts
      .filter((item) => item.keys)
      .map((item) => {
        const row = document.createElement("div");
        const term = document.createElement("dt");
        const keys = document.createElement("dd");
        const key = document.createElement("kbd");
        term.textContent = item.label;
        key.textContent = shownKeys(item.keys);
        keys.append(key);
        row.append(term, keys);
        return row;
      }),
  );
  dialog.onclose = () => giveFocusBack(opener);
}
