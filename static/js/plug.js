// Pull the plug: asks for an answer, has a process killed in the middle of it, and shows what was lost.

import { Answer } from "./answer.js";
import { fragment } from "./html.js";
import { isRunning } from "./message.js";
import { data, text } from "./page_data.js";
import { RequestFailed } from "./requests.js";
import { Socket } from "./socket.js";
import { toast } from "./toast.js";

const WATCH_MS = 300;
const WORDS_BEFORE = 8; // shown before the process is killed: it is to be in the middle
const LONGEST_MS = 180_000;
const MOST_QUESTIONS = 4; // a small model may say in one breath what it has to say

const form = document.querySelector("[data-plug-form]");
const button = document.querySelector("[data-plug-button]");
const stage = document.querySelector("[data-plug-stage]");
const log = document.querySelector("[data-plug-log]");
const body = document.querySelector("[data-plug-answer]");
const verdict = document.querySelector("[data-plug-verdict]");

document.querySelector("[data-plug-go]").addEventListener("click", (event) => {
  event.target.closest("dialog").close();
  const process = new FormData(form).get("process");
  if (process) new Drill(process).run();
});
button.disabled = !form.querySelector("input:checked");
form.addEventListener("change", () => (button.disabled = false));

/** One kill, from the question to the verdict. */
class Drill {
  #process;
  #began = performance.now();
  #id = "";
  #socket = null;
  #clientId = crypto.randomUUID();
  #asked = 0;
  #conversationId = null;
  #turnId = null;
  #answer = null;
  #shownBefore = "";
  #killedPid = 0;
  #killedAt = 0;
  #backAfter = 0;
  #isPulling = false;
  #isOver = false;
  #jobsLeft = 1;
  #said = new Set();

  constructor(process) {
    this.#process = process;
  }

