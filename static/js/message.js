// One message on the page: a person's words, or an answer in whatever state it is.

import { Answer } from "./answer.js";
import { showFiles } from "./attach_entry.js";
import { clone, fragment } from "./html.js";
import { data, moment, text } from "./page_data.js";
import { dress } from "./prose.js";

const RUNNING = new Set(["queued", "running", "waiting"]);

const LEFT_OUT = {
  context: "left_out_context",
  first_word: "left_out_first_word",
  long_chat: "left_out_long_chat",
};

export const isRunning = (turn) => Boolean(turn) && RUNNING.has(turn.state);

class Message {
  view;
  element;
  #isLast = false;

  constructor(template) {
    this.element = clone(template);
    this.body = this.element.querySelector("[data-body]");
  }

  show(view) {
    this.view = view;
    this.element.dataset.messageId = view.id ?? "";
    const time = this.element.querySelector("time");
    if (view.created_at) {
      time.dateTime = view.created_at;
      time.textContent = moment(view.created_at);
    }
    const versions = view.versions ?? [];
    const at = versions.indexOf(view.id);
    const walker = this.element.querySelector("[data-walker]");
    walker.hidden = at < 0;
    walker.querySelector("[data-place]").textContent = text("place", { n: at + 1, of: versions.length });
    walker.querySelector('[data-message-action="sibling-before"]').disabled = at <= 0;
    walker.querySelector('[data-message-action="sibling-after"]').disabled = at === versions.length - 1;
  }

  /** Whether nothing follows it: then it can be answered, or continued. */
  setLast(isLast) {
    if (this.#isLast !== isLast) this.element.toggleAttribute("data-last", isLast);
    this.#isLast = isLast;
  }
}

export class UserMessage extends Message {
  constructor(view) {
    super("user-message");
    this.show(view);
  }

  show(view) {
    super.show(view);
    this.body.textContent = view.text;
    this.element.toggleAttribute("data-pending", !view.id);
    this.element.querySelector("[data-foot-edit]").hidden = !view.id;
    showFiles(this.element.querySelector("[data-files]"), view.attachments);
  }
}

/** `actions.retry(turnId)` is called from its notice; what its foot does stands in actions.js. */
export class AssistantMessage extends Message {
  answer = null;
  #toldWriter = "";

  constructor(view, actions) {
    super("assistant-message");
    this.element.querySelector('[data-action="retry"]').addEventListener("click", () => actions.retry(this.turn.id));
    this.show(view);
  }

  get turn() {
    return this.view.turn;
  }

  /** Who wrote it, once that is known. */
  get writer() {
    return this.turn?.model ? `${this.turn.assistant_id} ${this.turn.model}` : "";
  }

  /** Say who wrote it, where that is another one than before. */
  showWriter(isOther) {
    const writer = isOther ? this.writer : "";
    if (writer === this.#toldWriter) return;
    this.#toldWriter = writer;
    const line = this.element.querySelector("[data-writer]");
    line.hidden = !isOther;
    if (!isOther) return;
    const name = data.assistants.find(({ id }) => id === this.turn.assistant_id)?.name;
    line.textContent = name
      ? text("answered_by", { name, model: this.turn.model })
      : text("answered_by_model", { model: this.turn.model });
  }

  show(view) {
    super.show(view);
    if (isRunning(view.turn)) {
      this.answer = new Answer(this.body, view.turn);
    } else {
      this.answer = null;
      const part = fragment(view.html);
      dress(part);
      this.body.replaceChildren(part);
    }
    this.#showState();
    this.#think();
  }

  /** The turn's state changed without more text. */
  change(state, queuePosition, queueWait) {
    const turn = { ...this.turn, state, queue_position: queuePosition, queue_wait_s: queueWait };
    this.view = { ...this.view, turn };
    this.#showState();
  }

  async #think() {
    if (this.turn?.thought_s != null) (await import("./thinking.js")).showThinking(this);
  }

  /** Apply a delta; false when one is missing before it. */
  grow(delta, onBlock) {
    if (!this.answer?.apply(delta, onBlock)) return false;
    const { turn } = this;
    if (delta.is_thinking || turn.is_thinking) {
      Object.assign(turn, { ...delta, thinking: turn.thinking + delta.thinking_add });
      this.#think();
    }
    if (this.turn.state === "running") this.#showWait();
    else this.change("running", null, null);
    return true;
  }

  #showState() {
    const turn = this.turn;
    const running = isRunning(turn);
    if (running) this.element.dataset.running = turn.state;
    else delete this.element.dataset.running;
    this.element.setAttribute("aria-busy", String(running));
    this.#showWait();
    const error = this.element.querySelector("[data-error]");
    error.hidden = turn?.state !== "failed";
    error.querySelector("[data-text]").textContent = turn?.error?.message ?? "";
    error.querySelector('[data-action="retry"]').hidden = !turn?.can_retry;
    const note = this.element.querySelector("[data-left-out]");
    const left = running ? null : turn?.left_out;
    note.hidden = !left;
    note.querySelector("[data-text]").textContent = left ? text(LEFT_OUT[left.reason], { n: left.messages }) : "";
    this.element.querySelector("[data-stopped]").hidden = turn?.state !== "stopped";
    this.element.querySelector("[data-cut]").hidden = running || !turn?.cut_at_limit;
    this.element.querySelector('[data-message-action="continue"]').hidden = !turn?.can_continue;
    this.element.querySelector('[data-message-action="copy"]').hidden = !this.view.text;
    this.element.querySelector('[data-message-action="regenerate"]').hidden = running;
    this.element.querySelector("[data-thumbs]").hidden = running || !turn;
    this.#showSources(running ? [] : (this.view.sources ?? []));
  }

  async #showSources(sources) {
    const list = this.element.querySelector("[data-sources]");
    list.hidden = !sources.length;
    list.replaceChildren();
    if (sources.length) (await import("./source_chips.js")).showSources(this, list);
  }

  /** Dots before the first word, and in words why nothing comes. */
  #showWait() {
    const status = this.element.querySelector("[data-status]");
    const turn = this.turn;
    let words = "";
    if (turn?.state === "waiting") words = text("waiting");
    else if (turn?.state === "queued" && turn.queue_position === 1) words = text("queued_next");
    else if (turn?.state === "queued" && turn.queue_position > 1)
      words = text("queued", { n: turn.queue_position - 1 });
    if (turn?.state === "queued" && words && typeof turn.queue_wait_s === "number") words += ` · ${wait(turn.queue_wait_s)}`;
    status.hidden = !isRunning(turn) || (!words && !this.answer?.isEmpty);
    const line = status.querySelector("[data-text]");
    if (line.textContent !== words) line.textContent = words;
  }
}

/** The engine's guess of the wait, no more exact than it is. */
function wait(seconds) {
  if (seconds >= 90) return text("wait_minutes", { n: Math.round(seconds / 60) });
  return text("wait_seconds", { n: Math.max(1, seconds < 20 ? Math.round(seconds) : Math.round(seconds / 5) * 5) });
}
