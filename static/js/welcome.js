// The empty chat: which assistant, what it is for, and questions to begin with.

import { clone } from "./html.js";

export class Welcome {
  #element;
  #select;
  #name;
  #gone;
  #assistants;
  #onStarter;

  constructor({ element, select, name, gone, assistants, onStarter }) {
    this.#element = element;
    this.#select = select;
    this.#name = name;
    this.#gone = gone;
    this.#assistants = assistants;
    this.#onStarter = onStarter;
    select?.addEventListener("change", () => this.#describe());
    this.#describe();
  }

  /** The assistant that a new chat begins with, or null for the default one. */
  get assistantId() {
    return this.#select?.value ?? null;
  }

  show(isEmpty, assistantId) {
    this.#element.hidden = !isEmpty;
    if (this.#select) this.#select.hidden = !isEmpty;
    const of = this.#assistants.find((assistant) => assistant.id === assistantId);
    // a chat without an assistant of its own has the default one
    this.#gone.hidden = isEmpty || !assistantId || Boolean(of);
    this.#name.textContent = !isEmpty && this.#assistants.length > 1 ? (of?.name ?? "") : "";
  }

  #describe() {
    const chosen =
      this.#assistants.find((assistant) => assistant.id === this.#select?.value) ??
      this.#assistants.find((assistant) => assistant.is_default) ??
      this.#assistants[0];
    this.#element.querySelector("[data-assistant-description]").textContent = chosen?.description ?? "";
    this.#element.querySelector("[data-starters]").replaceChildren(
      ...(chosen?.starters ?? []).map((words) => {
        const item = clone("starter");
        item.querySelector("[data-text]").textContent = words;
        item.querySelector("button").addEventListener("click", () => this.#onStarter(words));
        return item;
      }),
    );
  }
}
