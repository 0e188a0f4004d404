// The body of one answer while it streams. Each delta costs the same, however long the answer is: finished
// blocks are appended once, the open end is one text node that grows.

import { addCodeBars } from "./code_copy.js";
import { clone, fragment } from "./html.js";

export class Answer {
  #body;
  #tail = null;
  #text = null;
  sequence;

  /** Show `turn` (its blocks and tail) in `body`, replacing what is there. */
  constructor(body, turn) {
    this.#body = body;
    this.sequence = turn.sequence;
    body.replaceChildren();
    for (const block of turn.blocks) this.#append(block);
    this.#showTail(turn.tail);
  }

  get isEmpty() {
    return this.#body.childElementCount <= 1 && !this.#text?.data;
  }

  get tailText() {
    return this.#text?.data ?? "";
  }

  /** Apply a delta; false when one is missing before it. Returns the new blocks through `onBlock`. */
  apply(delta, onBlock) {
    if (delta.sequence !== this.sequence + 1) return false;
    this.sequence = delta.sequence;
    for (const html of delta.blocks) for (const block of this.#append(html)) onBlock(block);
    if (delta.tail) this.#showTail(delta.tail);
    else if (delta.tail_add) this.#text.appendData(delta.tail_add);
    return true;
  }

  #append(html) {
    const part = fragment(html);
    addCodeBars(part);
    const blocks = [...part.children];
    // blocks stand before the open end, which stays last
    if (this.#tail) this.#tail.before(part);
    else this.#body.append(part);
    return blocks;
  }

  #showTail(tail) {
    this.#tail?.remove();
    const text = document.createTextNode(tail.text);
    if (tail.kind === "code") {
      this.#tail = clone("code-tail");
      this.#tail.dataset.language = tail.language;
      this.#tail.querySelector("code").append(text);
      const holder = document.createDocumentFragment();
      holder.append(this.#tail);
      addCodeBars(holder);
    } else {
      this.#tail = document.createElement("p");
      this.#tail.className = "tail";
      this.#tail.append(text);
    }
    this.#text = text;
    this.#body.append(this.#tail);
  }
}
