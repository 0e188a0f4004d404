// An answer on the clipboard with its looks: HTML for documents and mail, its markdown for everything else.

import { copy } from "./code_copy.js";
import { markupOf } from "./html.js";
import { rowsKept } from "./prose.js";

const KEPT = new Set(["href", "start", "class", "dir", "alttext", "display"]);

export function copyWithLooks(message, element, button) {
  const body = element.querySelector("[data-body]").cloneNode(true);
  // tables that are shown in part are copied whole
  const shown = element.querySelectorAll("[data-body] table");
  body.querySelectorAll("table").forEach((table, index) => {
    const kept = rowsKept.get(shown[index]);
    if (kept) table.tBodies[0].append(kept.cloneNode(true));
  });
  for (const part of body.querySelectorAll(".code__bar, .code-more, .table-bar, .table-more, .diagram")) part.remove();
  for (const button_ of body.querySelectorAll(".citation")) button_.replaceWith(`[${button_.dataset.citation}]`);
  for (const box of body.querySelectorAll(".table-scroll, .table-box")) box.replaceWith(...box.childNodes);
  for (const part of body.querySelectorAll("*"))
    for (const { name } of [...part.attributes]) if (!KEPT.has(name)) part.removeAttribute(name);
  return copy(message.view.text, button, markupOf(body));
}
