// Messages stand in groups, so that a browser leaves alone what is far away, and what comes touches few.

export const GROUP_MESSAGES = 10;
const NEAR_MESSAGES = 8;

const isAnswer = (element) => element?.matches(".message--assistant");

export class Column {
  #element;

  constructor(element) {
    this.#element = element;
  }

  /** Put `wanted` (articles, oldest first) onto the page, moving nothing that stands right; gives what was taken away. */
  arrange(wanted) {
    const staying = new Set(wanted);
    const gone = this.#groups().flatMap(({ children }) => [...children].filter((element) => !staying.has(element)));
    for (const element of gone) element.remove();
    this.#leaveOutEmpty();
    wanted.forEach((element, at) => {
      const before = wanted[at - 1];
      const after = before
        ? (before.nextElementSibling ?? before.parentElement.nextElementSibling?.firstElementChild)
        : this.#groups()[0]?.firstElementChild;
      if (element !== after) this.#insert(element, before, after, wanted[at + 1]);
    });
    this.#leaveOutEmpty();
    let behind = 0;
    for (const group of this.#groups().reverse()) {
      const isFar = behind >= NEAR_MESSAGES;
      if (group.hasAttribute("data-far") !== isFar) group.toggleAttribute("data-far", isFar);
      behind += group.childElementCount;
    }
    return gone;
  }

  /** Put articles (oldest first, a group at most) before all others, none of which is touched. */
  prepend(articles) {
    const first = this.#groups()[0];
    if (!first || !articles.length) return;
    const group = document.createElement("div");
    group.className = "messages";
    group.dataset.far = "";
    group.append(...articles);
    first.before(group);
  }

  #groups() {
    // a selector would go through all in them
    return [...this.#element.children].filter(({ className }) => className === "messages");
  }

  #leaveOutEmpty() {
    for (const group of this.#groups()) if (!group.firstElementChild) group.remove();
  }

  #insert(element, before, after, next) {
    const group = before?.parentElement;
    // a question and its answer stay together
    const asks = after === next && isAnswer(after) && !isAnswer(element);
    if (after && (after.parentElement === group || asks)) after.before(element);
    else if (group && (group.childElementCount < GROUP_MESSAGES || (isAnswer(element) && !isAnswer(before)))) before.after(element);
    else {
      const made = document.createElement("div");
      made.className = "messages";
      made.append(element);
      if (group) group.after(made);
      else if (after) after.parentElement.before(made);
      else this.#element.append(made);
    }
  }
}
