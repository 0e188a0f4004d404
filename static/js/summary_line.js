// The line of a summary, and what is in it when it is opened: its text, and what one can do with it.

import { clone, fragment } from "./html.js";
import { text } from "./page_data.js";
import { fetchPart } from "./requests.js";

const token = document.querySelector("[name=csrfmiddlewaretoken]").value;

/** Show it below the last message that it tells of. */
export function showSummary({ element, view }) {
  const shown = element.querySelector(":scope > .summary-line");
  if (shown?.dataset.summary === view.summary?.id) return;
  shown?.remove();
  if (!view.summary) return;
  const line = clone("summary-line");
  line.dataset.summary = view.summary.id;
  line.querySelector("[data-text]").textContent = text("summarised", { n: view.summary.messages });
  line.addEventListener("toggle", () => openSummary(line));
  element.append(line);
}

/** Fetch the text of the summary that `line` stands for, once. */
async function openSummary(line) {
  if (!line.open || "loaded" in line.dataset) return;
  line.dataset.loaded = "";
  const place = line.querySelector("[data-loaded]");
  const address = `/summaries/${line.dataset.summary}/`;
  try {
    place.replaceChildren(fragment(await fetchPart(address, text("not_loaded"))));
  } catch (error) {
    delete line.dataset.loaded;
    place.textContent = error.message;
    return;
  }
  const acts = { "summary-again": ["again/", "summary_again"], "summary-remove": ["delete/", "summary_removed"] };
  place.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-action]");
    const [path, done] = acts[button?.dataset.action] ?? [];
    if (!path) return;
    const state = place.querySelector("[data-summary-state]");
    state.textContent = (await post(address + path)) ?? text(done);
    if (path === "delete/") line.querySelector("summary").focus();
  });
}

/** Null when it was done, else why not. */
async function post(address) {
  try {
    const options = { method: "POST", headers: { "X-CSRFToken": token, accept: "application/json" }, redirect: "error" };
    const answer = await fetch(address, options);
    if (answer.ok) return null;
    return (await answer.json().catch(() => null))?.message ?? text("not_saved");
  } catch {
    return text("not_saved");
  }
}
