// The editor of a prompt: keeps a draft in this browser, and runs the test chat with it.

import { Drafts } from "./drafts.js";
import { clone, fragment } from "./html.js";
import { data } from "./page_data.js";
import { toast } from "./toast.js";

const form = document.querySelector("[data-editor]");
const field = document.getElementById("prompt-text");
const restored = form.querySelector("[data-restored]");
const kept = form.querySelector("[data-kept]");
const saved = field.value;

// ---------------------------------------------------------------- the draft

const drafts = new Drafts(data.person_id);
const place = `prompt:${data.prompt_id}`;

function restore() {
  let draft = null;
  try {
    draft = JSON.parse(drafts.read(place) || "null");
  } catch {
    drafts.keep(place, "");
  }
  // another version was asked for, or this text was saved meanwhile
  if (!draft || draft.text === saved || location.search) return;
  field.value = draft.text;
  restored.hidden = false;
  restored.querySelector("[data-outdated]").hidden = draft.base === data.base;
}

function keep() {
  const changed = field.value !== saved;
  drafts.keep(place, changed ? JSON.stringify({ text: field.value, base: data.base }) : "");
  kept.hidden = !changed;
}

field.addEventListener("input", keep);
form.addEventListener("submit", () => drafts.keep(place, ""));
form.querySelector('[data-action="discard-draft"]').addEventListener("click", () => {
  field.value = saved;
  restored.hidden = true;
  keep();
  field.dispatchEvent(new Event("preview"));
  field.focus();
});
restore();

// ---------------------------------------------------------------- the test chat

const test = document.querySelector("[data-test]");
const log = test.querySelector("[data-log]");
const empty = test.querySelector("[data-empty]");
const ask = test.querySelector("[data-ask]");
const question = document.getElementById("test-question");
const send = test.querySelector("[data-send]");
const stop = test.querySelector("[data-stop]");
const words = document.getElementById("test-words").content;
const token = document.querySelector('meta[name="csrf-token"]').content;
const say = (name) => words.querySelector(`[data-${name}]`).textContent;

let talk = [];
let running = null;

ask.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!running && question.value.trim()) run(question.value);
});
question.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  ask.requestSubmit();
});
// the page's own HTML shows them disabled: a question that is sent before anyone listens would be lost
question.disabled = send.disabled = false;
stop.addEventListener("click", () => running?.abort());
test.querySelector('[data-action="clear-test"]').addEventListener("click", () => {
  running?.abort();
  talk = [];
  log.replaceChildren(empty);
  question.focus();
});

function show(role, content) {
  empty.remove();
  const element = clone("test-message");
  element.dataset.role = role;
  element.querySelector(".test__who").textContent = say(role === "user" ? "you" : "model");
  const text = element.querySelector(".test__text");
  text.dataset.plain = "";
  text.textContent = content;
  log.append(element);
  log.scrollTop = log.scrollHeight;
  return element;
}

async function run(asked) {
  question.value = "";
  show("user", asked);
  const talkNow = [...talk, { role: "user", content: asked }];
  talk = talkNow;
  const answer = show("assistant", "");
  running = new AbortController();
  send.hidden = true;
  stop.hidden = false;
  let spoken = "";
  try {
    const reply = await fetch(test.dataset.address, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": token },
      body: JSON.stringify({
        text: field.value,
        talk: talkNow,
        assistant_id: test.querySelector("[data-profile]")?.value || null,
      }),
      signal: running.signal,
      redirect: "error",
    });
    if (!reply.ok) throw new Refused((await reply.json()).message);
    for await (const line of lines(reply.body)) spoken = take(line, answer, spoken);
  } catch (failure) {
    if (failure.name === "AbortError") figures(answer, [say("stopped")]);
    else fail(answer, failure instanceof Refused ? failure.message : "");
  } finally {
    // what was refused or failed is no part of the talk; what was stopped is
    if (talk === talkNow) talk = spoken ? [...talkNow, { role: "assistant", content: spoken }] : talkNow.slice(0, -1);
    running = null;
    send.hidden = false;
    stop.hidden = true;
    question.focus();
  }
}

class Refused extends Error {}

function take(line, answer, spoken) {
  const text = answer.querySelector(".test__text");
  if (line.type === "delta") {
    spoken += line.text;
    text.textContent = spoken;
    figures(answer, []);
  } else if (line.type === "queued") {
    figures(answer, [say("queued"), line.position]);
  } else if (line.type === "done") {
    delete text.dataset.plain;
    text.replaceChildren(fragment(line.html));
    const tokens = `${line.prompt_tokens} + ${line.completion_tokens} ${say("tokens")}`;
    figures(answer, [line.model, tokens, `${line.total_s} s`, line.is_cut ? say("cut") : ""]);
  } else if (line.type === "error") {
    fail(answer, line.message);
  }
  log.scrollTop = log.scrollHeight;
  return spoken;
}

function figures(answer, parts) {
  answer.querySelector(".test__figures").textContent = parts.filter(Boolean).join(" · ");
}

function fail(answer, message) {
  const text = answer.querySelector(".test__text");
  if (!text.textContent) text.dataset.failed = "";
  if (message) text.textContent ? toast(message) : (text.textContent = message);
  else answer.remove();
}

/** The lines of JSON of a body, as they arrive. */
async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) if (part) yield JSON.parse(part);
  }
}
