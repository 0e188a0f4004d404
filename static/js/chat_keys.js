// What shortcuts do with the conversation on the page and with those beside it.

import { copy } from "./code_copy.js";
import { text } from "./page_data.js";
import { toast } from "./toast.js";

/** Carry out `id`; `go(id)` opens another conversation of `list`. */
export function act(id, { conversation, list, go }) {
  const { messages } = conversation;
  const acts = {
    latest: () => document.querySelector('.jump[data-action="jump"]').click(),
    "copy-answer"() {
      const answer = messages.findLast((message) => message.turn && message.view.text);
      if (answer) copy(answer.view.text);
      else toast(text("nothing_to_copy"));
    },
    regenerate: () => messages.at(-1)?.element.querySelector('[data-message-action="regenerate"]')?.click(),
    "previous-chat": () => walk(-1),
    "next-chat": () => walk(1),
  };
  acts[id]();

  function walk(step) {
    const ids = [...list.querySelectorAll("[data-conversation-id]")].map((item) => item.dataset.conversationId);
    const at = ids.indexOf(conversation.id);
    const next = ids[at < 0 ? 0 : at + step];
    if (next) go(next);
  }
}
