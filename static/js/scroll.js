// Keeps the newest text in view, but only for who is reading there; others get a button to come back.

const NEAR_PX = 64;

export class Follower {
  #log;
  #jump;
  #following = true;
  #planned = false;

  constructor(log, jump) {
    this.#log = log;
    this.#jump = jump;
    log.addEventListener("scroll", () => this.#look(), { passive: true });
    jump.addEventListener("click", () => {
      this.toEnd();
      jump.hidden = true;
    });
    new ResizeObserver(() => this.keep()).observe(log);
  }

  /** Call after the content grew. */
  keep() {
    if (!this.#following) {
      this.#look();
      return;
    }
    if (this.#planned) return;
    this.#planned = true;
    requestAnimationFrame(() => {
      this.#planned = false;
      if (this.#following) this.#log.scrollTop = this.#log.scrollHeight;
    });
  }

  toEnd() {
    this.#following = true;
    this.#log.scrollTop = this.#log.scrollHeight;
    this.keep();
  }

  /** Run `change`, which adds content above, so that what is read stays where it is. */
  holding(change) {
    const fromEnd = this.#log.scrollHeight - this.#log.scrollTop;
    change();
    this.#log.scrollTop = this.#log.scrollHeight - fromEnd;
  }

  #look() {
    const below = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight;
    this.#following = below < NEAR_PX;
    this.#jump.hidden = this.#following;
  }
}
