// Which model answers, where the engine serves several: a menu at its button in the bar.

import { pageActions } from "./actions.js";
import { openMenu } from "./menu.js";
import { text } from "./page_data.js";

const menu = document.getElementById("model-menu");
let models = [];

/**
 * Show the button if there is a choice. Nobody waits for this: without an answer there is none. `current()` is the
 * conversation as the server describes it, or null; `choose({model})` is called with what was chosen.
 */
export async function offerModels(button, { current, choose }) {
  pageActions.set("choose-model", () => current() && openModels(button, current().model, (model) => choose({ model })));
  const answer = await fetch("/c/models/", { headers: { accept: "application/json" } }).catch(() => null);
  models = answer?.ok ? (await answer.json()).models : [];
  button.hidden = models.length < 2;
}

/** Open the menu; `choose(model)` is called with a name, or with nothing for the assistant's own. */
function openModels(button, current, choose) {
  const known = current && !models.includes(current) ? [current, ...models] : models;
  menu.replaceChildren(...["", ...known].map((model) => item(model, model === current)));
  openMenu(menu, button, (_action, chosen) => choose(chosen.dataset.model));
}

function item(model, isCurrent) {
  const button = document.createElement("button");
  button.className = "menu__item";
  button.type = "button";
  button.setAttribute("role", "menuitemradio");
  button.setAttribute("aria-checked", String(isCurrent));
  button.dataset.model = model;
  button.textContent = model || text("assistants_model");
  return button;
}
