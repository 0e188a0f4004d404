// The page of components.

import "./menu.js";
import "./theme.js";
import { addCodeBars, copy } from "./code_copy.js";
import { toast } from "./toast.js";

addCodeBars(document);
const dialog = document.getElementById("delete-dialog");

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-action]");
  if (button?.dataset.action === "open-dialog") dialog.showModal();
  else if (button?.dataset.action === "close-dialog") dialog.close();
  else if (button?.dataset.action === "toast") toast(button.textContent);
  else if (button?.dataset.action === "copy-code") copy(button.closest(".code").querySelector("code").textContent, button);
});
dialog.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  dialog.close();
});
