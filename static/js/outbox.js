// Messages that were sent and not yet confirmed. Each has an id of its own, so that sending it again after a
// lost connection changes nothing on the server. They are kept in this browser too: a page that is closed or
// loaded again before the server has them sends them when it is back.

import { UNSENT } from "./drafts.js";

export class Outbox {
  #send;
  #prefix;
  #frames = new Map(); // client id -> frame, in the order of sending
  #last = 0;

  constructor(send, personId) {
    this.#send = send;
    this.#prefix = `${UNSENT}${personId}:`;
    const kept = [];
    for (const key of Object.keys(localStorage))
      if (key.startsWith(this.#prefix)) kept.push(JSON.parse(localStorage.getItem(key)));
    // a browser hands its keys out in any order
    for (const { frame } of kept.sort((one, other) => one.at - other.at)) this.#frames.set(frame.client_id, frame);
  }

  /** Send it, now or later; whether it is kept if the page is closed. `keeps`: whether it may be. */
  post(frame, { keeps }) {
    this.#frames.set(frame.client_id, frame);
    const isKept = keeps && this.#keep(frame);
    this.#send(frame);
    return isKept;
  }

  /** Confirmed or refused: forget it. Returns the frame, or undefined when it was not ours. */
  settle(clientId) {
    const frame = this.#frames.get(clientId);
    this.#frames.delete(clientId);
    if (frame) localStorage.removeItem(this.#prefix + clientId);
    return frame;
  }

  sendAgain() {
    for (const frame of this.#frames.values()) this.#send(frame);
  }

  /** What waits for a conversation (null: for a new one). */
  of(conversationId) {
    return [...this.#frames.values()].filter((frame) => frame.conversation_id === conversationId);
  }

  #keep(frame) {
    try {
      this.#last = Math.max(Date.now(), this.#last + 1);
      localStorage.setItem(this.#prefix + frame.client_id, JSON.stringify({ at: this.#last, frame }));
      return true;
    } catch {
      return false; // the store is full or forbidden
    }
  }
}
