// One message on the page: a person's words, or an answer in whatever state it is.

import { Answer } from "./answer.js";
import { addCodeBars, copy } from "./code_copy.js";
import { clone, fragment } from "./html.js";
import { moment, text } from "./page_data.js";

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

  constructor(template) {
    this.element = clone(template);
    this.body = this.element.querySelector("[data-body]");
    this.element.querySelector('[data-action="copy"]').addEventListener("click", (event) => {
      copy(this.view.text, event.currentTarget);
    });
  }

  show(view) {
    this.view = view;
    this.element.dataset.messageId = view.id ?? "";
    const time = this.element.querySelector("time");
    if (view.created_at) {
      time.dateTime = view.created_at;
      time.textContent = moment(view.created_at);
    }
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
  }
}

/** `actions.retry(turnId)` and `actions.regenerate(turnId)` are called from its buttons. */
export class AssistantMessage extends Message {
  answer = null;

  constructor(view, actions) {
    super("assistant-message");
    this.element.querySelector('[data-action="retry"]').addEventListener("click", () => actions.retry(this.turn.id));
    this.element
      .querySelector('[data-action="regenerate"]')
      .addEventListener("click", () => actions.regenerate(this.turn.id));
    this.show(view);
  }

  get turn() {
    return this.view.turn;
  }

  show(view) {
    super.show(view);
    if (isRunning(view.turn)) {
      this.answer = new Answer(this.body, view.turn);
    } else {
      this.answer = null;
      const part = fragment(view.html);
      addCodeBars(part);
      this.body.replaceChildren(part);
    }
    this.#showState();
  }

  /** The turn's state changed without more text. */
  change(state, queuePosition, queueWait) {
    const turn = { ...this.turn, state, queue_position: queuePosition, queue_wait_s: queueWait };
    this.view = { ...this.view, turn };
    this.#showState();
  }

  /** Apply a delta; false when one is missing before it. */
  grow(delta, onBlock) {
    if (!this.answer?.apply(delta, onBlock)) return false;
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
    this.element.querySelector('[data-action="copy"]').hidden = !this.view.text;
    this.element.querySelector('[data-action="regenerate"]').hidden = !turn || running;
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
