// Sharing and exporting, from the bar and from a conversation's menu: what they open is loaded when it is asked for.

import { pageActions } from "./actions.js";

/** The conversation that a button is about: its menu's, else the one that is shown. */
const idFor = (button) =>
  button.closest(".menu")?.dataset.conversationId ?? /^\/c\/([0-9a-f-]{36})\/$/.exec(location.pathname)?.[1];

async function open(act, id) {
  if (id) await (await import("./share.js"))[act](id);
}

pageActions.set("share", (button) => open("openShare", idFor(button)));
pageActions.set("export", (button) => open("openExport", idFor(button)));