  async run() {
    button.disabled = true;
    stage.hidden = false;
    verdict.hidden = true;
    log.replaceChildren();
    body.replaceChildren();
    try {
      this.#id = (await post(form.dataset.begin, {})).drill_id;
    } catch (failure) {
      this.#giveUp(failure);
      return;
    }
    this.#socket = new Socket("/ws/chat/");
    this.#socket.addEventListener("open", () => this.#resume());
    this.#socket.addEventListener("frame", ({ detail }) => this.#take(detail));
    while (!this.#isDone) {
      if (performance.now() - this.#began > LONGEST_MS) {
        this.#say("plug_too_long");
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
      await this.#watch();
    }
    await this.#judge();
    button.disabled = false;
  }

  get #isDone() {
    if (this.#isPulling && !this.#killedAt) return false;
    return this.#isOver && (!this.#killedAt || (this.#backAfter > 0 && this.#jobsLeft === 0));
  }

  /** Ask, or look again at what was asked: the same client id makes a second question the first one. */
  #resume() {
    if (this.#conversationId) this.#socket.send({ type: "open", conversation_id: this.#conversationId });
    else {
      const question = { type: "send", client_id: this.#clientId, conversation_id: null, assistant_id: null };
      this.#socket.send({ ...question, text: data.questions[this.#asked % data.questions.length] });
    }
  }

  /** The answer was over before the kill: ask for another one, a few times. */
  #endedEarly() {
    this.#asked += 1;
    if (this.#asked >= MOST_QUESTIONS) {
      this.#say("plug_ended_early");
      this.#isOver = true;
      return;
    }
    this.#say("plug_asking_again");
    this.#clientId = crypto.randomUUID();
    this.#conversationId = this.#turnId = this.#answer = null;
    this.#resume();
  }

  #take(frame) {
    if (frame.type === "accepted" && frame.client_id === this.#clientId) {
      this.#conversationId = frame.conversation.id;
      this.#turnId = frame.answer.turn.id;
      this.#answer = new Answer(body, frame.answer.turn);
      this.#say("plug_asked");
    } else if (frame.type === "snapshot") {
      const message = frame.messages.find((each) => each.turn?.id === this.#turnId);
      if (message) this.#show(message);
    } else if (frame.type === "error" && frame.client_id === this.#clientId) {
      this.#giveUp(new RequestFailed(frame.message));
    } else if (frame.turn_id !== this.#turnId || !this.#turnId) {
      return;
    } else if (frame.type === "delta") {
      if (this.#answer.apply(frame, () => {})) this.#grew();
      else this.#resume();
    } else if (frame.type === "turn" && frame.state === "waiting") {
      this.#say("plug_waiting");
    } else if (frame.type === "finished") {
      this.#show(frame.message);
    }
  }

  #show(message) {
    if (isRunning(message.turn)) {
      this.#answer = new Answer(body, message.turn);
      if (message.turn.state === "waiting") this.#say("plug_waiting");
      this.#grew();
      return;
    }
    body.replaceChildren(fragment(message.html));
    if (message.turn.state === "failed") this.#say("plug_failed", { message: message.turn.error?.message ?? "" });
    else if (this.#killedAt) this.#say("plug_done");
    else if (!this.#isPulling) return this.#endedEarly();
    this.#isOver = true;
  }

  #grew() {
    const words = body.innerText.split(/\s+/).join(" ");
    const count = Math.max(words.split(" ").length, words.length / 6);
    if (count >= 2) this.#say("plug_writing");
    if (!this.#killedAt && !this.#isPulling && count >= WORDS_BEFORE) this.#pull();
    else if (this.#killedAt && words.length > this.#shownBefore.length) this.#say("plug_goes_on");
    body.scrollTop = body.scrollHeight;
  }

  async #pull() {
    this.#isPulling = true;
    try {
      const values = { process: this.#process, drill_id: this.#id };
      this.#killedPid = (await post(form.dataset.pull, values)).pid;
      this.#killedAt = performance.now();
      // all that was shown when the process died, not when it was asked for
      this.#shownBefore = body.innerText;
      this.#say("plug_killed", { name: this.#process, pid: String(this.#killedPid) });
      if (this.#isOver) this.#say("plug_done"); // its last words came while the kill was on its way
    } catch (failure) {
      this.#isPulling = false;
      this.#giveUp(failure);
    }
  }

  async #watch() {
    let state;
    try {
      state = await post(form.dataset.watch, { drill_id: this.#id });
    } catch {
      if (this.#killedAt) this.#say("plug_web_down");
      return;
    }
    this.#jobsLeft = state.jobs_left;
    if (!this.#killedAt) return;
    const process = state.processes.find((each) => each.name === this.#process);
    if (!process) return;
    if (process.pid !== this.#killedPid) this.#say("plug_down", { name: this.#process });
    if (process.pid && process.pid !== this.#killedPid && process.state === "ready" && !this.#backAfter) {
      this.#backAfter = (performance.now() - this.#killedAt) / 1000;
      const seconds = this.#backAfter.toFixed(1);
      this.#say("plug_back", { name: this.#process, seconds, pid: String(process.pid) });
    }
    if (this.#jobsLeft === 0) this.#say("plug_jobs");
  }

  async #judge() {
    if (!this.#killedAt || !this.#conversationId) return;
    this.#say("plug_comparing");
    const values = {
      process: this.#process,
      drill_id: this.#id,
      conversation_id: this.#conversationId,
      back_after_s: String(this.#backAfter),
      shown: [this.#shownBefore, body.innerText],
    };
    try {
      const found = await post(form.dataset.verdict, values);
      const figures = [
        [found.lost_words, found.words],
        [found.lost_jobs, found.jobs],
        [this.#backAfter.toFixed(1), found.seconds],
      ];
      verdict.querySelector(".plug__verdict").replaceChildren(...figures.map(([number, words]) => figure(number, words)));
      verdict.hidden = false;
      verdict.focus();
    } catch (failure) {
      this.#giveUp(failure);
    }
  }

  /** One line, once: things come and go many times while a process starts. */
  #say(name, values = {}) {
    if (this.#said.has(name)) return;
    this.#said.add(name);
    const line = document.createElement("li");
    const time = document.createElement("time");
    time.textContent = `${((performance.now() - this.#began) / 1000).toFixed(1)} s`;
    const words = document.createElement("span");
    words.textContent = text(name, values);
    line.append(time, words);
    log.append(line);
  }

  #giveUp(failure) {
    if (!(failure instanceof RequestFailed)) throw failure;
    toast(failure.message || text("not_saved"));
    this.#isOver = true;
    button.disabled = false;
  }
}

function figure(number, words) {
  const element = document.createElement("div");
  const strong = document.createElement("b");
  strong.textContent = number;
  element.append(strong, words);
  return element;
}

/** Send fields as a form; the JSON answer. Throws RequestFailed. */
async function post(address, fields) {
  const values = new FormData();
  values.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
  for (const [name, value] of Object.entries(fields))
    for (const each of Array.isArray(value) ? value : [value]) values.append(name, each);
  let answer;
  try {
    answer = await fetch(address, {
      method: "POST",
      body: values,
      headers: { accept: "application/json" },
      redirect: "error",
      signal: AbortSignal.timeout(5000),
    });
  } catch {
    throw new RequestFailed("");
  }
  const said = await answer.json().catch(() => null);
  if (!answer.ok || !said) throw new RequestFailed(said?.message ?? "");
  return said;
}
