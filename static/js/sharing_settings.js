// The page of one's links and files: copies links, and sends a file in parts, so that none is too large for a request.

import "./page.js";
import "./live.js";
import { copy } from "./code_copy.js";
import { data, text } from "./page_data.js";
import { RequestFailed } from "./requests.js";

document.addEventListener("click", ({ target }) => {
  const button = target.closest('[data-action="copy-link"]');
  if (button) copy(button.parentElement.querySelector("[data-link]").value, button);
});

const form = document.querySelector("[data-import-form]");
const error = form.querySelector("[data-error]");
const sending = form.querySelector("[data-sending]");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const [file] = form.elements.file.files;
  error.hidden = true;
  if (!file) return;
  const button = form.querySelector("button[type=submit]");
  button.disabled = true;
  sending.hidden = false;
  addEventListener("beforeunload", hold);
  try {
    await bring(file);
    removeEventListener("beforeunload", hold);
    location.reload();
  } catch (failure) {
    removeEventListener("beforeunload", hold);
    error.textContent = failure instanceof RequestFailed ? failure.message : text("not_saved");
    error.hidden = false;
    sending.hidden = true;
    button.disabled = false;
  }
});

const hold = (event) => event.preventDefault();

async function bring(file) {
  const begun = await post("/api/imports", { size_bytes: file.size });
  for (let number = 0; number < begun.pieces; number++) {
    const at = number * data.piece_bytes;
    await post(`/api/imports/${begun.id}/pieces`, { number, data: await inBase64(file.slice(at, at + data.piece_bytes)) });
    const percent = Math.round((100 * (number + 1)) / begun.pieces);
    sending.querySelector("progress").value = percent;
    sending.querySelector("[data-sent]").textContent = text("sent_so_far", { percent });
  }
  await post(`/api/imports/${begun.id}/start`, {});
}

function inBase64(part) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(part);
  });
}

async function post(address, body) {
  const answer = await fetch(address, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json",
      "x-csrftoken": form.elements.csrfmiddlewaretoken.value,
    },
    body: JSON.stringify(body),
  });
  const said = await answer.json().catch(() => null);
  if (!answer.ok) throw new RequestFailed(said?.message ?? text("not_saved"));
  return said;
}
