// Searching all conversations: results as you type, filters, and the way to the very message. Loaded at first use.

import { clone } from "./html.js";
import { moment, text } from "./page_data.js";
import { postFields, RequestFailed } from "./requests.js";

const PAUSE_MS = 150;
const DAY_MS = 24 * 3600 * 1000;
const dialog = document.getElementById("search-dialog");
const form = dialog.querySelector("form");
const words = form.elements.q;
const results = dialog.querySelector("[data-results]");
const note = dialog.querySelector("[data-note]");
const problem = dialog.querySelector("[data-problem]");
const said = dialog.querySelector("[data-said]");
const next = dialog.querySelector("[data-next]");
const help = note.textContent;
let go = () => {};
let timer = 0;
let asking = null;
let after = null;

/** Find what is typed into the dialog, which is open; `choose({id, messageId, isShown})` goes where a result leads. */
export function beginSearch(sidebar, choose) {
  go = choose;
  offer(form.elements.folder_id, sidebar.folders());
  offer(form.elements.tag_id, sidebar.tags());
  if (isAsked()) search();
}

function offer(select, choices) {
  const chosen = select.value;
  for (const old of [...select.options].slice(1)) old.remove();
  for (const { id, name } of choices) select.append(new Option(name, id));
  select.value = choices.some(({ id }) => id === chosen) ? chosen : "";
  select.hidden = !choices.length;
}

const isAsked = () => words.value.trim() !== "" || [...form.querySelectorAll("select")].some((select) => select.value);

function fields() {
  const all = [...new FormData(form)].filter(([name]) => name !== "csrfmiddlewaretoken");
  const days = form.querySelector("[data-days]").value;
  const midnight = new Date().setHours(0, 0, 0, 0);
  if (days) all.push(["since", new Date(midnight - (Number(days) - 1) * DAY_MS).toISOString()]);
  const state = form.querySelector("[data-state]").value;
  if (state === "pinned") all.push(["pinned", "1"]);
  else if (state) all.push(["archived", state === "archived" ? "1" : "0"]);
  return all;
}

async function search({ more = false } = {}) {
  clearTimeout(timer);
  timer = 0;
  asking?.abort();
  problem.hidden = true;
  if (!isAsked()) return clear();
  const mine = (asking = new AbortController());
  results.setAttribute("aria-busy", "true");
  try {
    const sent = more ? [...fields(), ["after", after]] : fields();
    const found = await postFields(form.getAttribute("action"), sent, text("search_failed"), { signal: mine.signal });
    if (mine === asking) show(found, more);
  } catch (failure) {
    if (mine !== asking || mine.signal.aborted) return;
    if (!(failure instanceof RequestFailed)) throw failure;
    problem.textContent = failure.message;
    problem.hidden = false;
  } finally {
    if (mine === asking) results.removeAttribute("aria-busy");
  }
}

function clear() {
  for (const section of results.querySelectorAll("section")) section.hidden = true;
  note.textContent = help;
  note.hidden = false;
  next.hidden = true;
  said.textContent = "";
  results.removeAttribute("aria-busy");
}

function show(found, more) {
  const titles = results.querySelector("[data-titles]");
  const messages = results.querySelector("[data-messages]");
  if (!more) fill(titles, found.titles, false);
  const firstNew = fill(messages, found.messages, more);
  after = found.after;
  next.hidden = !after;
  const shown = results.querySelectorAll(".hit").length;
  const parts = [];
  if (!shown) parts.push(text(found.is_cut ? "search_cut" : "nothing_found"));
  if (found.is_catching_up) parts.push(text("search_catching_up"));
  note.textContent = parts.join(" ");
  note.hidden = !parts.length;
  said.textContent = shown ? [text(after ? "n_found_first" : "n_found", { n: shown }), ...parts].join(" ") : note.textContent;
  if (more) firstNew?.focus();
  else results.scrollTop = 0;
}

function fill(section, hits, more) {
  const list = section.querySelector("ul");
  if (!more) list.replaceChildren();
  let first = null;
  for (const hit of hits) {
    const item = clone("search-hit");
    const link = item.querySelector("a");
    link.href = `/c/${hit.conversation.id}/`;
    const open = { id: hit.conversation.id, messageId: hit.message_id, isShown: hit.is_shown };
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      dialog.close();
      go(open);
    });
    const title = item.querySelector(".hit__title");
    if (hit.message_id) title.textContent = hit.conversation.title;
    else mark(title, hit.pieces);
    item.querySelector("[data-archived]").hidden = !hit.conversation.archived;
    item.querySelector("[data-hidden]").hidden = hit.is_shown;
    const time = item.querySelector("time");
    time.dateTime = hit.at;
    time.textContent = moment(hit.at);
    const line = item.querySelector(".hit__text");
    if (hit.message_id) {
      const who = document.createElement("span");
      who.className = "hit__who";
      who.textContent = text(hit.role === "user" ? "said_you" : "said_answer");
      line.append(who);
      mark(line, hit.pieces);
    } else line.remove();
    list.append(item);
    first ??= link;
  }
  section.hidden = !list.children.length;
  return first;
}

function mark(element, pieces) {
  for (const [words, isHit] of pieces) {
    if (!isHit) element.append(words);
    else {
      const hit = document.createElement("mark");
      hit.textContent = words;
      element.append(hit);
    }
  }
}

const links = () => [...results.querySelectorAll(".hit")];

form.addEventListener("submit", (event) => {
  event.preventDefault();
  search();
});
words.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(() => search(), PAUSE_MS);
});
form.addEventListener("change", (event) => event.target.matches("select") && search());
next.addEventListener("click", () => search({ more: true }));
dialog.addEventListener("close", () => asking?.abort());
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
dialog.addEventListener("keydown", (event) => {
  const all = links();
  const at = all.indexOf(document.activeElement);
  if (event.key === "Escape") {
    event.preventDefault(); // else the field is emptied first
    dialog.close();
  } else if (event.key === "Enter" && event.target === words && !event.isComposing && all.length && !timer && !results.hasAttribute("aria-busy")) {
    event.preventDefault();
    all[0].click();
  } else if (event.key === "ArrowDown" && (event.target === words || at >= 0)) {
    event.preventDefault();
    all[Math.min(at + 1, all.length - 1)]?.focus();
  } else if (event.key === "ArrowUp" && at >= 0) {
    event.preventDefault();
    (all[at - 1] ?? words).focus();
  }
});
