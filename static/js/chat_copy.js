// A whole chat on the clipboard.

import { copy } from "./code_copy.js";
import { text } from "./page_data.js";

export function copyChat(messages, button) {
  const names = { user: text("you"), assistant: text("assistant") };
  const said = messages.map(({ view }) => `**${names[view.role]}**\n\n${view.text}`);
  return copy(said.join("\n\n---\n\n"), button);
}
