// The temporary chat: how it looks, what it keeps away from this browser's disk, and what it asks before it is lost.
// The server holds its messages in memory; here is only what is on the page.

import { messageConditions, pageActions } from "./actions.js";
import { data } from "./page_data.js";

/** Ids say of themselves what they name. */
export const isTemporaryId = (id) => id?.[14] === "8";

const policy = data.temporary ?? { offered: false, enforced: false };
const AWAY = "temporary_chat_elsewhere";
const MOST_TRIES = 4;
// everything else that one can do with a message needs rows
const ACTIONS = new Set(["copy", "regenerate", "menu"]);

/** Dispatches `changed` when a new chat is to be a temporary one, or an ordinary one after all. */
export class Temporary extends EventTarget {
  #line = document.querySelector("[data-temporary-line]");
  #dialog = document.getElementById("temporary-dialog");
  #send;
  #conversation;
  #typed = new Map(); // what is typed here never goes to the browser's store
  #drafts;
  #wanted = policy.enforced;
  #lost = false;
  #over = false;
  #tries = 0;
  #leave = null;

  constructor({ send, conversation, drafts }) {
    super();
    this.#send = send;
    this.#conversation = conversation;
    this.#drafts = drafts;
    pageActions.set("temporary", () => this.#want(!this.#wanted));
    pageActions.set("keep-chat", () => this.keep());
    pageActions.set("end-chat", () => this.#send({ type: "end", conversation_id: conversation.id }));
    pageActions.set("copy-chat", async (button) =>
      (await import("./chat_copy.js")).copyChat(conversation.messages, button.firstElementChild),
    );
    pageActions.set("leave-chat", () => this.#left());
    addEventListener("beforeunload", (event) => this.#wouldLose && event.preventDefault());
    for (const item of document.querySelectorAll("#message-menu [data-message-action]")) {
      const name = item.dataset.messageAction;
      if (!ACTIONS.has(name)) hideWhen(name, () => this.isOn);
    }
  }

  /** Whether the chat that is shown, or the new one that is being begun, is temporary. */
  get isOn() {
    const { id } = this.#conversation;
    return id === null ? this.#wanted : isTemporaryId(id);
  }

  /** Where drafts are kept: in this page's memory for a temporary chat, else where `drafts` keeps them. */
  get drafts() {
    return {
      read: (id) => (this.#covers(id) ? (this.#typed.get(id) ?? "") : this.#drafts.read(id)),
      keep: (id, words) => (this.#covers(id) ? this.#typed.set(id, words) : this.#drafts.keep(id, words)),
    };
  }

  /** Show what holds for the chat on the page. */
  show({ isBusy }) {
    const { id, isEmpty } = this.#conversation;
    const isNew = id === null;
    const had = this.#line.contains(document.activeElement) && document.activeElement;
    document.documentElement.toggleAttribute("data-temporary", this.isOn);
    const toggle = document.querySelector('[data-action="temporary"]');
    if (toggle) {
      toggle.hidden = policy.enforced || !policy.offered || !isNew || !isEmpty;
      toggle.setAttribute("aria-pressed", String(this.#wanted));
    }
    this.#line.hidden = !this.isOn;
    if (this.isOn) document.documentElement.dataset.temporary = this.#lost ? "lost" : "";
    for (const part of this.#line.querySelectorAll("[data-when]"))
      part.hidden = (part.dataset.when === "lost") !== this.#lost;
    const keep = this.#line.querySelector('[data-action="keep-chat"]');
    keep.hidden = this.#lost || isNew || policy.enforced;
    keep.disabled = isBusy;
    this.#line.querySelector('[data-action="end-chat"]').hidden = this.#lost || isNew;
    this.#line.querySelector('[data-action="copy-chat"]').hidden = !this.#lost || isEmpty;
    if (had && !had.checkVisibility()) document.getElementById("message").focus();
  }

  /** Another chat (null: a new one) is about to be shown. */
  entered(id) {
    this.#lost = false;
    this.#tries = 0;
    this.#typed.clear();
    if (id === null) this.#wanted = policy.enforced;
  }

  /** Whose it was is not here any more: nothing is asked, and nothing stays. */
  over() {
    this.#over = true;
  }

  get isLost() {
    return this.#lost;
  }

  /** Whether the frame says that this connection leads to a process without the chat, and it is worth another try. */
  isAway(frame) {
    return frame.code === AWAY && !frame.client_id && !this.#lost && this.#tries++ < MOST_TRIES;
  }

  isGone(frame) {
    return this.isOn && (frame.code === AWAY || frame.code === "temporary_chat_gone");
  }

  /** The server has it no more; what is on the page stays there. False when there is nothing on the page. */
  lose() {
    if (this.#conversation.isEmpty) return false;
    this.#lost = true;
    this.dispatchEvent(new Event("changed"));
    return true;
  }

  keep() {
    this.#send({ type: "keep", conversation_id: this.#conversation.id });
  }

  /** Ask before `leave` is called, if something would be lost by it; whether it was asked. */
  asks(leave) {
    if (!this.#wouldLose || this.#conversation.id === null) return false;
    this.#leave = leave;
    this.#dialog.querySelector('[data-action="keep-chat"]').hidden = this.#lost || policy.enforced;
    this.#dialog.showModal();
    return true;
  }

  /** It is an ordinary conversation now: go on to what was being gone to. */
  kept() {
    this.#typed.clear();
    if (this.#dialog.open) this.#left();
  }

  #left() {
    const leave = this.#leave;
    this.#leave = null;
    this.#dialog.close();
    this.#typed.clear();
    leave?.();
  }

  get #wouldLose() {
    const hasDraft = [...this.#typed.values()].some(Boolean);
    return this.isOn && !this.#over && (hasDraft || !this.#conversation.isEmpty);
  }

  #covers(id) {
    return (id ?? null) === null ? this.#wanted : isTemporaryId(id);
  }

  #want(wanted) {
    const { drafts } = this;
    const words = drafts.read(null);
    drafts.keep(null, "");
    this.#wanted = wanted;
    this.drafts.keep(null, words);
    this.dispatchEvent(new Event("changed"));
  }
}

function hideWhen(name, isOff) {
  const before = messageConditions.get(name);
  messageConditions.set(name, (view) => !isOff() && before?.(view) !== false);
}
