// The chat page: puts its parts together.

import { messageActions, messageConditions, pageActions } from "./actions.js";
import { Announcer } from "./announce.js";
import { FileDoors } from "./attach_entry.js";
import "./away.js";
import { copy } from "./code_copy.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { makeHandy } from "./craft.js";
import { Drafts } from "./drafts.js";
import { openEarly } from "./early.js";
import { offerInside } from "./inside_entry.js";
import { Outbox } from "./outbox.js";
import { Queue } from "./queue.js";
import { openMenu } from "./menu.js";
import { data, text } from "./page_data.js";
import { Follower } from "./scroll.js";
import { closeDrawer } from "./shell.js";
import { Sidebar } from "./sidebar.js";
import { Socket } from "./socket.js";
import { Temporary } from "./temporary.js";
import { toast } from "./toast.js";
import { growTree } from "./tree.js";
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
const drafts = new Drafts(data.person_id);
const conversation = new Conversation({
  column: find("column"),
  older: find("older"),
  queue: new Queue(find("queue")),
  hidden: find("hidden-turn"),
  send,
  follower,
  announcer,
});
const temporary = new Temporary({ send, conversation, drafts });
const composer = new Composer(find("composer"), { mostChars: data.max_message_chars, drafts: temporary.drafts });
const files = new FileDoors({ form: find("composer"), drafts, isOff: () => temporary.isOn });
composer.reason = () => files.reason;
const sidebar = new Sidebar(find("conversations"));
const outbox = new Outbox(send, data.person_id);
const welcome = new Welcome({
  element: find("welcome"),
  select: find("assistant"),
  gone: find("assistant-gone"),
  assistants: data.assistants,
  onStarter: (words) => say(words),
  onChoose: (id) => choose({ assistant_id: id }),
});
const tree = growTree({ conversation, composer, drafts, ask: needsConnection, newId });
let current = data.snapshot?.conversation ?? null;
const handy = makeHandy({ conversation, composer, announcer, log: find("log"), list: find("conversations"), go: (id) => go(id) });

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
    files.settle(frame.client_id);
    tree.settle(frame);
    conversation.accepted(frame);
    if (frame.conversation.id !== conversation.id) return;
    if (wasNew) {
      history.replaceState(null, "", `/c/${conversation.id}/`);
      composer.rename(conversation.id);
      files.rename(conversation.id);
    } else if (wasOurs) {
      composer.confirm();
    }
    describe(frame.conversation);
    if (!frame.conversation.temporary) sidebar.put(frame.conversation, true);
  },
  kept(frame) {
    if (frame.conversation_id !== conversation.id) return;
    history.replaceState(null, "", `/c/${frame.kept_id}/`);
    conversation.id = frame.kept_id;
    composer.rename(frame.kept_id);
    conversation.resume();
    showState();
    toast(text("temporary_kept"));
    temporary.kept();
  },
  queued(frame) {
    files.settle(frame.client_id);
    if (outbox.settle(frame.client_id)) composer.confirm();
    conversation.queued(frame);
  },
  taken_back(frame) {
    if (frame.conversation_id !== conversation.id) return;
    conversation.queue.drop((view) => view.id === frame.queued_id);
    composer.fail(null, frame.text);
    files.putBack(null, frame.attachments);
    composer.focus();
  },
  message(frame) {
    conversation.message(frame);
    tree.changed(frame.message);
  },
  forked(frame) {
    sidebar.put(frame.conversation, false);
    go(frame.conversation.id);
    toast(text("forked"));
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
    toast(text(temporary.isOn ? "temporary_closed" : "removed_elsewhere"));
    go(null, { replace: true });
  },
  error(frame) {
    if (temporary.isAway(frame)) {
      socket.again(); // another server process may have it
      return;
    }
    const refused = outbox.settle(frame.client_id);
    if (tree.settle(frame)) return;
    if (refused?.type === "send") {
      conversation.dropPending(frame.client_id);
      composer.fail(frame.message, refused.text);
      files.putBack(frame.client_id);
    } else {
      toast(frame.message);
      showState();
    }
    if (frame.code === "conversation_not_found") go(null, { replace: true });
    if (temporary.isGone(frame) && !temporary.lose()) go(null, { replace: true });
  },
};

socket.addEventListener("frame", ({ detail }) => {
  FRAMES[detail.type]?.(detail);
  handy.frame[detail.type]?.(detail);
});

let offlineTimer = 0;
socket.addEventListener("open", ({ detail }) => {
  clearTimeout(offlineTimer);
  if (!connection.hidden) announcer.say(text("back_online"));
  showConnection(detail.version === data.protocol ? null : text("too_old"));
  if (!temporary.isLost) conversation.resume();
  outbox.sendAgain();
});
socket.addEventListener("offline", () => {
  clearTimeout(offlineTimer);
  // most interruptions are over before anybody would want to know
  offlineTimer = setTimeout(() => showConnection(text("offline")), OFFLINE_SHOWN_AFTER_MS);
});
socket.addEventListener("signedout", () => {
  showConnection(text("signed_out"));
  temporary.over();
  location.assign("/sign-in/");
});

function showConnection(words) {
  connection.hidden = words === null;
  connection.querySelector("[data-text]").textContent = words ?? "";
}

// a part that is loaded when it is wanted could not be loaded: nothing happened, and one can press again
addEventListener("unhandledrejection", (event) => {
  if (!(event.reason instanceof TypeError && /import/i.test(event.reason.message))) return;
  event.preventDefault();
  toast(text("offline"));
});

// ------------------------------------------------------------------ what the person does

