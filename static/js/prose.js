// What answers are given once their HTML is on the page: bars for code and tables, and words for who cannot see.
// What is only wanted by a press of a button is loaded then.

import { clone } from "./html.js";
import { data, text } from "./page_data.js";
import { copy } from "./code_copy.js";

const LONG_LINES = 40;
const ROWS_SHOWN = 100;
export const ROWS_MORE = 500;

/** Rows of long tables that are not on the page yet, by table. */
export const rowsKept = new WeakMap();

/** Dress every block in `root`; what is dressed already stays as it is. */
export function dress(root) {
  for (const block of root.querySelectorAll(".code:not(:has(> .code__bar))")) dressCode(block);
  for (const box of root.querySelectorAll(".table-box:not(:has(> .table-bar))")) dressTable(box);
  for (const button of root.querySelectorAll(".citation")) button.setAttribute("aria-label", text("source_n", { n: Number(button.dataset.citation) }));
  for (const formula of root.querySelectorAll(".maths--block")) formula.tabIndex = 0;
}

function dressCode(block) {
  const bar = clone("code-bar");
  const name = block.dataset.language;
  bar.querySelector("[data-language]").textContent = name || text("plain_text");
  bar.querySelector('[data-action="show-diagram"]').hidden = !data.diagrams || name.toLowerCase() !== "mermaid";
  block.prepend(bar);
  const pre = block.querySelector("pre");
  if (!pre) return;
  // a block that scrolls sideways must be reachable without a mouse
  pre.tabIndex = 0;
  pre.dir = "ltr";
  const code = pre.firstElementChild;
  if (code.classList.contains("tail")) return; // still being written
  const lines = code.textContent.split("\n").length - 1;
  if (lines <= LONG_LINES) return;
  const more = clone("code-more");
  more.textContent = text("show_lines", { n: lines });
  block.append(more);
  block.dataset.long = "";
}

function dressTable(box) {
  const table = box.querySelector("table");
  const frame = document.createElement("div");
  frame.className = "table-scroll";
  frame.tabIndex = 0;
  frame.role = "region";
  frame.setAttribute("aria-label", text("table"));
  table.replaceWith(frame);
  frame.append(table);
  box.prepend(clone("table-bar"));
  const body = table.tBodies[0];
  const rows = body ? body.rows.length : 0;
  if (rows <= ROWS_SHOWN + 20) return;
  // ten thousand rows at once would hold the page up: the others wait beside it
  const kept = document.createDocumentFragment();
  kept.append(...[...body.rows].slice(ROWS_SHOWN));
  rowsKept.set(table, kept);
  const foot = clone("table-more");
  foot.dataset.all = rows;
  foot.querySelector("[data-text]").textContent = text("rows_shown", { n: ROWS_SHOWN, all: rows });
  foot.querySelector("button").textContent = text("show_rows", { n: Math.min(ROWS_MORE, rows - ROWS_SHOWN) });
  box.append(foot);
}

const withTable = async (act, button) => (await import("./table_copy.js"))[act](button.closest(".table-box"), button);

const ACTIONS = {
  "copy-code": (button) => copy(button.closest(".code").querySelector("code").textContent, button),
  "wrap-code"(button) {
    const on = button.closest(".code").toggleAttribute("data-wrap");
    button.setAttribute("aria-pressed", String(on));
  },
  "more-code"(button) {
    const block = button.closest(".code");
    delete block.dataset.long;
    button.remove();
    block.querySelector("pre").focus();
  },
  "more-rows": (button) => withTable("moreRows", button),
  "copy-table": (button) => withTable("copyTable", button),
  "copy-csv": (button) => withTable("copyCsv", button),
  "show-diagram": async (button) => (await import("./diagram.js")).showDiagram(button.closest(".code"), button),
};

/** Let the bars' buttons inside `element` work. */
export function listenToBars(element) {
  element.addEventListener("click", (event) => {
    const button = event.target.closest("[data-action]");
    if (button) ACTIONS[button.dataset.action]?.(button);
  });
}
