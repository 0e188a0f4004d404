// The page of one's own API tokens.

import "./page.js";
import { copy } from "./code_copy.js";
import { localTimes } from "./local_times.js";

localTimes(document);

// A reload must neither make a second token nor be asked about it.
const secret = document.querySelector("[data-secret]");
if (secret) {
  history.replaceState(null, "", location.href);
  document.querySelector("[data-secret-card]").focus();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest('[data-action="copy-secret"]');
  if (button) copy(secret.textContent, button);
});

// Ask before a program loses its way in. Without scripts the button does it at once.
const dialog = document.getElementById("revoke-dialog");
let chosen = null;
document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-revoke]");
  if (!form || form === chosen) return;
  event.preventDefault();
  chosen = form;
  dialog.querySelector("[data-name]").textContent = form.dataset.revoke;
  dialog.showModal();
});
dialog.querySelector('[data-action="keep"]').addEventListener("click", () => dialog.close());
dialog.querySelector('[data-action="revoke"]').addEventListener("click", () => chosen.submit());
dialog.addEventListener("close", () => (chosen = null));
