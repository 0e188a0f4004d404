// The messages that wait until the running answer is over, below the conversation.

import { showFiles } from "./attach_entry.js";
import { clone } from "./html.js";
import { text } from "./page_data.js";

/** Dispatches `takeback` (detail: the queued message's view), `sendnow`, and `left` when what had the focus is gone. */
export class Queue extends EventTarget {
  #section;
  #list;
  #views = [];
  #held = false;
  #drawn = "";

  constructor(section) {
    super();
    this.#section = section;
    this.#list = section.querySelector("[data-list]");
    section.addEventListener("click", ({ target }) => {
      const view = this.#views[[...this.#list.children].indexOf(target.closest("li"))];
      if (view && target.closest("[data-take-back]")) this.dispatchEvent(new CustomEvent("takeback", { detail: view }));
      else if (target.closest("[data-send-now]")) this.dispatchEvent(new Event("sendnow"));
    });
  }

  get isEmpty() {
    return this.#views.length === 0;
  }

  show(views) {
    this.#views = views;
    this.#draw();
  }

  put(view) {
    if (!this.#views.some((other) => other.id === view.id)) this.show([...this.#views, view]);
  }

  drop(matches) {
    if (this.#views.some(matches)) this.show(this.#views.filter((view) => !matches(view)));
  }

  /** After an answer that failed, what waits goes on only when somebody says so. */
  hold(isHeld) {
    if (this.#held === isHeld) return;
    this.#held = isHeld;
    this.#draw();
  }

  #draw() {
    const drawn = JSON.stringify([this.#views, this.#held]);
    if (drawn === this.#drawn) return; // a button that is drawn again loses the focus
    this.#drawn = drawn;
    const { dataset, parentElement } = document.activeElement;
    const id = this.#list.contains(parentElement) && parentElement.closest("li").dataset.queuedId;
    const wasSending = "sendNow" in dataset;
    this.#section.hidden = this.isEmpty;
    this.#list.replaceChildren(...this.#views.map((view, at) => this.#item(view, at === 0)));
    if (!id) return;
    const item = [...this.#list.children].find((other) => other.dataset.queuedId === id);
    item?.querySelector(wasSending ? "[data-send-now]" : "[data-take-back]").focus();
    if (!this.#list.contains(document.activeElement)) this.dispatchEvent(new Event("left"));
  }

  #item(view, isFirst) {
    const item = clone("queued-message");
    item.dataset.queuedId = view.id;
    item.querySelector("[data-body]").textContent = view.text;
    showFiles(item.querySelector("[data-files]"), view.attachments);
    const why = view.refusal?.message ?? (this.#held && isFirst ? text("queue_held") : "");
    item.querySelector("[data-why]").textContent = why;
    item.querySelector("[data-why]").hidden = !why;
    item.querySelector("[data-send-now]").hidden = !isFirst || !why;
    return item;
  }
}
