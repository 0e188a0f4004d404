// What makes the chat handy: thumbs, sources, shortcuts, the palette, notices, and what left this machine. Only what
// must be there from the start is in here; the rest is loaded when it is first wanted.

import { messageActions, pageActions } from "./actions.js";
import { openEarly } from "./early.js";
import { data } from "./page_data.js";
import { listenToBars } from "./prose.js";
import { shortcutActions } from "./shortcuts.js";

/** `go(id)` opens a conversation. Gives what chat.js has to tell. */
export function makeHandy({ conversation, composer, announcer, log, list, go }) {
  const notices = whenWanted({ list, announcer, go, conversation });
  listenToBars(log);
  offerThumbs(conversation);

  messageActions.set("copy-looks", async (message, element, button) =>
    (await import("./rich_copy.js")).copyWithLooks(message, element, button?.isConnected ? button : null),
  );
  log.addEventListener("click", async ({ target }) => {
    const button = target.closest("[data-citation]");
    const message = button && conversation.messageAt(button);
    // while an answer runs its sources are on their way
    if (!message?.view.sources?.length) return;
    (await import("./sources.js")).openSource(message.view, Number(button.dataset.citation), button);
  });

  const actions = {
    palette: () => openPalette({ go, conversation }),
    shortcuts: () => openShortcuts(),
    write: () => composer.focus(),
    search: () => document.querySelector('[data-action="search"]')?.click(),
    "edit-question"() {
      const question = conversation.messages.findLast(({ view }) => view.role === "user");
      question?.element.querySelector('[data-message-action="edit"]')?.click();
    },
  };
  for (const id of ["latest", "copy-answer", "regenerate", "previous-chat", "next-chat"])
    actions[id] = async () => (await import("./chat_keys.js")).act(id, { conversation, list, go });
  for (const [id, act] of Object.entries(actions)) shortcutActions.set(id, act);
  for (const id of ["palette", "shortcuts"]) pageActions.set(id, actions[id]);

  // how often something left this machine; nothing is loaded while nothing has
  const outbound = () => import("./outbound_list.js");
  let hasLeft = false;
  const showLeft = (count) => {
    if (count || hasLeft) outbound().then(({ showCount }) => showCount(count));
    hasLeft ||= count > 0;
  };
  pageActions.set("outbound", async (button) => (await outbound()).showOutbound(conversation.id, button));

  return {
    opened(id) {
      notices.tell((all) => all.open(id));
      if (id === null) showLeft(0);
    },
    titled(title) {
      document.title = title;
      notices.tell((all) => all.titled(title));
    },
    frame: {
      snapshot: (frame) => showLeft(frame.outbound ?? 0),
      conversation({ conversation: view }) {
        if (view.answering) notices.want();
        notices.tell((all) => all.changed(view));
      },
      async finished() {
        const { id } = conversation;
        const count = data.way_out && id ? await (await outbound()).countOutbound(id) : null;
        if (count !== null && id === conversation.id) showLeft(count);
      },
      removed: (frame) => notices.tell((all) => all.removed(frame.conversation_id)),
    },
  };
}

function openPalette(about) {
  const dialog = document.getElementById("palette");
  if (dialog.open) return dialog.close();
  const opener = document.activeElement;
  dialog.querySelector("input").value = "";
  return openEarly(dialog, ["enter", "arrowdown", "arrowup"], async () =>
    void (await import("./palette.js")).fillPalette({ ...about, opener }),
  );
}

function openShortcuts() {
  const opener = document.activeElement;
  return openEarly(document.getElementById("shortcuts-dialog"), [], async () =>
    (await import("./shortcut_list.js")).fillShortcuts(opener),
  );
}

/** The thumbs below answers, from the first answer on. */
function offerThumbs(conversation) {
  const thumbs = () => import("./feedback_entry.js");
  for (const verdict of ["good", "bad"])
    messageActions.set(verdict, async (message, element, button) => (await thumbs()).press(message, element, verdict, button));
  conversation.addEventListener("state", function offer() {
    if (!conversation.messages.some((message) => message.turn)) return;
    conversation.removeEventListener("state", offer);
    thumbs().then(({ showVerdicts }) => showVerdicts(conversation));
  });
}

/** Notices of answers elsewhere, from the moment on when something runs or is ready: until then there is nothing to do. */
function whenWanted({ list, announcer, go, conversation }) {
  const key = `ready:${data.person_id}`;
  let notices = null;
  const want = () => {
    notices ??= import("./notices.js").then(({ Notices }) => {
      return new Notices({ list, announcer, go, current: conversation.id, title: document.title });
    });
  };
  addEventListener("storage", (event) => event.key === key && want());
  if (data.answering?.length || localStorage.getItem(key)) want();
  return { want, tell: (act) => notices?.then(act) };
}
