// The sources under an answer: those that it cites; of files, where it cites none, the first few. The others on demand.
// Loaded with the first answer that has some.

import { clone } from "./html.js";
import { text } from "./page_data.js";

const FEW_SOURCES = 4;

export function showSources(message, list) {
  const { body, element, view } = message;
  const sources = element.dataset.running ? [] : (view.sources ?? []); // what it shows by now
  list.hidden = !sources.length;
  const cited = sources.filter(({ number }) => body.querySelector(`[data-citation="${number}"]`));
  // passages are looked up for every question, and an answer may need none of them
  const fromKnowledge = sources.some(({ kind }) => kind === "document");
  const few = fromKnowledge ? [] : sources.slice(0, FEW_SOURCES);
  const first = !fromKnowledge && sources.length <= FEW_SOURCES ? sources : cited.length ? cited : few;
  list.replaceChildren(...first.map(chipOf));
  if (fromKnowledge && view.turn?.model) import("./evidence.js").then((module) => module.offerEvidence(message, list));
  const others = sources.filter((source) => !first.includes(source));
  if (!others.length) return;
  const more = clone("more-sources");
  more.querySelector("[data-text]").textContent = text(first.length ? "more_sources" : "sources_given", { n: others.length });
  more.firstElementChild.onclick = () => {
    const chips = others.map(chipOf);
    more.replaceWith(...chips);
    chips[0].firstElementChild.focus();
  };
  list.append(more);
}

function chipOf({ number, title }) {
  const item = clone("source-chip");
  const button = item.querySelector("button");
  button.dataset.citation = number;
  button.querySelector("[data-number]").textContent = number;
  button.querySelector("[data-title]").textContent = title;
  return item;
}
