// The chat page: puts its parts together.

import { Announcer } from "./announce.js";
import { copy } from "./code_copy.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { Drafts } from "./drafts.js";
import { Outbox } from "./outbox.js";
import { data, text } from "./page_data.js";
import { Follower } from "./scroll.js";
import { closeDrawer } from "./shell.js";
import { Sidebar } from "./sidebar.js";
import { Socket } from "./socket.js";
import { toast } from "./toast.js";
import { Welcome } from "./welcome.js";

const find = (name) => document.querySelector(`[data-${name}]`);
const chat = find("chat");
const title = find("conversation-title");
const connection = find("connection");
const OFFLINE_SHOWN_AFTER_MS = 700;

const socket = new Socket("/ws/chat/");
const send = (frame) => socket.send(frame);
const follower = new Follower(find("log"), document.querySelector('[data-action="jump"]'));
const announcer = new Announcer(find("announcer"));
const conversation = new Conversation({ column: find("column"), older: find("older"), send, follower, announcer });
const composer = new Composer(find("composer"), {
  mostChars: data.max_message_chars,
  drafts: new Drafts(data.person_id),
});
const sidebar = new Sidebar(find("conversations"));
const outbox = new Outbox(send);
const welcome = new Welcome({
  element: find("welcome"),
  select: find("assistant"),
  name: find("assistant-name"),
  gone: find("assistant-gone"),
  assistants: data.assistants,
  onStarter: (words) => say(words),
});
let assistantId = data.snapshot?.conversation?.assistant_id ?? null;

// ------------------------------------------------------------------ what the server says

const FRAMES = {
  snapshot(frame) {
    if (frame.conversation) describe(frame.conversation);
    conversation.snapshot(frame);
  },
  older: (frame) => conversation.older(frame),
  accepted(frame) {
    const wasNew = conversation.id === null && conversation.awaits(frame);
    const wasOurs = outbox.settle(frame.client_id) !== undefined;
    conversation.accepted(frame);
    if (frame.conversation.id !== conversation.id) return;
    if (wasNew) {
      history.replaceState(null, "", `/c/${conversation.id}/`);
      composer.rename(conversation.id);
    } else if (wasOurs) {
      composer.confirm();
    }
    describe(frame.conversation);
    sidebar.put(frame.conversation, true);
  },
  delta: (frame) => conversation.delta(frame),
  turn: (frame) => conversation.turn(frame),
  finished: (frame) => conversation.finished(frame),
  conversation(frame) {
    const isCurrent = frame.conversation.id === conversation.id;
    sidebar.put(frame.conversation, isCurrent);
    if (isCurrent) describe(frame.conversation);
  },
  removed(frame) {
    sidebar.remove(frame.conversation_id);
    if (frame.conversation_id !== conversation.id) return;
    toast(text("removed_elsewhere"));
    go(null, { replace: true });
  },
  error(frame) {
    const refused = outbox.settle(frame.client_id);
    if (refused?.type === "send") {
      conversation.dropPending(frame.client_id);
      composer.fail(frame.message, refused.text);
    } else {
      toast(frame.message);
      showState();
    }
    if (frame.code === "conversation_not_found") go(null, { replace: true });
  },
};

socket.addEventListener("frame", ({ detail }) => FRAMES[detail.type]?.(detail));

let offlineTimer = 0;
socket.addEventListener("open", ({ detail }) => {
  clearTimeout(offlineTimer);
  if (!connection.hidden) announcer.say(text("back_online"));
  showConnection(detail.version === data.protocol ? null : text("too_old"));
  conversation.resume();
  outbox.sendAgain();
});
socket.addEventListener("offline", () => {
  clearTimeout(offlineTimer);
  // most interruptions are over before anybody would want to know
  offlineTimer = setTimeout(() => showConnection(text("offline")), OFFLINE_SHOWN_AFTER_MS);
});
socket.addEventListener("signedout", () => {
  showConnection(text("signed_out"));
  location.assign("/sign-in/");
});

function showConnection(words) {
  connection.hidden = words === null;
  connection.querySelector("[data-text]").textContent = words ?? "";
}

// ------------------------------------------------------------------ what the person does

function say(words) {
  const frame = { type: "send", client_id: crypto.randomUUID?.() ?? randomId(), conversation_id: conversation.id, text: words };
  if (conversation.id === null) frame.assistant_id = welcome.assistantId;
  composer.clear();
  conversation.addPending(frame.client_id, words);
  outbox.post(frame);
  announcer.begin();
  composer.focus();
}

composer.addEventListener("send", ({ detail }) => say(detail));
composer.addEventListener("stop", () => {
  const turn = conversation.runningTurn;
  if (turn) send({ type: "stop", turn_id: turn.id });
});
conversation.addEventListener("retry", ({ detail }) => needsConnection({ type: "retry", turn_id: detail }));
conversation.addEventListener("regenerate", ({ detail }) => {
  if (conversation.runningTurn) return;
  needsConnection({ type: "regenerate", client_id: crypto.randomUUID?.() ?? randomId(), turn_id: detail });
});
conversation.addEventListener("accepted", ({ detail }) => outbox.settle(detail) && composer.confirm());
conversation.addEventListener("state", showState);

function needsConnection(frame) {
  if (!send(frame)) toast(text("offline"));
}

function showState() {
  const empty = conversation.id === null && conversation.isEmpty;
  chat.toggleAttribute("data-empty", empty);
  welcome.show(empty, assistantId);
  const running = conversation.runningTurn;
  composer.setState({ busy: Boolean(running) || conversation.isWaiting, canStop: Boolean(running) });
}

find("log").addEventListener("click", ({ target }) => {
  const button = target.closest('[data-action="copy-code"]');
  if (button) copy(button.closest(".code").querySelector("code").textContent, button);
});

// ------------------------------------------------------------------ which conversation

function go(id, { replace = false, remember = true } = {}) {
  if (remember) history[replace ? "replaceState" : "pushState"](null, "", id ? `/c/${id}/` : "/");
  assistantId = null;
  describe(id ? { title: sidebar.titleOf(id) } : null);
  sidebar.mark(id);
  composer.open(id);
  conversation.open(id);
  closeDrawer();
  composer.focus();
}

function describe(view) {
  title.textContent = view?.title ?? "";
  document.title = `${view?.title || text("new_chat")} · Chatplatform`;
  if (view?.assistant_id) assistantId = view.assistant_id;
}

const idOf = (path) => /^\/c\/([0-9a-f-]{36})\/$/.exec(path)?.[1] ?? null;

sidebar.addEventListener("choose", ({ detail }) => (detail === conversation.id ? closeDrawer() : go(detail)));
sidebar.addEventListener("renamed", ({ detail }) => detail.id === conversation.id && describe(detail));
sidebar.addEventListener("deleted", ({ detail }) => detail === conversation.id && go(null, { replace: true }));
addEventListener("popstate", () => go(idOf(location.pathname), { remember: false }));
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[data-action="new-chat"], a.brand');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go(null);
});

/** `crypto.randomUUID` exists on secure pages only. */
function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

// The page came with its messages, so they are here before the socket is.
conversation.id = idOf(location.pathname);
composer.open(conversation.id);
if (data.snapshot) FRAMES.snapshot(data.snapshot);
else showState();
follower.toEnd();
if (!matchMedia("(hover: none)").matches) composer.focus();
document.documentElement.dataset.ready = "";
