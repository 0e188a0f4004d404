// The conversation that is shown: applies the server's frames. The rows on the server are the truth, so a
// snapshot replaces everything, and whatever does not fit is answered by asking for one.

import { Column, GROUP_MESSAGES } from "./column.js";
import { clone } from "./html.js";
import { AssistantMessage, isRunning, UserMessage } from "./message.js";
import { text } from "./page_data.js";

const FOUND_MS = 2500;
const FRAME_MS = 16;

/**
 * Dispatches `state` whenever something outside may want to know: which conversation, whether an answer runs; and
 * `shown` (detail: the message) when one is there or shows something else.
 * `send(frame)` puts a frame on the socket, `follower` keeps the end in view, `announcer` speaks.
 */
export class Conversation extends EventTarget {
  id = null;
  queue;
  #hidden;
  #column;
  #place;
  #older;
  #send;
  #follower;
  #announcer;
  #messages = new Map(); // message id -> UserMessage | AssistantMessage, oldest first
  #byTurn = new Map(); // turn id -> AssistantMessage
  #pending = new Map(); // client id -> UserMessage that the server has not accepted yet
  #hiddenTurn = null; // {id, messageId} of an answer that runs on a branch that is not shown
  #focus = null; // the message whose walker is to have the focus once it is shown
  #sought = null; // the message that is to be brought into view once it is here
  #hasOlder = false;
  #askedForOlder = false;

