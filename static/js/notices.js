// Answers that are ready while one looks elsewhere: a dot beside the conversation, a number in the title, and the
// system's own notification where the person wished for it and the browser lets it. Never a word of the answer.

import { data, text } from "./page_data.js";

export class Notices {
  #key = `ready:${data.person_id}`;
  #ready = new Set();
  #running = new Set(data.answering ?? []);
  #current;
  #title;
  #list;
  #announcer;
  #go;

  constructor({ list, announcer, go, current, title }) {
    this.#list = list;
    this.#announcer = announcer;
    this.#go = go;
    this.#current = current;
    this.#title = title;
    this.#read();
    addEventListener("storage", (event) => event.key === this.#key && (this.#read(), this.#show()));
    document.addEventListener("visibilitychange", () => !document.hidden && this.#seen(this.#current));
    // the list grows and changes by itself: its new items get their dots too
    new MutationObserver(() => this.#show()).observe(list, { childList: true, subtree: true });
    if (!document.hidden) this.#ready.delete(current);
    this.#show();
  }

  /** The conversation that is shown from now on (null: none). */
  open(id) {
    this.#current = id;
    if (!document.hidden) this.#seen(id);
  }

  /** A conversation changed: has its answer just ended? */
  changed(view) {
    if (view.answering) {
      this.#running.add(view.id);
      return;
    }
    if (!this.#running.delete(view.id)) return;
    if (view.id === this.#current && !document.hidden) return;
    this.#ready.add(view.id);
    this.#keep();
    this.#show();
    if (document.hidden) this.#notify(view);
    else this.#announcer.say(text("ready_elsewhere", { title: view.title }));
  }

  removed(id) {
    this.#seen(id);
  }

  /** The title of the page with how many answers are ready. */
  titled(title) {
    document.title = this.#ready.size ? `(${this.#ready.size}) ${title}` : title;
    this.#title = title;
  }

  #seen(id) {
    if (!id || !this.#ready.delete(id)) return;
    this.#keep();
    this.#show();
  }

  #show() {
    for (const item of this.#list.querySelectorAll("[data-conversation-id]")) {
      const isReady = this.#ready.has(item.dataset.conversationId);
      if (item.hasAttribute("data-ready") === isReady) continue;
      item.toggleAttribute("data-ready", isReady);
      item.querySelector(".conversation__ready")?.remove();
      if (!isReady) continue;
      const [dot, words] = [document.createElement("span"), document.createElement("span")];
      dot.className = "conversation__ready";
      words.className = "visually-hidden";
      words.textContent = text("ready_unread");
      dot.append(words);
      item.querySelector("a")?.after(dot);
    }
    this.titled(this.#title);
  }

  #notify(view) {
    if (!data.notify || !("Notification" in globalThis) || Notification.permission !== "granted") return;
    try {
      const note = new Notification(text("notice_title"), { body: view.title, tag: view.id, lang: data.language });
      note.addEventListener("click", () => {
        focus();
        this.#go(view.id);
        note.close();
      });
    } catch {
      // phones allow notifications to service workers only
    }
  }

  #read() {
    try {
      this.#ready = new Set(JSON.parse(localStorage.getItem(this.#key) ?? "[]"));
    } catch {
      this.#ready = new Set();
    }
  }

  #keep() {
    try {
      if (this.#ready.size) localStorage.setItem(this.#key, JSON.stringify([...this.#ready].slice(-200)));
      else localStorage.removeItem(this.#key);
    } catch {
      return; // no store: the dots last as long as the page
    }
  }
}
