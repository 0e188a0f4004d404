// One's own settings: passkeys are added here.

import "./page.js";
import { addPasskey, guard, known, wireButtons } from "./passkeys.js";
import { moment } from "./page_data.js";

wireButtons();

const form = document.querySelector("[data-passkey-form]");
if (form && known) {
  form.hidden = false;
  document.querySelector("[data-no-passkeys]").hidden = true;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { options, answer } = form.dataset;
    const name = form.elements.name.value;
    guard(form.querySelector("button"), form, () => addPasskey({ options, answer, name }));
  });
}

// times as the reader's clock has them; the server knows no time zone of theirs
for (const time of document.querySelectorAll(".things time")) time.textContent = moment(time.dateTime);
