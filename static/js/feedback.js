// Saying what one thinks of an answer: the verdict at once, reasons and a comment if one likes.

import { askApi } from "./api.js";
import { said } from "./feedback_entry.js";
import { giveFocusBack } from "./focus.js";
import { text } from "./page_data.js";
import { toast } from "./toast.js";

const dialog = document.getElementById("feedback-dialog");
const form = dialog.querySelector("form");
const problem = form.querySelector("[data-error]");
let turnId = "";
let opener = null;
let hasSources = false;

/** The thumb of `verdict` was pressed. Resolves when the dialog is closed. */
export async function judge(message, verdict, button) {
  turnId = message.turn.id;
  opener = button;
  hasSources = Boolean(message.view.sources?.length);
  const before = said.get(turnId);
  if (before?.verdict !== verdict) {
    try {
      said.set(turnId, await askApi("PUT", `/api/turns/${turnId}/feedback`, { verdict, comment: before?.comment ?? "" }));
    } catch (error) {
      toast(error.message);
      return;
    }
  }
  for (const name of ["good", "bad"]) button.parentElement.querySelector(`[data-message-action="${name}"]`)?.setAttribute("aria-pressed", String(name === verdict));
  fill(said.get(turnId));
  dialog.showModal();
  await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
  giveFocusBack(opener);
}

function fill(view) {
  problem.hidden = true;
  for (const group of form.querySelectorAll("[data-reasons]")) {
    const mine = group.dataset.reasons === view.verdict;
    group.hidden = !mine;
    for (const box of group.querySelectorAll("input")) box.checked = mine && view.reasons.includes(box.value);
  }
  form.elements.comment.value = view.comment;
  form.elements.shows_question.checked = false;
  form.querySelector("[data-show-question]").hidden = view.verdict !== "bad" || !hasSources;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { verdict } = said.get(turnId);
  const reasons = [...form.querySelectorAll(`[data-reasons="${verdict}"] input:checked`)].map((box) => box.value);
  const { comment, shows_question } = form.elements;
  const view = { verdict, reasons, comment: comment.value, shows_question: shows_question.checked };
  await attempt(async () => {
    said.set(turnId, await askApi("PUT", `/api/turns/${turnId}/feedback`, view));
    toast(text("feedback_thanks"));
  });
});

dialog.querySelector("[data-withdraw]").addEventListener("click", () =>
  attempt(async () => {
    await askApi("DELETE", `/api/turns/${turnId}/feedback`);
    said.delete(turnId);
    toast(text("feedback_withdrawn"));
  }),
);

async function attempt(act) {
  try {
    await act();
    dialog.close();
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
  }
}
