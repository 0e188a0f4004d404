// The dialogs that share a conversation and export one, several or all.

import { copy } from "./code_copy.js";
import { fragment } from "./html.js";
import { text } from "./page_data.js";
import { fetchPart, RequestFailed } from "./requests.js";
import { toast } from "./toast.js";

/** Ask for whom and how long a conversation is shared, and show its links. */
export async function openShare(conversationId) {
  const dialog = document.getElementById("share-dialog") ?? makeDialog();
  try {
    show(dialog, await fetchPart(`/c/${conversationId}/share/`, text("cannot_share")));
  } catch (failure) {
    if (!(failure instanceof RequestFailed)) throw failure;
    toast(failure.message);
    return;
  }
  dialog.showModal();
  dialog.querySelector("[data-link], input[name=audience], button")?.focus();
}

function makeDialog() {
  const dialog = document.createElement("dialog");
  dialog.className = "dialog";
  dialog.id = "share-dialog";
  dialog.setAttribute("aria-labelledby", "share-title");
  dialog.addEventListener("submit", (event) => send(event, dialog));
  dialog.addEventListener("click", ({ target }) => {
    const button = target.closest('[data-action="copy-link"]');
    if (button) copy(button.parentElement.querySelector("[data-link]").value, button);
  });
  document.body.append(dialog);
  return dialog;
}

function show(dialog, html) {
  dialog.replaceChildren(fragment(html));
}

/** The answer to a form is the inside of the dialog again, also when it says what went wrong. */
async function send(event, dialog) {
  event.preventDefault();
  const form = event.target;
  const body = new FormData(form, event.submitter);
  for (const button of dialog.querySelectorAll("button")) button.disabled = true;
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { accept: "text/html" }, redirect: "error" });
    const html = await answer.text();
    if (!html.includes("data-dialog-part")) throw new RequestFailed(text("not_saved"));
    show(dialog, html);
    (dialog.querySelector("[data-link]") ?? dialog.querySelector("h2")).focus();
  } catch {
    for (const button of dialog.querySelectorAll("button")) button.disabled = false;
    toast(text("not_saved"));
  }
}

/** Ask for the form of a file: of one conversation (an id), of several (a list of ids), or of all (null). */
export function openExport(which) {
  const dialog = document.getElementById("export-dialog");
  const form = dialog.querySelector("form");
  const ids = typeof which === "string" ? [which] : which;
  const error = form.querySelector("[data-error]");
  error.hidden = true;
  form.querySelector("[data-what]").textContent =
    ids === null ? text("export_all") : text("export_some", { n: ids.length });
  form.onsubmit = (event) => {
    event.preventDefault();
    const format = form.elements.format.value;
    if (ids?.length === 1) {
      location.assign(`/c/${ids[0]}/export/?format=${format}`);
      dialog.close();
    } else {
      makeFile(form, { format, conversation_ids: ids }, error);
    }
  };
  dialog.showModal();
}

async function makeFile(form, body, error) {
  try {
    const answer = await fetch("/api/exports", {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json",
        "x-csrftoken": form.elements.csrfmiddlewaretoken.value,
      },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new RequestFailed((await answer.json().catch(() => null))?.message ?? text("not_saved"));
    location.assign("/settings/sharing/");
  } catch (failure) {
    error.textContent = failure instanceof RequestFailed ? failure.message : text("not_saved");
    error.hidden = false;
  }
}
