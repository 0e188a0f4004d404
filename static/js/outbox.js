// Messages that were sent and not yet confirmed. Each has an id of its own, so that sending it again after a
// lost connection changes nothing on the server.

export class Outbox {
  #send;
  #frames = new Map();

  constructor(send) {
    this.#send = send;
  }

  post(frame) {
    this.#frames.set(frame.client_id, frame);
    this.#send(frame);
  }

  /** Confirmed or refused: forget it. Returns the frame, or undefined when it was not ours. */
  settle(clientId) {
    const frame = this.#frames.get(clientId);
    this.#frames.delete(clientId);
    return frame;
  }

  sendAgain() {
    for (const frame of this.#frames.values()) this.#send(frame);
  }
}
