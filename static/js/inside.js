// The drawer on an answer: fetched when it is opened, kept up to date while the answer runs, and the replay in it.

import { clone, fragment } from "./html.js";
import { fetchPart, RequestFailed } from "./requests.js";
import { text } from "./page_data.js";

const EVERY_MS = 1200;
const drawer = document.getElementById("inside");
const body = drawer.querySelector("[data-inside-body]");
const narrow = matchMedia("(max-width: 48rem)");
const token = document.querySelector("[name=csrfmiddlewaretoken]").value;

let opener = null;
let article = null;
let turnId = null;
let request = "";
let timer = 0;
let asked = 0; // so that an answer to an earlier question is not shown
let replaying = null;

/** Open the drawer on `message`; focus comes back to `button` when it is closed. */
export function openInside(message, button) {
  if (!message?.turn) return;
  opener = button;
  article = message.element;
  turnId = message.turn.id;
  request = "";
  replaying?.abort();
  body.replaceChildren();
  drawer.hidden = false;
  document.getElementById("main").inert = narrow.matches;
  document.getElementById("inside-title").focus();
  load();
}

export function closeInside() {
  if (drawer.hidden) return;
  clearTimeout(timer);
  asked += 1;
  replaying?.abort();
  drawer.hidden = true;
  document.getElementById("main").inert = false;
  (opener?.isConnected ? opener : document.getElementById("message")).focus();
}

async function load() {
  clearTimeout(timer);
  const mine = ++asked;
  try {
    const query = request ? `?request=${request}` : "";
    const html = await fetchPart(`/t/${turnId}/inside/${query}`, text("not_loaded"));
    if (mine !== asked) return;
    show(fragment(html).querySelector("[data-inside]"));
  } catch (error) {
    if (!(error instanceof RequestFailed)) throw error;
    if (mine !== asked) return;
    const failure = clone("inside-failure");
    failure.querySelector("[data-text]").textContent = error.message;
    if (!body.querySelector("[data-inside]")) body.replaceChildren(failure);
    timer = setTimeout(load, EVERY_MS * 5);
  }
}

/** Put in what came; while an answer runs, only what differs, so that nothing moves under the reader. */
function show(fresh) {
  const shown = body.querySelector("[data-inside]");
  if (shown?.dataset.inside === fresh.dataset.inside && shown.dataset.request === fresh.dataset.request) {
    for (const section of fresh.querySelectorAll("[data-section]")) {
      const old = shown.querySelector(`[data-section="${section.dataset.section}"]`);
      if (!old || (!old.isEqualNode(section) && !old.contains(document.activeElement))) {
        if (old) old.replaceWith(section);
        else shown.append(section);
      }
    }
    const replay = fresh.querySelector("[data-replay]");
    if (replay && !shown.querySelector("[data-replay]")) shown.append(replay);
    shown.toggleAttribute("data-runs", "runs" in fresh.dataset);
  } else {
    body.replaceChildren(fresh);
  }
  if ("runs" in fresh.dataset) timer = setTimeout(load, EVERY_MS);
}

body.addEventListener(
  "toggle",
  async ({ target }) => {
    if (!target.open || !target.dataset.load || target.dataset.done) return;
    target.dataset.done = "";
    const place = target.querySelector("[data-loaded]");
    try {
      place.replaceChildren(fragment(await fetchPart(target.dataset.load, text("not_loaded"))));
    } catch (error) {
      delete target.dataset.done;
      place.textContent = error.message;
    }
  },
  true,
);

const ACTIONS = {
  "close-inside": closeInside,
  "retry-inside": load,
  "inside-request": (button) => {
    request = button.dataset.number;
    load();
  },
  "inside-replay": () => replay(body.querySelector("[data-replay]")),
  "inside-replay-stop": () => replaying?.abort(),
};

drawer.addEventListener("click", (event) => {
  const button = event.target.closest("[data-action]");
  ACTIONS[button?.dataset.action]?.(button);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || drawer.hidden || event.defaultPrevented) return;
  if (document.querySelector(":popover-open, dialog[open]")) return;
  closeInside();
});

// another conversation is shown: this answer is not on the page any more
new MutationObserver(() => {
  if (!drawer.hidden && article && !article.isConnected) closeInside();
}).observe(document.querySelector("[data-column]"), { childList: true, subtree: true });
narrow.addEventListener("change", () => {
  document.getElementById("main").inert = narrow.matches && !drawer.hidden;
});

// ------------------------------------------------------------------ asking the same again

async function replay(section) {
  if (replaying) return;
  const find = (name) => section.querySelector(`[data-${name}]`);
  const button = section.querySelector('[data-action="inside-replay"]');
  const state = find("replay-state");
  replaying = new AbortController();
  button.disabled = true;
  find("replay-stop").hidden = false;
  find("replay-done").replaceChildren();
  find("after").textContent = "";
  state.textContent = text("replay_waiting");
  const lines = {
    before(line) {
      find("before").textContent = line.text;
      find("replay-both").hidden = false;
    },
    queued: (line) => (state.textContent = text("queued", { n: line.position - 1 })),
    started: () => (state.textContent = text("replay_running")),
    delta: (line) => find("after").append(line.text),
    done(line) {
      state.textContent = "";
      find("replay-done").replaceChildren(fragment(line.html));
    },
    error: (line) => (state.textContent = line.message),
  };
  try {
    const answer = await fetch(section.dataset.replay, {
      method: "POST",
      headers: { "X-CSRFToken": token, accept: "application/json" },
      signal: replaying.signal,
      redirect: "error",
    });
    if (!answer.ok) {
      const said = await answer.json().catch(() => null);
      state.textContent = said?.message ?? text("not_loaded");
      return;
    }
    for await (const line of linesOf(answer.body)) lines[line.type]?.(line);
  } catch (error) {
    state.textContent = error.name === "AbortError" ? text("replay_stopped") : text("not_loaded");
  } finally {
    replaying = null;
    button.disabled = false;
    find("replay-stop").hidden = true;
  }
}

async function* linesOf(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) if (part) yield JSON.parse(part);
  }
}
