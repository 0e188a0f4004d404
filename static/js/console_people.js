// Links that are shown to be copied: `data-copies="id"` copies that field; what was just made gets the focus.

import { text } from "./page_data.js";
import { toast } from "./toast.js";

document.querySelector("[data-fresh]")?.focus();

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copies]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copies);
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    toast(text("copied"));
  } catch {
    // on plain HTTP from another machine browsers offer no clipboard API
    toast(document.execCommand("copy") ? text("copied") : text("copy_failed"));
  }
});
