// The conversation that is shown: applies the server's frames. The rows on the server are the truth, so a
// snapshot replaces everything, and whatever does not fit is answered by asking for one.

import { clone } from "./html.js";
import { AssistantMessage, isRunning, UserMessage } from "./message.js";
import { text } from "./page_data.js";

/**
 * Dispatches `state` whenever something outside may want to know: which conversation, whether an answer runs.
 * `send(frame)` puts a frame on the socket, `follower` keeps the end in view, `announcer` speaks.
 */
export class Conversation extends EventTarget {
  id = null;
  #column;
  #older;
  #send;
  #follower;
  #announcer;
  #messages = new Map(); // message id -> UserMessage | AssistantMessage, oldest first
  #byTurn = new Map(); // turn id -> AssistantMessage
  #pending = new Map(); // client id -> UserMessage that the server has not accepted yet
  #hasOlder = false;
  #askedForOlder = false;

  constructor({ column, older, send, follower, announcer }) {
    super();
    this.#column = column;
    this.#older = older;
    this.#send = send;
    this.#follower = follower;
    this.#announcer = announcer;
    new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && this.#askForOlder(), {
      root: column.parentElement,
      rootMargin: "600px 0px 0px 0px",
    }).observe(older);
  }

  get isEmpty() {
    return this.#messages.size === 0 && this.#pending.size === 0;
  }

  /** The turn that is being answered, or null. */
  get runningTurn() {
    for (const message of [...this.#byTurn.values()].reverse()) if (isRunning(message.turn)) return message.turn;
    return null;
  }

  get isWaiting() {
    return this.#pending.size > 0;
  }

  /** Watch another conversation (null: a new one); its skeleton is shown until the snapshot is here. */
  open(id) {
    this.id = id;
    this.#clear();
    if (id) this.#column.append(clone("skeleton"));
    this.#send({ type: "open", conversation_id: id });
    this.#changed();
  }

  /** Ask for the truth again, and keep what is shown until it comes. */
  resume() {
    this.#askedForOlder = false;
    this.#send({ type: "open", conversation_id: this.id });
  }

  /** Show a question before the server has it. */
  addPending(clientId, words) {
    const message = new UserMessage({ id: null, text: words, created_at: new Date().toISOString() });
    this.#pending.set(clientId, message);
    this.#column.append(message.element);
    this.#follower.toEnd();
    this.#changed();
  }

  dropPending(clientId) {
    this.#pending.get(clientId)?.element.remove();
    this.#pending.delete(clientId);
    this.#changed();
  }

  /** Whether `frame` (accepted) answers something that was sent from here. */
  awaits(frame) {
    return this.#pending.has(frame.client_id);
  }

  snapshot(frame) {
    if ((frame.conversation?.id ?? null) !== this.id) return;
    this.#column.querySelector(".skeleton")?.remove();
    const first = frame.messages[0]?.id;
    const known = this.#messages;
    // earlier pages that were loaded before stay in front
    const kept = [];
    if (known.has(first)) for (const [id, message] of known) if (id !== first) kept.push(message); else break;
    this.#messages = new Map(kept.map((message) => [message.view.id, message]));
    for (const view of frame.messages) this.#put(view, known.get(view.id));
    if (!kept.length) this.#setOlder(frame.has_older);
    for (const view of frame.messages) this.#settle(view.client_id);
    this.#arrange();
    this.#follower.keep();
    this.#changed();
  }

  older(frame) {
    if (frame.conversation_id !== this.id) return;
    this.#askedForOlder = false;
    const later = this.#messages;
    this.#messages = new Map();
    for (const view of frame.messages) this.#put(view);
    for (const [id, message] of later) this.#messages.set(id, message);
    this.#follower.holding(() => {
      this.#setOlder(frame.has_older);
      this.#arrange();
    });
  }

  accepted(frame) {
    const mine = this.awaits(frame);
    if (mine && this.id === null) this.id = frame.conversation.id;
    if (frame.conversation.id !== this.id) return;
    this.#settle(frame.client_id);
    this.#settle(frame.question.client_id);
    const replaced = this.#messages.get(frame.replaces_message_id);
    if (replaced) {
      this.#messages.delete(frame.replaces_message_id);
      this.#byTurn.delete(replaced.turn?.id);
    }
    this.#put(frame.question, this.#messages.get(frame.question.id));
    this.#put(frame.answer, this.#messages.get(frame.answer.id));
    this.#arrange();
    this.#announcer.begin();
    mine ? this.#follower.toEnd() : this.#follower.keep();
    this.#changed();
  }

  delta(frame) {
    const message = this.#byTurn.get(frame.turn_id);
    if (!message) return;
    const wasSilent = message.turn.state !== "running";
    if (!message.grow(frame, (block) => this.#announcer.finish(block))) {
      this.resume();
      return;
    }
    if (frame.tail) this.#announcer.replace(frame.tail.text);
    else if (frame.tail_add) this.#announcer.add(frame.tail_add);
    this.#follower.keep();
    if (wasSilent) this.#changed();
  }

  turn(frame) {
    const message = this.#byTurn.get(frame.turn_id);
    if (!message) return;
    // a turn that was over goes on: what it shows now only a snapshot knows
    if (!isRunning(message.turn)) this.resume();
    else message.change(frame.state, frame.queue_position, frame.queue_wait_s);
    if (frame.state === "waiting") this.#announcer.say(text("waiting"));
    this.#follower.keep();
    this.#changed();
  }

  finished(frame) {
    const message = this.#byTurn.get(frame.turn_id);
    if (!message) return;
    message.show(frame.message);
    this.#announcer.end();
    const turn = frame.message.turn;
    if (turn?.state === "failed") this.#announcer.say(text("answer_failed", { message: turn.error?.message ?? "" }));
    else this.#announcer.say(text(turn?.state === "stopped" ? "answer_stopped" : "answer_complete"));
    this.#follower.keep();
    this.#changed();
  }

  #put(view, existing) {
    let message = existing;
    if (!message) {
      message = view.role === "user" ? new UserMessage(view) : new AssistantMessage(view, this.#actions);
    } else if (!sameView(existing, view)) {
      message.show(view);
    }
    this.#messages.set(view.id, message);
    if (view.turn) this.#byTurn.set(view.turn.id, message);
  }

  #actions = {
    retry: (turnId) => this.dispatchEvent(new CustomEvent("retry", { detail: turnId })),
    regenerate: (turnId) => this.dispatchEvent(new CustomEvent("regenerate", { detail: turnId })),
  };

  #settle(clientId) {
    if (!clientId || !this.#pending.has(clientId)) return;
    this.#pending.get(clientId).element.remove();
    this.#pending.delete(clientId);
    this.dispatchEvent(new CustomEvent("accepted", { detail: clientId }));
  }

  /** Bring the page's elements into the order of the messages, touching only what differs. */
  #arrange() {
    let place = this.#older.nextElementSibling;
    const wanted = [...this.#messages.values(), ...this.#pending.values()];
    for (const { element } of wanted) {
      if (element === place) place = place.nextElementSibling;
      else this.#column.insertBefore(element, place);
    }
    while (place) {
      const next = place.nextElementSibling;
      place.remove();
      place = next;
    }
  }

  #clear() {
    this.#messages.clear();
    this.#byTurn.clear();
    this.#pending.clear();
    this.#setOlder(false);
    this.#arrange();
    this.#follower.toEnd();
  }

  #setOlder(hasOlder) {
    this.#hasOlder = hasOlder;
    this.#older.hidden = !hasOlder;
  }

  #askForOlder() {
    const first = this.#messages.keys().next().value;
    if (!this.#hasOlder || this.#askedForOlder || !first) return;
    this.#askedForOlder = this.#send({ type: "older", conversation_id: this.id, before_message_id: first });
  }

  #changed() {
    this.dispatchEvent(new Event("state"));
  }
}

/** Whether `message` already shows `view`; a running one never counts, its text is only in the snapshot. */
function sameView(message, view) {
  if (isRunning(view.turn)) return message.answer?.sequence === view.turn.sequence && message.turn.state === view.turn.state;
  return JSON.stringify(message.view) === JSON.stringify(view);
}
