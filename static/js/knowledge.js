// A collection's page: its doors for files, and the documents that are ticked.

import { text } from "./page_data.js";
import { toast } from "./toast.js";

const load = () => import("./knowledge_uploads.js");
const choose = document.querySelector("[data-choose]");
const veil = document.querySelector("[data-drop]");
let depth = 0;

if (choose) {
  const input = document.querySelector("[data-files]");
  choose.addEventListener("click", () => input.click());
  input.addEventListener("change", async () => {
    const files = [...input.files];
    input.value = "";
    if (files.length) (await load()).add(files);
  });
  // anywhere: a browser would leave the page for a file that falls beside
  document.addEventListener("dragenter", (event) => dragged(event, 1));
  document.addEventListener("dragleave", (event) => dragged(event, -1));
  document.addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  document.addEventListener("drop", drop);
}

const hasFiles = ({ dataTransfer }) => dataTransfer?.types.includes("Files");

function dragged(event, step) {
  if (!hasFiles(event)) return;
  event.preventDefault();
  depth = Math.max(0, depth + step);
  veil.hidden = depth === 0;
}

async function drop(event) {
  if (!hasFiles(event)) return;
  event.preventDefault();
  depth = 0;
  veil.hidden = true;
  // the browser forgets what was dropped when this function first waits
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const files = entries.length ? await filesOf(entries) : [...event.dataTransfer.files];
  if (files.length) (await load()).add(files);
  else toast(text("knowledge_nothing_dropped"));
}

/** Files of folders too, however deep; hidden ones are left where they are. */
async function filesOf(entries) {
  const found = [];
  for (const entry of entries) {
    if (entry.name.startsWith(".")) continue;
    if (entry.isFile) found.push(await new Promise((give, fail) => entry.file(give, fail)));
    else {
      const reader = entry.createReader();
      for (;;) {
        const some = await new Promise((give, fail) => reader.readEntries(give, fail));
        if (!some.length) break;
        found.push(...(await filesOf(some)));
      }
    }
  }
  return found;
}

// ticks

const bar = document.querySelector("[data-selection]");
const boxes = () => [...document.querySelectorAll("input[name=document]")];

function showSelection() {
  const ticked = boxes().filter((box) => box.checked);
  bar.hidden = !ticked.length;
  for (const place of document.querySelectorAll("[data-selected]")) {
    place.textContent = text("knowledge_selected", { n: ticked.length });
  }
  const every = document.querySelector("[data-every]");
  if (every) {
    every.checked = ticked.length > 0 && ticked.length === boxes().length;
    every.indeterminate = ticked.length > 0 && !every.checked;
  }
}

if (bar) {
  document.addEventListener("change", ({ target }) => {
    if (target.matches("[data-every]")) for (const box of boxes()) box.checked = target.checked;
    if (target.matches("[data-every], input[name=document]")) showSelection();
  });
  document.querySelector("[data-live-rows]").addEventListener("rows-renewed", showSelection);
  showSelection();
}
