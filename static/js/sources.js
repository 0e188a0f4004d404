// The view of a source: the exact passage, highlighted in the text around it. Beside the chat where there is room, a
// sheet on phones. Escape closes it and brings the reader back to the number that was pressed.

import { askApi } from "./api.js";
import { giveFocusBack } from "./focus.js";
import { text } from "./page_data.js";

const panel = document.getElementById("sources-panel");
const narrow = matchMedia("(max-width: 64rem)");
const KINDS = { file: "source_file", document: "source_document", web: "source_web", tool: "source_tool" };
const part = (name) => panel.querySelector(`[data-source-${name}]`);
let shown = null; // {turnId, numbers, number}
let opener = null;
let asking = 0;

export function openSource(view, number, button) {
  opener = button;
  shown = { turnId: view.turn.id, numbers: view.sources.map((source) => source.number), number };
  if (!panel.open) narrow.matches ? panel.showModal() : panel.show();
  return show(view.sources.find((source) => source.number === number));
}

async function show(known) {
  const { turnId, numbers, number } = shown;
  const ask = ++asking;
  part("number").textContent = number;
  part("title").textContent = known?.title ?? "";
  part("place").textContent = numbers.length > 1 ? text("source_of", { n: numbers.indexOf(number) + 1, all: numbers.length }) : "";
  for (const [name, step] of [["before", -1], ["after", 1]]) part(name).disabled = numbers[numbers.indexOf(number) + step] === undefined;
  part("walk").hidden = numbers.length < 2;
  part("error").hidden = true;
  part("text").replaceChildren();
  part("text").setAttribute("aria-busy", "true");
  part("title").focus();
  try {
    const source = await askApi("GET", `/api/turns/${turnId}/sources/${number}`);
    if (ask !== asking) return;
    fill(source);
  } catch (error) {
    if (ask !== asking) return;
    part("error").textContent = error.message;
    part("error").hidden = false;
  } finally {
    part("text").removeAttribute("aria-busy");
  }
}

function fill(source) {
  part("title").textContent = source.title;
  part("about").textContent = [text(KINDS[source.kind]), source.page && text("page_n", { n: source.page })].filter(Boolean).join(" · ");
  const link = part("link");
  link.hidden = !source.url;
  if (source.url) link.href = source.url;
  else link.removeAttribute("href");
  const mark = document.createElement("mark");
  mark.textContent = source.passage;
  part("text").replaceChildren(source.before ? `…${source.before}` : "", mark, source.after ? `${source.after}…` : "");
  mark.scrollIntoView({ block: "nearest" });
}

function step(by) {
  const next = shown.numbers[shown.numbers.indexOf(shown.number) + by];
  if (next === undefined) return;
  shown.number = next;
  show();
}

part("before").addEventListener("click", () => step(-1));
part("after").addEventListener("click", () => step(1));
panel.querySelector("[data-source-close]").addEventListener("click", () => panel.close());
panel.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    event.preventDefault();
    event.stopPropagation();
    panel.close();
  } else if (event.key === "ArrowLeft" && event.altKey) step(-1);
  else if (event.key === "ArrowRight" && event.altKey) step(1);
});
panel.addEventListener("close", () => giveFocusBack(opener));
