// Keeps the newest text in view, but only for who is reading there; others get a button to come back.

const NEAR_PX = 64;

export class Follower {
  #log;
  #jump;
  #following = true;
  #top = 0;
  #planned = false;

  constructor(log, jump) {
    this.#log = log;
    this.#jump = jump;
    log.addEventListener("scroll", () => this.#look(), { passive: true });
    jump.addEventListener("click", () => {
      this.toEnd();
      jump.hidden = true;
    });
    const sizes = new ResizeObserver(() => this.keep());
    sizes.observe(log);
    sizes.observe(log.firstElementChild); // what is loaded late makes a message longer
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

  /** Stay where one reads, though the end moves. */
  leave() {
    this.#following = false;
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

  /** Whoever turns up, however little, is not pulled back; whoever comes near the end again follows it. */
  #look() {
    const { scrollTop, scrollHeight, clientHeight } = this.#log;
    const below = scrollHeight - scrollTop - clientHeight;
    if (scrollTop < this.#top) this.#following = below < 2;
    else if (scrollTop > this.#top && below < NEAR_PX) this.#following = true;
    this.#top = scrollTop;
    this.#jump.hidden = this.#following || below < NEAR_PX;
  }
}