function say(words) {
  const frame = { type: "send", client_id: newId(), conversation_id: conversation.id, text: words, if_busy: "queue" };
  if (conversation.id === null) {
    frame.assistant_id = welcome.assistantId;
    frame.temporary = temporary.isOn;
    if (sidebar.shelf.folder && !temporary.isOn) frame.folder_id = sidebar.shelf.folder;
  }
  const attached = files.take(frame.client_id);
  if (attached.length) frame.attachment_ids = attached.map(({ id }) => id);
  composer.clear();
  conversation.addPending(frame.client_id, words, attached);
  if (outbox.post(frame, { keeps: !temporary.isOn })) composer.confirm();
  announcer.begin();
  composer.focus();
}

composer.addEventListener("send", ({ detail }) => say(detail));
composer.addEventListener("stop", () => {
  const turn = conversation.runningTurn;
  if (turn) send({ type: "stop", turn_id: turn.id });
});
conversation.addEventListener("retry", ({ detail }) => needsConnection({ type: "retry", turn_id: detail }));
messageActions.set("copy", (message, _element, button) => copy(message.view.text, button));
messageActions.set("menu", (message, element, button) => {
  const menu = document.getElementById("message-menu");
  for (const item of menu.querySelectorAll("[data-message-action]"))
    item.hidden =
      (item.dataset.for && item.dataset.for !== message.view.role) ||
      messageConditions.get(item.dataset.messageAction)?.(message.view) === false;
  openMenu(menu, button, (_action, item) => messageActions.get(item.dataset.messageAction)?.(message, element, button));
});
conversation.addEventListener("accepted", ({ detail }) => outbox.settle(detail) && composer.confirm());
conversation.addEventListener("state", showState);
temporary.addEventListener("changed", showState);
offerInside(conversation, { isOff: () => temporary.isOn });

function needsConnection(frame) {
  const isSent = send(frame);
  if (!isSent) toast(text("offline"));
  return isSent;
}

/** Another assistant, or another model, is to answer from now on. */
function choose(wish) {
  const { id, assistant_id, model } = current;
  needsConnection({ type: "choose", conversation_id: id, assistant_id, model, ...wish });
}

function showState() {
  const empty = conversation.id === null && conversation.isEmpty;
  chat.toggleAttribute("data-empty", empty);
  welcome.show(empty, current);
  const running = conversation.runningTurn;
  // what is said while an answer runs waits for it; only a chat that is not one yet has nowhere to wait
  const isBusy = Boolean(running) || conversation.isWaiting;
  const waits = temporary.isOn ? isBusy : conversation.id === null && conversation.isWaiting;
  composer.setState({ busy: waits, canStop: Boolean(running) });
  temporary.show({ isBusy });
  files.showState();
  modelButton.toggleAttribute("data-idle", empty);
}

find("log").addEventListener("click", ({ target }) => {
  const action = target.closest("[data-message-action]");
  const message = action && conversation.messageAt(action);
  if (message) messageActions.get(action.dataset.messageAction)?.(message, message.element, action);
});

// ------------------------------------------------------------------ which conversation

function go(id, { replace = false, remember = true, sure = replace || !remember, place = {} } = {}) {
  if (!sure && temporary.asks(() => go(id, { replace, remember, sure: true, place }))) return;
  temporary.entered(id);
  if (remember) history[replace ? "replaceState" : "pushState"](null, "", id ? `/c/${id}/` : "/");
  current = null;
  describe(id ? { title: sidebar.titleOf(id) } : null);
  sidebar.mark(id);
  composer.open(id);
  files.open(id);
  conversation.open(id, place);
  showUnsent();
  handy.opened(id);
  closeDrawer();
  if (!place.messageId) composer.focus();
}

pageActions.set("search", () => {
  const dialog = document.getElementById("search-dialog");
  const choose = ({ id, ...place }) => {
    if (id !== conversation.id) return go(id, { place });
    closeDrawer();
    if (place.messageId) conversation.seek(place);
  };
  openEarly(dialog, [], async () => (await import("./search.js")).beginSearch(sidebar, choose));
  dialog.querySelector("[name=q]").select();
});

/** What was sent to this conversation, and the server has not said that it has it. */
function showUnsent() {
  for (const { client_id, text } of outbox.of(conversation.id)) conversation.addPending(client_id, text);
}

function describe(view) {
  title.textContent = view?.title ?? "";
  handy.titled(`${view?.title || text("new_chat")} · Chatplatform`);
  if (view?.id) {
    current = { ...current, ...view };
    showState();
  }
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

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-action]");
  if (button) pageActions.get(button.dataset.action)?.(button, event);
});

const modelButton = document.querySelector('[data-action="choose-model"]');
const idle = globalThis.requestIdleCallback ?? ((task) => setTimeout(task, 500));
idle(async () => (await import("./models.js")).offerModels(modelButton, { current: () => current, choose }));

/** `crypto.randomUUID` exists on secure pages only. */
function newId() {
  const digit = (sign) => (sign ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (sign / 4)))).toString(16);
  return crypto.randomUUID?.() ?? "10000000-1000-4000-8000-100000000000".replace(/[018]/g, digit);
}

// The page came with its messages, so they are here before the socket is.
conversation.id = idOf(location.pathname);
composer.open(conversation.id);
files.open(conversation.id);
handy.opened(conversation.id);
showUnsent();
if (data.snapshot) {
  FRAMES.snapshot(data.snapshot);
  handy.frame.snapshot(data.snapshot);
} else showState();
follower.toEnd();
if (!matchMedia("(hover: none)").matches) composer.focus();
document.documentElement.dataset.ready = "";
