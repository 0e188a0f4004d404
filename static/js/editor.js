// Putting a message of one's own into other words, in its place.

import { data, text } from "./page_data.js";

const edits = new Map(); // client id -> {id of the message, words}
const editorOf = (messageId) => document.querySelector(`[data-message-id="${CSS.escape(messageId)}"] [data-editor]`);

/**
 * Make the editor work that stands in `element`, the article of `message`. `close()` takes it away, `ask(frame)` sends
 * and gives false when that is not possible now; `drafts` keeps what is typed, should the page be closed.
 */
export function edit(message, element, { form, close, drafts, ask, newId }) {
  const key = `edit:${message.view.id}`;
  const field = form.querySelector("textarea");
  const why = form.querySelector("[data-why]");
  const original = message.view.text;
  keep();

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(event.submitter?.value !== "save");
  });
  form.querySelector("[data-cancel]").addEventListener("click", cancel);
  field.addEventListener("input", keep);
  field.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      cancel();
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      send(true);
    }
  });
  // what came from elsewhere meanwhile, and what was refused, is said here; the words stay
  form.addEventListener("say", ({ detail }) => say(detail));
  form.addEventListener("done", done);

  function send(answer) {
    const words = field.value.trim();
    if (!words || [...words].length > data.max_message_chars) return;
    if (!answer && words === original) {
      done();
      return;
    }
    const frame = { type: "edit", client_id: newId(), message_id: message.view.id, text: words, answer };
    edits.set(frame.client_id, { id: message.view.id, words });
    if (ask(frame)) form.toggleAttribute("data-sent", true);
    else say(text("offline"));
  }

  function keep() {
    drafts.keep(key, field.value === original ? "" : field.value);
    show();
  }

  function say(words) {
    form.removeAttribute("data-sent");
    why.textContent = words;
    why.hidden = !words;
  }

  function show() {
    const words = field.value.trim();
    const over = words.length > data.max_message_chars ? [...words].length - data.max_message_chars : 0;
    for (const button of form.querySelectorAll("[type=submit]")) button.disabled = !words || over > 0;
    field.setAttribute("aria-invalid", String(over > 0));
    if (over > 0) say(text("characters_over", { n: over }));
    else if (!form.hasAttribute("data-sent")) say("");
  }

  function cancel() {
    done();
    element.querySelector('[data-message-action="edit"]')?.focus();
  }

  function done() {
    drafts.keep(key, "");
    close();
  }
}

/** Whether the frame told how an edit went. */
export function settle(frame, { composer, drafts }) {
  const sent = edits.get(frame.client_id);
  if (!sent) return false;
  edits.delete(frame.client_id);
  const editor = editorOf(sent.id);
  if (editor && frame.type === "error") editor.dispatchEvent(new CustomEvent("say", { detail: frame.message }));
  else if (editor) editor.dispatchEvent(new Event("done"));
  else {
    // another tab was quicker, and its version stands where the editor was
    drafts.keep(`edit:${sent.id}`, "");
    if (frame.type === "error") composer.fail(text("edit_lost"), sent.words);
  }
  return true;
}

/** A message has other words now: an editor that is open on it says so, or is done with it. */
export function changed(view) {
  const editor = editorOf(view.id);
  if (!editor) return;
  const mine = [...edits].find(([, { id }]) => id === view.id);
  if (mine && editor.querySelector("textarea").value.trim() === view.text) {
    edits.delete(mine[0]);
    editor.dispatchEvent(new Event("done"));
  } else {
    editor.dispatchEvent(new CustomEvent("say", { detail: text("edited_elsewhere") }));
  }
}
