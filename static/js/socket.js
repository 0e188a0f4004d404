// The connection to the server: comes back by itself, with growing pauses, and says how it is.

const PING_MS = 20_000;
const SILENCE_MS = 10_000;
const FIRST_PAUSE_MS = 400;
const LONGEST_PAUSE_MS = 15_000;
const SIGNED_OUT = 4401;
const TOO_FAST = 4429;
const TOO_MANY_SOCKETS = 4430;

/**
 * Dispatches `frame` (detail: the frame), `open`, `offline` and `signedout`.
 * A connection counts as open when the server has said `welcome`.
 */
export class Socket extends EventTarget {
  #address;
  #socket = null;
  #attempts = 0;
  #retry = 0;
  #heartbeat = 0;
  #silence = 0;
  #closed = false;
  isOpen = false;

  constructor(path) {
    super();
    this.#address = new URL(path, location.href.replace(/^http/, "ws")).href;
    addEventListener("online", () => this.#now());
    addEventListener("offline", () => this.#socket?.close());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.isOpen ? this.#ping() : this.#now();
    });
    addEventListener("pagehide", () => this.#stop());
    addEventListener("pageshow", (event) => event.persisted && this.#restart());
    this.#connect();
  }

  /** Send a frame; false when there is no connection (nothing is kept: the caller knows what to repeat). */
  send(frame) {
    if (!this.isOpen) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** Connect anew: another process of the server may answer. */
  again() {
    this.#socket?.close();
  }

  #connect() {
    clearTimeout(this.#retry);
    const socket = new WebSocket(this.#address);
    this.#socket = socket;
    socket.addEventListener("message", (event) => socket === this.#socket && this.#receive(event.data));
    socket.addEventListener("close", (event) => socket === this.#socket && this.#lost(event.code));
  }

  #receive(data) {
    clearTimeout(this.#silence);
    this.#silence = 0;
    const frame = JSON.parse(data);
    if (frame.type === "pong") return;
    if (frame.type === "welcome") {
      this.isOpen = true;
      this.#attempts = 0;
      clearInterval(this.#heartbeat);
      this.#heartbeat = setInterval(() => this.#ping(), PING_MS);
      this.dispatchEvent(new CustomEvent("open", { detail: frame }));
      return;
    }
    this.dispatchEvent(new CustomEvent("frame", { detail: frame }));
  }

  #ping() {
    if (!this.send({ type: "ping" }) || this.#silence) return;
    // a connection that died without a word (a laptop that slept) shows itself by silence
    this.#silence = setTimeout(() => {
      const socket = this.#socket;
      this.#lost(0);
      socket.close();
    }, SILENCE_MS);
  }

  #lost(code) {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#silence);
    this.#silence = 0;
    this.#socket = null;
    this.isOpen = false;
    if (this.#closed) return;
    if (code === SIGNED_OUT) {
      this.#closed = true;
      this.dispatchEvent(new Event("signedout"));
      return;
    }
    this.dispatchEvent(new Event("offline"));
    if (code === TOO_FAST || code === TOO_MANY_SOCKETS) this.#attempts = Math.max(this.#attempts, 4);
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** this.#attempts++, LONGEST_PAUSE_MS);
    this.#retry = setTimeout(() => this.#connect(), pause * (0.5 + Math.random()));
  }

  #now() {
    if (this.#closed || this.#socket) return;
    this.#attempts = 0;
    this.#connect();
  }

  #stop() {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#socket?.close();
  }

  #restart() {
    this.#closed = false;
    this.#now();
  }
}
