// What a model thinks before it answers: one line above the answer that counts the seconds, and its words under it.
// Loaded when the first thinking is met.

import { Announcer } from "./announce.js";
import { askApi } from "./api.js";
import { clone } from "./html.js";
import { text } from "./page_data.js";

const announcer = new Announcer(document.querySelector("[data-announcer]"));
const lines = new WeakMap(); // element of a message -> ThinkingLine

/** Bring the line of `message` into the state of its turn. */
export function showThinking(message) {
  const { element, turn } = message;
  const known = lines.get(element);
  if (known?.turnId === turn.id) return known.show(turn);
  known?.remove();
  const line = new ThinkingLine(message);
  lines.set(element, line);
  line.show(turn);
}

class ThinkingLine {
  #body; // of the answer, which it stands above
  #element = null;
  #words = null; // the text node
  #turn = null;
  #shownAt = 0; // when the seconds that the server told were shown
  #timer = 0;

  constructor({ body, turn }) {
    this.#body = body;
    this.turnId = turn.id;
  }

  show(turn) {
    const wasThinking = this.#turn?.is_thinking;
    this.#turn = turn;
    this.#shownAt = performance.now();
    if (turn.thought_s === null) return this.remove();
    this.#place(Boolean(turn.thinking || turn.has_thinking));
    if (this.#words && turn.thinking) this.#grow(turn.thinking);
    if (turn.is_thinking && !wasThinking) announcer.say(text("thinking"));
    this.#tell();
    clearInterval(this.#timer);
    if (turn.is_thinking) this.#timer = setInterval(() => this.#tell(), 1000);
  }

  remove() {
    clearInterval(this.#timer);
    this.#element?.remove();
    this.#element = this.#words = null;
  }

  /** A line, or one that opens where there are words to show. */
  #place(hasWords) {
    if (this.#element && hasWords === Boolean(this.#words)) return;
    this.#element?.remove();
    this.#element = clone(hasWords ? "thinking" : "thinking-line");
    this.#words = null;
    if (hasWords) {
      this.#words = document.createTextNode("");
      this.#element.querySelector("[data-thought]").append(this.#words);
      this.#element.addEventListener("toggle", () => this.#element?.open && this.#fetch());
    }
    this.#body.before(this.#element);
  }

  /** Add what is new; a text that does not go on from what is shown replaces it. */
  #grow(thinking) {
    const { length } = this.#words;
    if (thinking.length < length) this.#words.data = thinking;
    else if (thinking.length > length) this.#words.appendData(thinking.slice(length));
  }

  async #fetch() {
    if (this.#words.length || this.#turn.is_thinking) return;
    const problem = this.#element.querySelector("[data-problem]");
    problem.hidden = true;
    try {
      const { thinking } = await askApi("GET", `/api/turns/${this.turnId}/thinking`);
      if (this.#words) this.#grow(thinking);
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
    }
  }

  #tell() {
    const { thought_s: seconds, is_thinking: goesOn } = this.#turn;
    const n = Math.round(seconds + (goesOn ? (performance.now() - this.#shownAt) / 1000 : 0));
    const words = goesOn ? text("thinking_for", { n }) : text("thought_for", { n: Math.max(1, n) });
    const place = this.#element.querySelector("[data-text]");
    if (place.textContent !== words) place.textContent = words;
    this.#element.toggleAttribute("data-goes-on", goesOn);
  }
}