  constructor({ column, older, queue, hidden, send, follower, announcer }) {
    super();
    this.queue = queue;
    this.#hidden = hidden;
    this.#column = column;
    this.#place = new Column(column);
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

  /** The turn that is being answered, on this branch or on another one, or null. */
  get runningTurn() {
    for (const message of this.#byTurn.values()) if (isRunning(message.turn)) return message.turn;
    return this.#hiddenTurn;
  }

  /** The answer that runs on a branch that is not shown. */
  get hiddenMessageId() {
    return this.#hiddenTurn?.messageId;
  }

  get isWaiting() {
    return this.#pending.size > 0;
  }

  /** The message that `element` belongs to. */
  messageAt(element) {
    return this.#messages.get(element.closest("[data-message-id]")?.dataset.messageId);
  }

  /** The messages that are loaded, oldest first. */
  get messages() {
    return [...this.#messages.values()];
  }

  /** Watch another conversation (null: a new one); its skeleton is shown until the snapshot is here. */
  open(id, place = {}) {
    this.id = id;
    this.#clear();
    if (id) this.#column.append(clone("skeleton"));
    if (place.messageId) this.seek(place);
    else this.#send({ type: "open", conversation_id: id });
    this.#changed();
  }

  /** Bring a message of this conversation into view, from an earlier page or another branch where it is there. */
  seek({ messageId, isShown = true }) {
    this.#sought = messageId;
    if (this.#messages.has(messageId)) this.#point();
    else if (isShown) this.#send({ type: "open", conversation_id: this.id, message_id: messageId });
    else this.#send({ type: "switch", message_id: messageId });
  }

  /** The message that was sought, once it is here: in the middle, with the focus, and marked for a moment. */
  #point() {
    const element = this.#messages.get(this.#sought)?.element;
    if (!element) return;
    this.#sought = null;
    this.#follower.leave();
    element.tabIndex = -1;
    element.focus({ preventScroll: true });
    element.scrollIntoView({ block: element.offsetHeight > innerHeight / 2 ? "start" : "center" });
    element.classList.add("message--found");
    setTimeout(() => element.classList.remove("message--found"), FOUND_MS);
  }

  /** Show the branch through another version; its walker has the focus then, at the button of the step. */
  showVersion(messageId, by) {
    this.#focus = { messageId, by };
    this.#send({ type: "switch", message_id: messageId });
  }

  /** Ask for the truth again, and keep what is shown until it comes. */
  resume() {
    this.#askedForOlder = false;
    this.#send({ type: "open", conversation_id: this.id });
  }

  /** Show a question before the server has it. */
  addPending(clientId, words, attachments = []) {
    const message = new UserMessage({ id: null, text: words, created_at: new Date().toISOString(), attachments });
    this.#pending.set(clientId, message);
    this.#arrange();
    this.#follower.toEnd();
    this.#changed();
  }

  dropPending(clientId) {
    this.#pending.delete(clientId);
    this.#arrange();
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
    this.#byTurn = new Map(kept.filter((message) => message.turn).map((message) => [message.turn.id, message]));
    for (const view of frame.messages) this.#put(view, known.get(view.id));
    if (!kept.length) this.#setOlder(frame.has_older);
    for (const view of [...frame.messages, ...frame.queued]) this.#settle(view.client_id);
    this.queue.show(frame.queued);
    const running = frame.running_turn_id;
    this.#hiddenTurn =
      running && !this.#byTurn.has(running) ? { id: running, messageId: frame.running_message_id } : null;
    const focused = this.#focus && this.#messages.get(this.#focus.messageId);
    if (focused) this.#follower.leave();
    this.#arrange();
    if (focused) this.#focusWalker(focused);
    this.#point();
    this.#follower.keep();
    this.#changed();
  }

  /** The one who stepped to another version goes on stepping there. */
  #focusWalker(message) {
    const { by } = this.#focus;
    this.#focus = null;
    message.element.scrollIntoView({ block: "nearest" });
    const buttons = [...message.element.querySelectorAll("[data-walker] button")];
    const button = by < 0 ? buttons[0] : buttons[1];
    (button?.disabled ? buttons.find((other) => !other.disabled) : button)?.focus({ preventScroll: true });
    const { versions, id } = message.view;
    if (versions.length) this.#announcer.say(text("version_of", { n: versions.indexOf(id) + 1, of: versions.length }));
  }

  async older(frame) {
    if (frame.conversation_id !== this.id) return;
    // a group at a time, the newest first, so that scrolling goes on
    let next = this.#first;
    for (let end = frame.messages.length; end > 0; end -= GROUP_MESSAGES) {
      const views = frame.messages.slice(Math.max(0, end - GROUP_MESSAGES), end);
      const made = views.filter(({ id }) => !this.#messages.has(id)).map((view) => this.#make(view));
      await new Promise((go) => setTimeout(go, FRAME_MS));
      if (next !== this.#first) break; // something else is shown by now
      this.#prepend(made);
      next = this.#first;
    }
    this.#askedForOlder = false;
    if (next !== this.#first) return;
    this.#follower.holding(() => this.#setOlder(frame.has_older));
    this.#changed();
  }

  #prepend(made) {
    const later = this.#messages;
    this.#messages = new Map();
    for (const message of made) this.#put(message.view, message);
    for (const [id, message] of later) this.#messages.set(id, message);
    this.#mark();
    this.#follower.holding(() => this.#place.prepend(made.map(({ element }) => element)));
  }

  accepted(frame) {
    const mine = this.awaits(frame);
    if (mine && this.id === null) this.id = frame.conversation.id;
    if (frame.conversation.id !== this.id) return;
    this.#settle(frame.client_id);
    this.#settle(frame.question.client_id);
    this.queue.drop((view) => view.client_id === frame.question.client_id);
    if (!this.#makeRoom(frame)) {
      // another branch is shown now, or something was missed
      this.resume();
      return;
    }
    this.#put(frame.question, this.#messages.get(frame.question.id));
    this.#put(frame.answer, this.#messages.get(frame.answer.id));
    this.#hiddenTurn = null;
    this.#arrange();
    this.#announcer.begin();
    this.#follower.keep();
    this.#changed();
  }

  /** Take away what a new question or answer replaces; false when it does not follow what is shown. */
  #makeRoom({ question, answer, replaces_message_id: replaced }) {
    if (this.#messages.has(answer.id)) return true;
    if (this.#messages.has(question.id)) this.#cut(question.id, { keep: true });
    else if (this.#messages.has(replaced)) this.#cut(replaced);
    const last = [...this.#messages.keys()].at(-1) ?? null;
    return last === question.id || last === question.parent_id;
  }

  /** Forget a message (or keep it) and all that is shown behind it. */
  #cut(id, { keep = false } = {}) {
    let behind = false;
    for (const [other, message] of [...this.#messages]) {
      if (other === id) behind = true;
      if (!behind || (keep && other === id)) continue;
      this.#messages.delete(other);
      this.#byTurn.delete(message.turn?.id);
    }
  }

  queued(frame) {
    if (frame.conversation_id !== this.id) return;
    this.#settle(frame.client_id);
    this.queue.put(frame.message);
    this.#follower.keep();
    this.#changed();
  }

  /** A message was put into other words where it stands. */
  message(frame) {
    if (frame.conversation_id !== this.id) return;
    const known = this.#messages.get(frame.message.id);
    if (!known) return;
    this.#put(frame.message, known);
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
    if (frame.turn_id === this.#hiddenTurn?.id) {
      this.#hiddenTurn = null;
      this.#changed();
    }
    if (!message) return;
    message.show(frame.message);
    this.#tell(message);
    this.#mark();
    this.#announcer.end();
    const turn = frame.message.turn;
    if (turn?.state === "failed") this.#announcer.say(text("answer_failed", { message: turn.error?.message ?? "" }));
    else this.#announcer.say(text(turn?.state === "stopped" ? "answer_stopped" : "answer_complete"));
    this.#follower.keep();
    this.#changed();
  }

  #put(view, existing) {
    let message = existing;
    const isNew = !message || (message.view !== view && !sameView(message, view));
    if (!message) message = this.#make(view);
    else if (isNew) message.show(view);
    this.#messages.set(view.id, message);
    if (view.turn) this.#byTurn.set(view.turn.id, message);
    if (isNew || !message.element.isConnected) this.#tell(message);
  }

  #make(view) {
    return view.role === "user" ? new UserMessage(view) : new AssistantMessage(view, this.#actions);
  }

  #tell(message) {
    this.dispatchEvent(new CustomEvent("shown", { detail: message }));
  }

  #actions = {
    retry: (turnId) => this.dispatchEvent(new CustomEvent("retry", { detail: turnId })),
  };

  #settle(clientId) {
    if (!clientId || !this.#pending.has(clientId)) return;
    this.#pending.get(clientId).element.remove();
    this.#pending.delete(clientId);
    this.dispatchEvent(new CustomEvent("accepted", { detail: clientId }));
  }

  /** Bring the page's elements into the order of the messages. */
  #arrange() {
    this.#mark();
    const wanted = [...this.#messages.values(), ...this.#pending.values()];
    for (const gone of this.#place.arrange(wanted.map(({ element }) => element))) {
      const words = gone.querySelector("[data-editor]:not([data-sent]) textarea")?.value;
      if (words) this.dispatchEvent(new CustomEvent("editlost", { detail: { id: gone.dataset.messageId, words } }));
    }
  }

  /** What depends on the messages around: which is the last, and who wrote an answer where that changed. */
  #mark() {
    let writer = null;
    const last = this.#pending.size ? null : this.messages.at(-1);
    for (const message of this.#messages.values()) {
      message.setLast(message === last);
      if (!message.writer) continue;
      message.showWriter(writer && writer !== message.writer);
      writer = message.writer;
    }
  }

  #clear() {
    for (const editor of this.#column.querySelectorAll("[data-editor]")) editor.remove(); // their drafts are kept
    this.queue.show([]);
    this.#hiddenTurn = this.#focus = this.#sought = null;
    this.#askedForOlder = false;
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
    if (!this.#hasOlder || this.#askedForOlder || !this.#first) return;
    this.#askedForOlder = this.#send({ type: "older", conversation_id: this.id, before_message_id: this.#first });
  }

  get #first() {
    return this.#messages.keys().next().value;
  }

  #changed() {
    const last = [...this.#messages.values()].at(-1);
    this.queue.hold(last?.turn?.state === "failed");
    this.#hidden.hidden = !this.#hiddenTurn;
    this.dispatchEvent(new Event("state"));
  }
}

/** Whether `message` already shows `view`; a running one never counts, its text is only in the snapshot. */
function sameView(message, view) {
  if (isRunning(view.turn)) return message.answer?.sequence === view.turn.sequence && message.turn.state === view.turn.state;
  return JSON.stringify(message.view) === JSON.stringify(view);
}
