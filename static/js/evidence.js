// Which sentence of an answer is supported by which of its sources: a quiet line under them. Asked for when the answer
// is the last one, else when somebody opens it. Loaded with the first answer that has passages of documents.

import { askApi } from "./api.js";
import { clone } from "./html.js";
import { text } from "./page_data.js";

const WORDS = { supported: "evidence_supported", unsupported: "evidence_unsupported", closest: "evidence_closest" };

export function offerEvidence({ element, view }, list) {
  const before = element.querySelector("[data-evidence]");
  if (before?.dataset.evidence === view.turn.id) return;
  before?.remove();
  const fold = clone("evidence");
  fold.dataset.evidence = view.turn.id;
  const line = fold.querySelector("[data-text]");
  line.textContent = text("evidence_check");
  let asked = null;
  const ask = () => (asked ??= show(fold, line, view.turn.id).catch((error) => {
    asked = null; // opening it again asks again
    line.textContent = error.message;
  }));
  fold.addEventListener("toggle", () => fold.open && ask());
  list.after(fold);
  if (!element.nextElementSibling && !element.parentElement?.nextElementSibling) ask();
}

async function show(fold, line, turnId) {
  const { items } = await askApi("GET", `/api/turns/${turnId}/evidence`);
  const supported = items.filter(({ state }) => state === "supported").length;
  const measured = items.some(({ state }) => state !== "closest");
  line.textContent = !items.length ? text("evidence_nothing")
    : measured ? text("evidence_some", { n: supported, all: items.length }) : text("evidence_closest_passages");
  fold.querySelector("ul").replaceChildren(...items.map(statement));
}

function statement({ text: said, state, number }) {
  const item = clone("evidence-item");
  item.dataset.state = state;
  item.querySelector("[data-said]").textContent = said;
  const button = item.querySelector("button");
  button.dataset.citation = number;
  button.textContent = text(WORDS[state], { n: number });
  return item;
}
