// Speaks an answer sentence by sentence to screen readers, while it is being written.
//
// What is shown is not what is spoken: the open end of an answer is markdown, its finished blocks are HTML.
// Both have the same letters, so letters are counted to know how much of a finished block was spoken before.

const SENTENCE_END = /[.!?…]["»”)\]]*\s|[。！？；]["”」』）]*|\n/g;
const LETTERS = /[\p{L}\p{N}]/gu;
// what is in the source of an answer and not in the text that is shown
const NOT_SHOWN = /^\s*(?:\d+[.)]\s|[-*+]\s|#+\s|>\s)|^\s*(?:```|~~~).*$|\]\([^)]*\)/gm;
const KEPT = 12;
// words without an end of a sentence are spoken in portions, so that no more than this is ever searched
const LONGEST = 400;

export class Announcer {
  #region;
  #open = "";
  #spoken = 0; // letters of the open end that were spoken

  constructor(region) {
    this.#region = region;
  }

  /** A new answer begins. */
  begin() {
    this.#open = "";
    this.#spoken = 0;
  }

  /** The open end grew. */
  add(piece) {
    this.#open += piece;
    let end = 0;
    for (const match of this.#open.matchAll(SENTENCE_END)) end = match.index + match[0].length;
    if (!end && this.#open.length > LONGEST) end = this.#open.lastIndexOf(" ") + 1 || this.#open.length;
    if (!end) return;
    const sentences = this.#open.slice(0, end).replace(NOT_SHOWN, "");
    this.#open = this.#open.slice(end);
    this.#spoken += countLetters(sentences);
    this.say(sentences);
  }

  /** A block was finished: speak what of it was not spoken while it was open. */
  finish(block) {
    const content = block.textContent;
    this.say(afterLetters(content, this.#spoken));
    this.#open = "";
    this.#spoken = Math.max(0, this.#spoken - countLetters(content));
  }

  /** The open end was replaced, after its front became blocks. */
  replace(tail) {
    const rest = afterLetters(tail, this.#spoken);
    this.#open = "";
    this.add(rest);
  }

  /** Speak the rest. */
  end() {
    this.say(this.#open.replace(NOT_SHOWN, ""));
    this.begin();
  }

  /** Speak something now, after what is being spoken. */
  say(message) {
    const plain = message.replace(/[*_`#>|~]+/g, " ").replace(/\s+/g, " ").trim();
    if (!/[\p{L}\p{N}]/u.test(plain)) return;
    const line = document.createElement("p");
    line.textContent = plain;
    this.#region.append(line);
    while (this.#region.childElementCount > KEPT) this.#region.firstElementChild.remove();
  }
}

const countLetters = (words) => words.match(LETTERS)?.length ?? 0;

/** What follows the first `number` letters. */
function afterLetters(words, number) {
  if (number === 0) return words;
  for (const match of words.matchAll(LETTERS)) if (--number === 0) return words.slice(match.index + match[0].length);
  return "";
}
