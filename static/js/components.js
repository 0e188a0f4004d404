// The page of components.

import "./menu.js";
import "./theme.js";
import { dress, listenToBars } from "./prose.js";
import { toast } from "./toast.js";

dress(document);
listenToBars(document.body);
const dialog = document.getElementById("delete-dialog");

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-action]");
  if (button?.dataset.action === "open-dialog") dialog.showModal();
  else if (button?.dataset.action === "close-dialog") dialog.close();
  else if (button?.dataset.action === "toast") toast(button.textContent);
});
dialog.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  dialog.close();
});
