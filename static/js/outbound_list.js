// What left this machine for a conversation: when, where to, why.

import { askApi } from "./api.js";
import { giveFocusBack } from "./focus.js";
import { moment, text } from "./page_data.js";

const dialog = document.getElementById("outbound-dialog");
const badge = document.querySelector('[data-action="outbound"]');
const PURPOSES = {
  chat: "outbound_chat",
  title: "outbound_title",
  summary: "outbound_summary",
  "files.question": "outbound_files_question",
  "files.passages": "outbound_files_passages",
  replay: "outbound_replay",
};
const part = (name) => dialog.querySelector(`[data-${name}]`);
let id = null;
let next = null;

dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
part("older").addEventListener("click", () => fetchMore());

/** Say how often that was, calmly: at the button. */
export function showCount(count) {
  badge.querySelector("[data-count]").textContent = count;
  badge.toggleAttribute("data-some", count > 0);
  const words = text(count ? "outbound_some" : "outbound_none", { n: count });
  badge.title = words;
  badge.setAttribute("aria-label", words);
}

/** How many requests left for it; null where that cannot be known now. */
export async function countOutbound(conversationId) {
  const found = await askApi("GET", `/api/conversations/${conversationId}/outbound?limit=1`).catch(() => null);
  return found && found.count;
}

export async function showOutbound(conversationId, button) {
  id = conversationId;
  next = null;
  part("rows").replaceChildren();
  part("table").hidden = part("older").hidden = part("problem").hidden = true;
  part("summary").textContent = "";
  dialog.showModal();
  dialog.onclose = () => giveFocusBack(button);
  if (id === null) part("summary").textContent = text("outbound_none");
  else await fetchMore();
}

async function fetchMore() {
  try {
    const after = next ? `&after=${encodeURIComponent(next)}` : "";
    const found = await askApi("GET", `/api/conversations/${id}/outbound?limit=50${after}`);
    part("summary").textContent = text(found.count ? "outbound_some" : "outbound_none", { n: found.count });
    part("rows").append(...found.items.map(row));
    part("table").hidden = !found.count;
    next = found.next;
    part("older").hidden = !next;
  } catch (error) {
    part("problem").textContent = error.message;
    part("problem").hidden = false;
  }
}

function row(item) {
  const element = document.createElement("tr");
  for (const words of [moment(item.at), item.host, text(PURPOSES[item.purpose] ?? item.purpose)]) {
    const cell = document.createElement("td");
    cell.textContent = words;
    element.append(cell);
  }
  return element;
}
