// The command palette: everything that can be done or opened, found by a few letters.

import { giveFocusBack } from "./focus.js";
import { clone } from "./html.js";
import { shownKeys } from "./keys.js";
import { data, text } from "./page_data.js";
import { shortcutActions, shortcuts } from "./shortcuts.js";

const dialog = document.getElementById("palette");
const field = dialog.querySelector("input");
const list = dialog.querySelector("[role=listbox]");
const nothing = dialog.querySelector("[data-nothing]");
const status = dialog.querySelector("[data-found]");
const KINDS = {
  command: "palette_command",
  conversation: "palette_conversation",
  assistant: "palette_assistant",
  page: "palette_page",
};
const MOST = 40;
let entries = [];
let found = [];
let chosen = 0;

/** Find what was typed into the palette, which is open, and what will be; the focus goes back to `opener`. */
export async function fillPalette({ go, conversation, opener }) {
  if (!dialog.open) return;
  dialog.onclose = () => giveFocusBack(opener);
  entries = [...commands(go), ...conversationsOnPage(go, conversation), ...assistants(go), ...settings()];
  search();
  await moreConversations(go);
}

function commands(go) {
  const done = new Set(["palette", "previous-chat", "next-chat"]);
  return shortcuts
    .filter((item) => shortcutActions.has(item.id) && !done.has(item.id))
    .filter((item) => item.id !== "search" || document.querySelector('[data-action="search"]'))
    .map((item) => ({ kind: "command", label: item.label, keys: item.keys, act: () => shortcutActions.get(item.id)() }));
}

function conversationsOnPage(go, conversation) {
  return [...document.querySelectorAll("[data-conversation-id]")]
    .filter((item) => item.dataset.conversationId && item.dataset.conversationId !== conversation.id)
    .map((item) => ({
      kind: "conversation",
      id: item.dataset.conversationId,
      label: item.querySelector("a")?.textContent.trim() ?? "",
      act: () => go(item.dataset.conversationId),
    }));
}

/** Those further down than the list on the page. */
async function moreConversations(go) {
  const answer = await fetch("/api/conversations?limit=100", { headers: { accept: "application/json" } }).catch(() => null);
  if (!answer?.ok || !dialog.open) return;
  const known = new Set(entries.map((entry) => entry.id));
  for (const item of (await answer.json()).items)
    if (!known.has(item.id) && !location.pathname.includes(item.id))
      entries.push({ kind: "conversation", id: item.id, label: item.title || text("new_chat"), act: () => go(item.id) });
  search();
}

function assistants(go) {
  const select = document.querySelector("[data-assistant]");
  if (!select) return [];
  return data.assistants.map((assistant) => ({
    kind: "assistant",
    label: text("new_chat_with", { name: assistant.name }),
    act() {
      go(null);
      select.value = assistant.id;
      select.dispatchEvent(new Event("change", { bubbles: true }));
    },
  }));
}

function settings() {
  return [...document.querySelectorAll("#account-menu a[href]")].map((link) => ({
    kind: "page",
    label: link.textContent.trim(),
    act: () => location.assign(link.href),
  }));
}

/** How well `label` fits what was typed: letters in their order, better where they begin words or follow each other. */
function fit(label, typed) {
  const words = label.toLowerCase();
  const at = words.indexOf(typed);
  if (at >= 0) return 1000 - at + (at === 0 || /\s/.test(words[at - 1]) ? 500 : 0);
  let score = 0;
  let place = -1;
  for (const letter of typed) {
    if (/\s/.test(letter)) continue;
    const next = words.indexOf(letter, place + 1);
    if (next < 0) return -1;
    score += next === place + 1 ? 8 : /[\s·(]/.test(words[next - 1] ?? " ") ? 5 : 1;
    place = next;
  }
  return score - (place - typed.length) / 10;
}

function search() {
  const typed = field.value.trim().toLowerCase();
  found = typed
    ? entries
        .map((entry) => ({ entry, score: fit(entry.label, typed) }))
        .filter(({ score }) => score > 0)
        .sort((one, other) => other.score - one.score)
        .map(({ entry }) => entry)
    : entries;
  show(found.slice(0, MOST), typed);
  nothing.hidden = found.length > 0;
  status.textContent = text("palette_found", { n: found.length });
}

function show(entriesFound, typed) {
  found = entriesFound;
  chosen = 0;
  let kind = "";
  const rows = [];
  found.forEach((entry, index) => {
    if (!typed && entry.kind !== kind) {
      const heading = document.createElement("li");
      heading.className = "palette__group";
      heading.role = "presentation";
      heading.textContent = text(KINDS[entry.kind]);
      rows.push(heading);
      kind = entry.kind;
    }
    const row = clone("palette-row");
    row.id = `palette-${index}`;
    row.dataset.index = index;
    row.querySelector("[data-label]").textContent = entry.label;
    row.querySelector("[data-kind]").textContent = typed ? text(KINDS[entry.kind]) : "";
    row.querySelector("kbd").textContent = entry.keys ? shownKeys(entry.keys) : "";
    rows.push(row);
  });
  list.replaceChildren(...rows);
  mark();
}

function mark() {
  for (const row of list.querySelectorAll("[role=option]")) {
    const is = Number(row.dataset.index) === chosen;
    row.setAttribute("aria-selected", String(is));
    if (is) row.scrollIntoView({ block: "nearest" });
  }
  if (found.length) field.setAttribute("aria-activedescendant", `palette-${chosen}`);
  else field.removeAttribute("aria-activedescendant");
}

function run(index) {
  const entry = found[index];
  if (!entry) return;
  dialog.close();
  entry.act();
}

// when it opens again, nothing of before is seen until it is filled
dialog.addEventListener("close", () => dialog.open || show([]));
field.addEventListener("input", search);
field.addEventListener("keydown", (event) => {
  if (event.isComposing || event.keyCode === 229) return;
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };
  if (event.key in steps && found.length) {
    event.preventDefault();
    chosen = Math.abs(steps[event.key]) === 1 ? (chosen + steps[event.key] + found.length) % found.length : Math.max(0, Math.min(found.length - 1, chosen + steps[event.key]));
    mark();
  } else if (event.key === "Enter") {
    event.preventDefault();
    run(chosen);
  }
});
list.addEventListener("click", (event) => {
  const row = event.target.closest("[role=option]");
  if (row) run(Number(row.dataset.index));
});
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
