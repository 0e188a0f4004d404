// The tree of a conversation: other versions of messages, branches, and what waits to be sent.

import { messageActions, messageConditions, pageActions } from "./actions.js";
import { meanwhile } from "./early.js";
import { clone } from "./html.js";
import { isRunning } from "./message.js";
import { text } from "./page_data.js";

/** Puts its actions into the registries. `ask(frame)` sends a frame, or says that there is no connection. */
export function growTree({ conversation, composer, drafts, ask, newId }) {
  const idle = () => !conversation.runningTurn;

  messageActions.set("regenerate", ({ view }) => {
    if (idle()) ask({ type: "regenerate", client_id: newId(), message_id: view.id });
  });
  messageActions.set("continue", ({ view }) => {
    if (idle()) ask({ type: "continue", turn_id: view.turn.id });
  });
  messageActions.set("fork", ({ view }) => ask({ type: "fork", client_id: newId(), message_id: view.id }));
  messageConditions.set("fork", (view) => !isRunning(view.turn));
  messageConditions.set("edit", (view) => view.role === "user");

  let edits = null; // editor.js, once it is loaded
  messageActions.set("edit", async (message, element) => {
    const opened = element.querySelector("[data-editor] textarea");
    if (opened) return opened.focus();
    const form = clone("message-editor");
    const field = form.querySelector("textarea");
    const body = element.querySelector("[data-body]");
    const close = () => {
      form.remove();
      body.hidden = false;
      element.removeAttribute("data-editing");
    };
    field.value = drafts.read(`edit:${message.view.id}`) || message.view.text;
    body.hidden = true;
    element.dataset.editing = "";
    body.after(form);
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
    try {
      await meanwhile(form, ["escape", "mod+enter"], async () => {
        edits = await import("./editor.js");
        edits.edit(message, element, { form, close, drafts, ask, newId });
      });
    } catch (error) {
      close();
      throw error;
    }
  });

  function step(message, by) {
    const { versions, id } = message.view;
    const next = versions[versions.indexOf(id) + by];
    if (next) conversation.showVersion(next, by);
  }
  messageActions.set("sibling-before", (message) => step(message, -1));
  messageActions.set("sibling-after", (message) => step(message, 1));
  // in the walker the arrow keys step as well
  document.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const walker = event.target.closest?.("[data-walker]");
    if (!by || !walker || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    step(conversation.messageAt(walker), by);
  });

  conversation.addEventListener("editlost", ({ detail }) => {
    drafts.keep(`edit:${detail.id}`, "");
    composer.fail(text("edit_lost"), detail.words);
  });

  conversation.queue.addEventListener("takeback", ({ detail }) => ask({ type: "take_back", queued_id: detail.id }));
  conversation.queue.addEventListener("sendnow", () => ask({ type: "send_queued", conversation_id: conversation.id }));
  conversation.queue.addEventListener("left", () => composer.focus());
  pageActions.set("show-running", () => conversation.showVersion(conversation.hiddenMessageId, 0));

  return {
    /** Whether the frame told how an edit went. */
    settle: (frame) => edits?.settle(frame, { composer, drafts }) ?? false,

    /** A message has other words now: an editor that is open on it says so, or is done with it. */
    changed: (view) => edits?.changed(view),
  };
}
