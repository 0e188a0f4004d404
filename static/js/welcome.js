// The empty chat: which assistant, what it is for, and questions to begin with.

import { clone } from "./html.js";

export class Welcome {
  #element;
  #select;
  #gone;
  #assistants;
  #onStarter;

  #forNew;

  /** `onChoose(id)` is called when another assistant is to answer in a conversation that is there already. */
  constructor({ element, select, gone, assistants, onStarter, onChoose }) {
    this.#element = element;
    this.#select = select;
    this.#gone = gone;
    this.#assistants = assistants;
    this.#onStarter = onStarter;
    this.#forNew = select?.value ?? null;
    select?.addEventListener("change", () => {
      if (this.#element.hidden) {
        onChoose(select.value);
      } else {
        this.#forNew = select.value;
        this.#describe();
      }
    });
    this.#describe();
  }

  /** The assistant that a new chat begins with, or null for the default one. */
  get assistantId() {
    return this.#forNew;
  }

  /** Whose chat it is: of `conversation`, or an empty one. */
  show(isEmpty, conversation) {
    this.#element.hidden = !isEmpty;
    const id = isEmpty ? this.#forNew : conversation?.assistant_id;
    const of = this.#assistants.find((assistant) => assistant.id === id);
    // a chat without an assistant of its own has the default one
    const standIn = this.#assistants.find((assistant) => assistant.is_default);
    this.#gone.hidden = isEmpty || !id || Boolean(of);
    if (!this.#select) return;
    this.#select.hidden = this.#assistants.length < 2 && this.#gone.hidden;
    this.#select.value = of?.id ?? (id ? "" : (standIn?.id ?? ""));
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
