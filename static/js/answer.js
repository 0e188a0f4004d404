// The body of one answer while it streams. Each delta costs the same, however long the answer is: finished
// blocks are appended once, the open end is text whose last part grows.

import { clone, fragment } from "./html.js";
import { dress } from "./prose.js";

const PART_CHARS = 2000;

export class Answer {
  #body;
  #tail = null;
  #holder = null; // what the open end's parts are in
  #text = null; // the last part's
  #breakAt; // so long it is at least when its line is broken next
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
    return this.#body.childElementCount <= 1 && !this.#holder?.firstElementChild;
  }

  /** Apply a delta; false when one is missing before it. Returns the new blocks through `onBlock`. */
  apply(delta, onBlock) {
    if (delta.sequence !== this.sequence + 1) return false;
    this.sequence = delta.sequence;
    for (const html of delta.blocks) for (const block of this.#append(html)) onBlock(block);
    if (delta.tail) this.#showTail(delta.tail);
    else if (delta.tail_add) this.#grow(delta.tail_add);
    return true;
  }

  #append(html) {
    const part = fragment(html);
    dress(part);
    const blocks = [...part.children];
    // blocks stand before the open end, which stays last
    if (this.#tail) this.#tail.before(part);
    else this.#body.append(part);
    return blocks;
  }

  #showTail(tail) {
    this.#tail?.remove();
    if (tail.kind === "code") {
      this.#tail = clone("code-tail");
      this.#tail.dataset.language = tail.language;
      this.#holder = this.#tail.querySelector("code");
      const holder = document.createDocumentFragment();
      holder.append(this.#tail);
      dress(holder);
    } else {
      this.#tail = this.#holder = document.createElement("p");
      this.#tail.className = "tail";
    }
    this.#text = null;
    this.#grow(tail.text);
    this.#body.append(this.#tail);
  }

  /** Add to the open end. A long one is in several parts, so that only the last is laid out again when it grows. */
  #grow(piece) {
    while (this.#text && piece && this.#text.length > PART_CHARS) {
      const line = piece.indexOf("\n") + 1;
      if (!line) {
        this.#breakLine();
        break;
      }
      this.#text.appendData(piece.slice(0, line));
      piece = piece.slice(line);
      this.#text = null;
    }
    if (!piece) return;
    if (this.#text) {
      this.#text.appendData(piece);
      return;
    }
    this.#addPart(document.createTextNode(""));
    if (piece.length <= PART_CHARS) {
      this.#text.appendData(piece);
      return;
    }
    // a whole page of it at once: the first part ends at the first line after so many letters
    const end = piece.indexOf("\n", PART_CHARS) + 1 || piece.length;
    this.#text.appendData(piece.slice(0, end));
    const rest = piece.slice(end);
    if (rest) this.#text = null;
    this.#grow(rest);
  }

  #addPart(node) {
    const part = document.createElement("span");
    part.className = "tail__part";
    part.append(node);
    this.#holder.append(part);
    this.#text = node;
    this.#breakAt = PART_CHARS;
  }

  /** A long paragraph: its last line, as it is laid out now, begins a part of its own. */
  async #breakLine() {
    const node = this.#text;
    if (node.length < this.#breakAt) return;
    this.#breakAt = node.length + PART_CHARS; // where it has one line, or none is shown
    const start = (await import("./last_line.js")).lastLine(node);
    if (start > 0 && node === this.#text) this.#addPart(node.splitText(start));
  }
}
