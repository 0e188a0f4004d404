// A table on the clipboard, as cells for a spreadsheet or as CSV; and more rows of a long one.

import { copy } from "./code_copy.js";
import { markupOf } from "./html.js";
import { text } from "./page_data.js";
import { ROWS_MORE, rowsKept } from "./prose.js";

/** All rows of the table in `box` as texts, those too that are not on the page. */
function rowsOf(box) {
  const table = box.querySelector("table");
  const rows = [...table.rows, ...(rowsKept.get(table)?.children ?? [])];
  return rows.map((row) => [...row.cells].map((cell) => cell.textContent.replace(/\s+/g, " ").trim()));
}

export function copyTable(box, button) {
  const rows = rowsOf(box);
  const whole = document.createElement("table");
  whole.append(
    ...rows.map((cells, index) => {
      const row = document.createElement("tr");
      row.append(
        ...cells.map((words) => {
          const cell = document.createElement(index ? "td" : "th");
          cell.textContent = words;
          return cell;
        }),
      );
      return row;
    }),
  );
  const around = document.createElement("div");
  around.append(whole);
  const plain = rows.map((cells) => cells.map((words) => words.replaceAll("\t", " ")).join("\t")).join("\n");
  return copy(plain, button, markupOf(around));
}

/** As RFC 4180 has it. What a spreadsheet would take for a formula gets an apostrophe. */
export function copyCsv(box, button) {
  const quoted = (words) => {
    const plain = /^[=+\-@\t\r]/.test(words) && Number.isNaN(Number(words)) ? `'${words}` : words;
    return /[",\n\r]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
  };
  return copy(rowsOf(box).map((cells) => cells.map(quoted).join(",")).join("\r\n"), button);
}

/** Put the next rows of a long table on the page. */
export function moreRows(box) {
  const table = box.querySelector("table");
  const kept = rowsKept.get(table);
  const next = [...kept.children].slice(0, ROWS_MORE);
  table.tBodies[0].append(...next);
  const left = kept.childElementCount;
  if (!left) rowsKept.delete(table);
  const foot = box.querySelector(".table-more");
  const all = Number(foot.dataset.all);
  foot.querySelector("[data-text]").textContent = text("rows_shown", { n: all - left, all });
  const button = foot.querySelector("button");
  button.hidden = !left;
  button.textContent = text("show_rows", { n: Math.min(ROWS_MORE, left) });
  next[0].tabIndex = -1;
  next[0].focus({ preventScroll: true });
}
