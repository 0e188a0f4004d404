// One file in a dialog: what was read of it, how questions get it, and the file itself to save.

import { ask, hasPages, sizeWords } from "./attachments.js";
import { giveFocusBack } from "./focus.js";
import { text } from "./page_data.js";

const dialog = document.getElementById("file-dialog");
const find = (name) => dialog.querySelector(`[data-${name}]`);
const LEVELS = { heading: "h3", table: "pre", code: "pre" };

let shown = null;

find("more").addEventListener("click", () => more());
dialog.addEventListener("close", () => {
  giveFocusBack(shown?.opener);
  shown = null;
  find("text").replaceChildren();
});
find("use").addEventListener("change", async ({ target }) => {
  const { attachmentId, fileId, onUse } = shown;
  const address = attachmentId ? `/api/attachments/${attachmentId}` : `/api/files/${fileId}`;
  const body = JSON.stringify({ use: target.value });
  const said = await ask(address, { method: "PATCH", body, headers: { "content-type": "application/json" } });
  find("use-note").textContent = said && !said.failed ? text(attachmentId ? "use_next_time" : "use_saved") : text("not_saved");
  if (said && !said.failed) onUse(target.value);
});

/** `opener` gets the focus back. `onUse(use)` is told of another choice. */
export function openFile(opener, { fileId, attachmentId, view }, onUse) {
  shown = { opener, fileId, attachmentId, onUse, start: 0, paged: view.kind === "pdf" || view.kind === "slides" };
  find("name").textContent = view.name;
  find("about").textContent = [
    sizeWords(view.size),
    hasPages(view) ? text("file_pages", { n: view.pages }) : "",
    view.characters ? text("file_characters", { n: view.characters }) : "",
    view.is_cut ? text("file_is_cut") : "",
  ]
    .filter(Boolean)
    .join(" · ");
  const given = { whole: "given_whole_long", passages: "given_passages_long", nothing: "given_nothing" }[view.given];
  find("given").hidden = !given;
  if (given) find("given").textContent = text(given, { n: view.passages, of: view.of_passages });
  find("use-note").textContent = "";
  for (const choice of find("use").querySelectorAll("input")) choice.checked = choice.value === (view.use ?? "auto");
  find("save").href = `/api/files/${fileId}/content`;
  find("text").replaceChildren();
  dialog.showModal();
  more();
}

async function more() {
  const of = shown;
  find("more").hidden = true;
  find("loading").hidden = false;
  const part = await ask(`/api/files/${of.fileId}/text?start=${of.start}`);
  if (of !== shown) return;
  find("loading").hidden = true;
  if (!part || part.failed) {
    append({ kind: "text", page: 0, text: part?.message ?? text("not_loaded") });
    return;
  }
  for (const block of part.blocks) append(block);
  shown.start = part.next;
  find("more").hidden = part.next === null;
}

function append(block) {
  const place = find("text");
  if (shown.paged && block.page !== shown.page) {
    shown.page = block.page;
    const mark = document.createElement("p");
    mark.className = "file-text__page";
    mark.textContent = text("file_page", { n: block.page });
    place.append(mark);
  }
  const element = document.createElement(LEVELS[block.kind] ?? "p");
  element.textContent = block.text;
  element.dir = "auto";
  place.append(element);
}
