// Copying.

import { clone } from "./html.js";
import { text } from "./page_data.js";
import { toast } from "./toast.js";

const DONE_MS = 1600;

/** Copy `source`, and `html` beside it for programs that take text with its looks; show on `button` that it happened. */
export async function copy(source, button, html = "") {
  try {
    if (html && globalThis.ClipboardItem) {
      const as = (kind, content) => ({ [kind]: new Blob([content], { type: kind }) });
      await navigator.clipboard.write([new ClipboardItem({ ...as("text/plain", source), ...as("text/html", html) })]);
    } else {
      await navigator.clipboard.writeText(source);
    }
  } catch {
    if (!(await import("./old_copy.js")).copyTheOldWay(source)) {
      toast(text("copy_failed"));
      return;
    }
  }
  if (!button) {
    toast(text("copied"));
    return;
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
