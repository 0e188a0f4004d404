// The field for the next message.

import { text } from "./page_data.js";
import { toast } from "./toast.js";

const COUNT_FROM = 0.9;
const MOST_ADDED = 200_000;

/** Dispatches `send` (detail: the text) and `stop`. */
export class Composer extends EventTarget {
  #form;
  #field;
  #send;
  #stop;
  #count;
  #failure;
  #most;
  #drafts;
  #conversationId = null;
  #early; // typed before the scripts were here
  #busy = false;
  /** Why nothing can be sent now, in words; null when nothing speaks against it. */
  reason = () => null;

  constructor(form, { mostChars, drafts }) {
    super();
    this.#form = form;
    this.#field = form.querySelector("textarea");
    this.#send = form.querySelector("[data-send]");
    this.#stop = form.querySelector("[data-stop]");
    this.#count = form.querySelector("[data-count]");
    this.#failure = form.querySelector("[data-failure]");
    this.#most = mostChars;
    this.#drafts = drafts;
    this.#early = this.#field.value;

    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#stop.addEventListener("click", () => this.dispatchEvent(new Event("stop")));
    this.#field.addEventListener("input", () => this.#changed());
    this.#field.addEventListener("beforeinput", (event) => this.#spare(event));
    this.#field.addEventListener("keydown", (event) => this.#key(event));
    form.querySelector("[data-box]").addEventListener("mousedown", (event) => {
      if (event.target !== event.currentTarget) return;
      event.preventDefault();
      this.focus();
    });
  }

  /** Show the draft of another conversation. */
  open(conversationId) {
    this.#conversationId = conversationId;
    this.#field.value = this.#drafts.read(conversationId) + this.#early;
    this.#early = "";
    this.fail(null);
    this.#changed();
  }

  /** The new chat has become a conversation: what is typed from now on belongs to it. */
  rename(conversationId) {
    this.#drafts.keep(this.#conversationId, "");
    this.#conversationId = conversationId;
    this.#changed();
  }

  focus() {
    this.#field.focus({ preventScroll: true });
  }

  fill(words) {
    this.#field.value = words;
    this.#changed();
    this.focus();
    this.#field.setSelectionRange(words.length, words.length);
  }

  /** The text is on its way: empty the field. Its draft is kept until `confirm`, in case the page is closed. */
  clear() {
    this.#field.value = "";
    this.fail(null);
    this.#show();
  }

  /** The server has the text. */
  confirm() {
    this.#changed();
  }

  /** Say why the message did not go (null: nothing is wrong), with its words back in front of newer ones. */
  fail(message, words = "") {
    this.#failure.hidden = message === null;
    this.#failure.querySelector("[data-text]").textContent = message ?? "";
    if (!words) return;
    this.#field.value = [words, this.#field.value].filter(Boolean).join("\n\n");
    this.#changed();
  }

  /** While an answer runs, one button stops it; what is typed meanwhile waits for its end. */
  setState({ busy, canStop }) {
    this.#busy = busy;
    const had = document.activeElement;
    this.#stop.hidden = !canStop;
    this.#enable();
    if (had?.hidden && (had === this.#stop || had === this.#send)) this.focus();
  }

  #submit() {
    const words = this.#field.value.trim();
    if (this.#busy || !words || length(words) > this.#most) return;
    const reason = this.reason();
    if (reason) this.fail(reason);
    else this.dispatchEvent(new CustomEvent("send", { detail: words }));
  }

  #key(event) {
    // while an input method composes (Chinese, Japanese, Korean), Enter belongs to it
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && !event.shiftKey && !event.altKey && !isPhone()) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "Escape" && !this.#stop.hidden) {
      event.preventDefault();
      this.dispatchEvent(new Event("stop"));
    }
  }

  /** Browsers take many seconds to lay out a field of some megabytes, and nothing else moves meanwhile. */
  #spare(event) {
    const added = event.data ?? event.dataTransfer?.getData("text/plain") ?? "";
    if (added.length <= MOST_ADDED) return;
    event.preventDefault();
    toast(text("text_too_long", { n: added.length }));
  }

  #changed() {
    this.#drafts.keep(this.#conversationId, this.#field.value);
    this.#show();
  }

  #show() {
    this.#grow();
    const left = this.#most - length(this.#field.value.trim());
    this.#count.hidden = left > this.#most * (1 - COUNT_FROM);
    this.#count.toggleAttribute("data-over", left < 0);
    if (!this.#count.hidden)
      this.#count.textContent =
        left < 0 ? text("characters_over", { n: -left }) : text("characters_left", { n: left });
    this.#field.setAttribute("aria-invalid", String(left < 0));
    this.#enable();
  }

  #enable() {
    const words = this.#field.value.trim();
    this.#send.disabled = this.#busy || !words || length(words) > this.#most;
    // an answer runs: there is something to send only when something is typed
    const waits = !this.#stop.hidden;
    this.#send.hidden = waits && !words;
    const label = waits ? text("send_after") : text("send");
    this.#send.setAttribute("aria-label", label);
    this.#send.title = label;
  }

  /** For browsers without `field-sizing`. */
  #grow() {
    if (CSS.supports("field-sizing", "content")) return;
    this.#field.style.height = "auto";
    this.#field.style.height = `${this.#field.scrollHeight}px`;
  }
}

/** In code points, as the server counts. */
function length(words) {
  let pairs = 0;
  for (let at = 0; at < words.length; at++) if ((words.charCodeAt(at) & 0xfc00) === 0xd800) pairs++;
  return words.length - pairs;
}

/** A phone's keyboard has no other key for a new line. */
const isPhone = () => matchMedia("(hover: none) and (pointer: coarse)").matches;
