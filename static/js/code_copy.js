// Copying: of messages and of code blocks.

import { clone } from "./html.js";
import { text } from "./page_data.js";
import { toast } from "./toast.js";

const DONE_MS = 1600;

/** Give every code block in `root` its bar with the language and a copy button. */
export function addCodeBars(root) {
  for (const block of root.querySelectorAll(".code:not(:has(> .code__bar))")) {
    const bar = clone("code-bar");
    bar.querySelector("[data-language]").textContent = block.dataset.language || text("plain_text");
    block.prepend(bar);
    // a block that scrolls sideways must be reachable without a mouse
    block.querySelector("pre")?.setAttribute("tabindex", "0");
  }
}

/** Copy `source` and show on `button` that it happened. */
export async function copy(source, button) {
  try {
    await navigator.clipboard.writeText(source);
  } catch {
    if (!copyTheOldWay(source)) {
      toast(text("copy_failed"));
      return;
    }
  }
  const icon = button.firstElementChild;
  if (button.classList.contains("is-done")) return;
  const label = button.getAttribute("aria-label");
  button.replaceChildren(clone("done-icon"));
  button.classList.add("is-done");
  button.setAttribute("aria-label", text("copied"));
  setTimeout(() => {
    button.replaceChildren(icon);
    button.classList.remove("is-done");
    button.setAttribute("aria-label", label);
  }, DONE_MS);
}

/** On plain HTTP from another machine browsers offer no clipboard API. */
function copyTheOldWay(source) {
  const area = document.createElement("textarea");
  const focused = document.activeElement;
  area.value = source;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  focused?.focus();
  return done;
}
