// The list of conversations: grouped by day, renamed and deleted from a menu, continued when scrolled.

import { clone, fragment } from "./html.js";
import { openMenu } from "./menu.js";
import { text } from "./page_data.js";
import { fetchPart, RequestFailed, submitForm } from "./requests.js";
import { toast } from "./toast.js";

/** Dispatches `choose` (detail: conversation id), `renamed` ({id, title}) and `deleted` (detail: id). */
export class Sidebar extends EventTarget {
  #frame;
  #list;
  #nothing;
  #loading = false;

  constructor(frame) {
    super();
    this.#frame = frame;
    this.#list = frame.querySelector("[data-list]");
    this.#nothing = frame.querySelector("[data-no-conversations]");
    this.#list.addEventListener("click", (event) => this.#click(event));
    frame.addEventListener("scroll", () => this.#more(), { passive: true });
    for (const name of ["rename", "delete"])
      document.querySelector(`[data-form="${name}"]`).addEventListener("submit", (event) => this.#submit(event, name));
    document.addEventListener("click", (event) => {
      if (event.target.closest('[data-action="close-dialog"]')) event.target.closest("dialog").close();
    });
    this.#group();
    this.#more();
  }

  mark(id) {
    for (const link of this.#list.querySelectorAll("a[aria-current]")) link.removeAttribute("aria-current");
    this.#item(id)?.querySelector("a").setAttribute("aria-current", "page");
  }

  titleOf(id) {
    return this.#item(id)?.querySelector("a").textContent ?? "";
  }

  /** A conversation is new, was renamed or moved up. */
  put(view, isCurrent) {
    let item = this.#item(view.id);
    const moved = item?.dataset.updatedAt !== view.updated_at;
    if (!item) {
      item = clone("conversation-item");
      item.dataset.conversationId = view.id;
      item.querySelector("a").href = `/c/${view.id}/`;
    }
    item.querySelector("a").textContent = view.title;
    item.dataset.updatedAt = view.updated_at;
    if (isCurrent) this.mark(view.id);
    if (moved) {
      const later = this.#items().find((other) => other !== item && time(other) <= time(item));
      if (later) later.before(item);
      else if (!item.isConnected) this.#items().at(-1)?.after(item) ?? this.#list.prepend(item);
      if (!item.isConnected) this.#list.prepend(item);
      this.#group();
    }
  }

  remove(id) {
    this.#item(id)?.remove();
    this.#group();
  }

  #item(id) {
    return id ? this.#list.querySelector(`[data-conversation-id="${CSS.escape(id)}"]`) : null;
  }

  #items() {
    return [...this.#list.querySelectorAll("[data-conversation-id]")];
  }

  /** Days are those of the reader, so the groups are made here and not on the server. */
  #group() {
    for (const heading of this.#list.querySelectorAll(".conversations__group")) heading.remove();
    const midnight = new Date().setHours(0, 0, 0, 0);
    const day = 24 * 3600 * 1000;
    let before = "";
    const items = this.#items();
    for (const item of items) {
      const age = midnight - time(item);
      const name = age <= 0 ? "today" : age <= day ? "yesterday" : age <= 6 * day ? "last_week" : "earlier";
      if (name !== before) {
        const heading = document.createElement("li");
        heading.className = "conversations__group";
        heading.textContent = text(name);
        item.before(heading);
      }
      before = name;
    }
    this.#nothing.hidden = items.length > 0;
  }

  #click(event) {
    const item = event.target.closest("[data-conversation-id]");
    const button = event.target.closest('[data-action="conversation-menu"]');
    if (button) {
      openMenu(document.getElementById("conversation-menu"), button, (action) => this.#ask(action, item));
    } else if (event.target.closest("a") && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      this.dispatchEvent(new CustomEvent("choose", { detail: item.dataset.conversationId }));
    }
  }

  #ask(action, item) {
    const dialog = document.getElementById(`${action}-dialog`);
    const title = item.querySelector("a").textContent;
    const form = dialog.querySelector("form");
    form.action = `/c/${item.dataset.conversationId}/${action}/`;
    form.dataset.conversationId = item.dataset.conversationId;
    form.querySelector("[data-error]").hidden = true;
    if (action === "rename") form.elements.title.value = title;
    else dialog.querySelector("[data-title]").textContent = title;
    dialog.showModal();
    form.elements.title?.select();
  }

  async #submit(event, name) {
    event.preventDefault();
    const form = event.target;
    const id = form.dataset.conversationId;
    try {
      const answer = await submitForm(form, text("not_saved"));
      form.closest("dialog").close();
      if (name === "rename") {
        const link = this.#item(id)?.querySelector("a");
        if (link) link.textContent = answer.title;
        this.dispatchEvent(new CustomEvent("renamed", { detail: { id, title: answer.title } }));
        toast(text("renamed"));
      } else {
        this.remove(id);
        this.dispatchEvent(new CustomEvent("deleted", { detail: id }));
        toast(text("deleted"));
      }
    } catch (failure) {
      if (!(failure instanceof RequestFailed)) throw failure;
      const error = form.querySelector("[data-error]");
      error.textContent = failure.message;
      error.hidden = false;
    }
  }

  async #more() {
    const mark = this.#list.querySelector("[data-more]");
    const below = this.#frame.scrollHeight - this.#frame.scrollTop - this.#frame.clientHeight;
    if (!mark || this.#loading || below > 400) return;
    this.#loading = true;
    try {
      const part = fragment(await fetchPart(`/c/?before=${encodeURIComponent(mark.dataset.more)}`));
      for (const item of part.querySelectorAll("[data-conversation-id]"))
        if (this.#item(item.dataset.conversationId)) item.remove();
      mark.replaceWith(part);
      this.#group();
    } catch (failure) {
      if (!(failure instanceof RequestFailed)) throw failure; // scrolling again tries again
    } finally {
      this.#loading = false;
    }
  }
}

const time = (item) => Date.parse(item.dataset.updatedAt);
