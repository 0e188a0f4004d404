// Putting conversations in order: moved, tagged, pinned, archived, deleted, one or many at once; folders and tags.
// Loaded when one of these is asked for.

import { pageActions } from "./actions.js";
import { clone } from "./html.js";
import { openMenu } from "./menu.js";
import { text } from "./page_data.js";
import { postFields, RequestFailed, submitForm } from "./requests.js";
import { toast } from "./toast.js";

const UNDONE_BY = { archive: "restore", restore: "archive", pin: "unpin", unpin: "pin", tag: "untag", untag: "tag" };

export function openConversationMenu(sidebar, button, item) {
  const menu = document.getElementById("conversation-menu");
  menu.dataset.conversationId = item.dataset.conversationId;
  for (const entry of menu.querySelectorAll("[data-if]")) entry.hidden = !(entry.dataset.if in item.dataset);
  for (const entry of menu.querySelectorAll("[data-unless]")) entry.hidden = entry.dataset.unless in item.dataset;
  openMenu(menu, button, (action) => perform(sidebar, action, item));
}

/** Do what was chosen in the menu of a conversation, whose place in the list is `item`. */
function perform(sidebar, action, item) {
  const ids = [item.dataset.conversationId];
  if (action === "rename" || action === "delete") askOne(sidebar, action, item);
  else if (action in UNDONE_BY) put(sidebar, action, ids);
  else if (action === "move") askMove(sidebar, ids);
  else if (action === "edit-tags") askTags(sidebar, ids);
  else if (action === "select") select(sidebar, ids[0]);
}

/** One act on all of them, with a way back; what fails is said and changes nothing. */
export async function put(sidebar, act, ids, more = {}, { quiet = false } = {}) {
  let changed;
  try {
    changed = await send(act, ids, more);
  } catch (failure) {
    if (!(failure instanceof RequestFailed)) throw failure;
    toast(failure.message);
    return;
  }
  show(sidebar, act, changed);
  if (!quiet) toast(changed.message, undoing(sidebar, act, changed, more));
}

const send = (act, ids, more) =>
  postFields(
    "/c/organise/",
    [["act", act], ...ids.map((id) => ["id", id]), ...Object.entries(more).map(([name, value]) => [name, value ?? ""])],
    text("not_saved"),
  );

/** The server tells every tab soon; here it is seen at once. */
function show(sidebar, act, { ids }) {
  const { folder, tag, archived } = sidebar.shelf;
  if (act === "delete") {
    forget(sidebar, ids);
    for (const id of ids) {
      sidebar.remove(id);
      sidebar.dispatchEvent(new CustomEvent("deleted", { detail: id }));
    }
  } else if (act === "archive" || act === "restore" || (act === "move" && !tag && !archived)) forget(sidebar, ids);
  else if (act === "pin" && !folder && !tag && !archived) forget(sidebar, ids);
  else sidebar.refreshSoon();
}

/** Take conversations out of what is listed, and keep the focus in the list. */
function forget(sidebar, ids) {
  const gone = new Set(ids);
  const items = [...sidebar.frame.querySelectorAll("[data-conversation-id]")];
  const first = items.findIndex((item) => gone.has(item.dataset.conversationId));
  const stays = (item) => !gone.has(item.dataset.conversationId);
  const next = items.slice(first).find(stays) ?? items.slice(0, Math.max(first, 0)).findLast(stays);
  sidebar.drop(ids);
  setTimeout(() => {
    if (document.activeElement === document.body)
      (next?.querySelector("a") ?? sidebar.frame.querySelector("[data-overview] button")).focus();
  });
}

let isLet = false;

/** Let conversations be dropped onto folders; `dragged` is the type of what is dragged. */
export function letDrop(sidebar, overview, dragged) {
  if (isLet) return;
  isLet = true;
  const target = (event) => event.dataTransfer.types.includes(dragged) && event.target.closest?.(".place[data-folder-id]");
  for (const name of ["dragover", "dragleave", "drop"])
    overview.addEventListener(name, (event) => {
      const place = target(event);
      if (!place) return;
      event.preventDefault();
      place.toggleAttribute("data-dropping", name === "dragover");
      if (name === "drop")
        put(sidebar, "move", [event.dataTransfer.getData(dragged)], { folder_id: place.dataset.folderId });
    });
}

function undoing(sidebar, act, { ids, folders }, more) {
  if (act === "delete" || !ids.length) return undefined;
  const run = async () => {
    if (act !== "move") return put(sidebar, UNDONE_BY[act], ids, more, { quiet: true });
    const back = new Map();
    for (const id of ids) back.set(folders[id], [...(back.get(folders[id]) ?? []), id]);
    for (const [folder, held] of back) await put(sidebar, "move", held, { folder_id: folder }, { quiet: true });
  };
  return { label: text("undo"), run };
}

// ---------------------------------------------------------------- dialogs

/** Rename a conversation, or delete it. */
function askOne(sidebar, action, item) {
  const dialog = document.getElementById(`${action}-dialog`);
  const title = item.querySelector("a").textContent;
  const form = dialog.querySelector("form");
  form.action = `/c/${item.dataset.conversationId}/${action}/`;
  form.dataset.conversationId = item.dataset.conversationId;
  form.querySelector("[data-error]").hidden = true;
  form.onsubmit = (event) => {
    event.preventDefault();
    submit(sidebar, form, action);
  };
  if (action === "rename") form.elements.title.value = title;
  else dialog.querySelector("[data-title]").textContent = title;
  dialog.showModal();
  form.elements.title?.select();
}

async function submit(sidebar, form, name) {
  const id = form.dataset.conversationId;
  try {
    const answer = await submitForm(form, text("not_saved"));
    form.closest("dialog").close();
    if (name === "rename") {
      for (const item of sidebar.itemsOf(id)) item.querySelector("a").textContent = answer.title;
      sidebar.dispatchEvent(new CustomEvent("renamed", { detail: { id, title: answer.title } }));
      toast(text("renamed"));
    } else {
      forget(sidebar, [id]);
      sidebar.remove(id);
      sidebar.dispatchEvent(new CustomEvent("deleted", { detail: id }));
      toast(text("deleted"));
    }
  } catch (failure) {
    if (!(failure instanceof RequestFailed)) throw failure;
    const error = form.querySelector("[data-error]");
    error.textContent = failure.message;
    error.hidden = false;
  }
}

/** Show a dialog whose form is handled by `submit`; a refusal is said in it and it stays open. */
function ask(sidebar, id, submit, opener = document.activeElement) {
  const dialog = document.getElementById(id);
  // a quick hand opens it again before it is told that it was closed
  dialog.onclose = () => dialog.open || sidebar.takeFocusBack(opener);
  const form = dialog.querySelector("form");
  const error = form.querySelector("[data-error]");
  error.hidden = true;
  form.onsubmit = async (event) => {
    event.preventDefault();
    const button = form.querySelector('[type="submit"]');
    button.disabled = true;
    try {
      await submit(form);
      dialog.close();
    } catch (failure) {
      if (!(failure instanceof RequestFailed)) throw failure;
      error.textContent = failure.message;
      error.hidden = false;
    } finally {
      button.disabled = false;
    }
  };
  if (!dialog.open) dialog.showModal();
  return form;
}

const post = (address, fields) => postFields(address, Object.entries(fields), text("not_saved"));

/** Make a folder. The dialog is open already, with what was typed into it since `opener` was pressed. */
export function askNewFolder(sidebar, opener) {
  if (document.getElementById("folder-dialog").open) askFolder(sidebar, null, opener);
}

async function changeFolder(sidebar, id) {
  const answer = await fetch(`/folders/${id}/`, { headers: { accept: "application/json" } }).catch(() => null);
  if (!answer?.ok) return toast(text("not_loaded"));
  const known = await answer.json();
  const form = askFolder(sidebar, id);
  form.closest("dialog").querySelector("[data-title]").textContent = text("change_folder");
  const { elements } = form;
  elements.name.value = known.name;
  elements.instructions.value = known.instructions;
  elements.name.select();
}

function askFolder(sidebar, id, opener) {
  const made = async ({ elements }) => {
    const fields = { name: elements.name.value, instructions: elements.instructions.value };
    const { name } = await post(id ? `/folders/${id}/` : "/folders/", fields);
    if (sidebar.shelf.folder === id && id) sidebar.show({ folder: id, name });
    await sidebar.refresh();
    toast(text("saved"));
  };
  return ask(sidebar, "folder-dialog", made, opener);
}

function sure(sidebar, title, words, act) {
  const form = ask(sidebar, "sure-dialog", act);
  const dialog = form.closest("dialog");
  dialog.querySelector("[data-title]").textContent = title;
  dialog.querySelector("[data-text]").textContent = words;
}

export function openFolderMenu(sidebar, button, id) {
  openMenu(document.getElementById("folder-menu"), button, (action) => {
    const { name } = sidebar.folders().find((folder) => folder.id === id) ?? { name: "" };
    if (action === "change-folder") changeFolder(sidebar, id);
    else if (action === "delete-folder")
      sure(sidebar, text("delete_folder", { name }), text("delete_folder_text"), async () => {
        await post(`/folders/${id}/delete/`, {});
        await sidebar.show({});
        await sidebar.refresh();
        toast(text("deleted"));
      });
  });
}

export function openShelfMenu(sidebar, button) {
  const { folder, tag, name } = sidebar.shelf;
  if (folder) return openFolderMenu(sidebar, button, folder);
  openMenu(document.getElementById("tag-menu"), button, (action) => {
    if (action === "change-tag") {
      const form = ask(sidebar, "tag-dialog", async ({ elements }) => {
        const renamed = await post(`/tags/${tag}/`, { name: elements.name.value });
        sidebar.show({ tag, name: renamed.name });
        await sidebar.refresh();
      });
      form.elements.name.value = name;
      form.elements.name.select();
    } else if (action === "delete-tag") {
      sure(sidebar, text("delete_tag", { name }), text("delete_tag_text"), async () => {
        await post(`/tags/${tag}/delete/`, {});
        await sidebar.show({});
        await sidebar.refresh();
        toast(text("deleted"));
      });
    }
  });
}

function line(list, { type, value, name, label, checked }) {
  const element = clone("choice-line");
  const input = element.querySelector("input");
  Object.assign(input, { type, value, name, checked });
  element.querySelector("span").textContent = label;
  list.append(element);
  return input;
}

function askMove(sidebar, ids) {
  const form = ask(sidebar, "move-dialog", async ({ elements }) => {
    let folder = elements.folder.value;
    if (elements.new.value.trim()) folder = (await post("/folders/", { name: elements.new.value })).id;
    await put(sidebar, "move", ids, { folder_id: folder });
    endSelection();
  });
  const list = form.querySelector("[data-choices]");
  const now = ids.length === 1 ? (sidebar.itemsOf(ids[0])[0]?.dataset.folderId ?? "") : "";
  list.replaceChildren();
  for (const { id, name } of [{ id: "", name: text("no_folder") }, ...sidebar.folders()])
    line(list, { type: "radio", name: "folder", value: id, label: name, checked: id === now });
  form.elements.new.value = "";
  list.querySelector("input:checked").focus();
}

function askTags(sidebar, ids) {
  const marks = ids.map((id) => (sidebar.itemsOf(id)[0]?.dataset.tagIds ?? "").split(" "));
  const form = ask(sidebar, "tags-dialog", async ({ elements }) => {
    for (const input of form.querySelectorAll("[data-choices] input")) {
      if (input.indeterminate || input.checked === input.defaultChecked) continue;
      await put(sidebar, input.checked ? "tag" : "untag", ids, { tag_id: input.value }, { quiet: true });
    }
    if (elements.new.value.trim()) {
      const tag = await post("/tags/", { name: elements.new.value });
      await put(sidebar, "tag", ids, { tag_id: tag.id }, { quiet: true });
    }
    toast(text("saved"));
    endSelection();
  });
  const list = form.querySelector("[data-choices]");
  list.replaceChildren();
  for (const { id, name } of sidebar.tags()) {
    const having = marks.filter((tags) => tags.includes(id)).length;
    const input = line(list, { type: "checkbox", name: "tag", value: id, label: name, checked: having === ids.length });
    input.defaultChecked = input.checked;
    input.indeterminate = having > 0 && having < ids.length;
  }
  form.elements.new.value = "";
  (list.querySelector("input") ?? form.elements.new).focus();
}

// ---------------------------------------------------------------- several at once

let endSelection = () => {};

/** Let several conversations be chosen, this one first. */
function select(sidebar, firstId) {
  endSelection();
  const { frame } = sidebar;
  const bar = clone("selection-bar");
  const chosen = new Set();
  let last = null;
  frame.dataset.selecting = "";
  frame.after(bar);

  const boxes = () => [...frame.querySelectorAll(".conversation__check")];
  const box = (item) => {
    if (item.querySelector(".conversation__check")) return;
    const input = document.createElement("input");
    input.type = "checkbox";
    input.className = "conversation__check";
    input.checked = chosen.has(item.dataset.conversationId);
    input.setAttribute("aria-label", item.querySelector("a").textContent);
    item.prepend(input);
  };
  const dress = () => {
    for (const item of frame.querySelectorAll("[data-conversation-id]")) box(item);
  };
  const count = () => {
    bar.querySelector("[data-count]").textContent = text("n_selected", { n: chosen.size });
    for (const button of bar.querySelectorAll("button:not([data-action='end-selection'])")) button.disabled = !chosen.size;
  };
  const set = (input, checked) => {
    input.checked = checked;
    const { conversationId: id } = input.closest("[data-conversation-id]").dataset;
    checked ? chosen.add(id) : chosen.delete(id);
  };
  const click = (event) => {
    const item = event.target.closest("[data-conversation-id]");
    if (!item || event.target.closest("button")) return;
    const input = item.querySelector(".conversation__check");
    if (event.target !== input) {
      event.preventDefault();
      event.stopPropagation();
      input.checked = !input.checked;
    }
    const all = boxes();
    if (event.shiftKey && last && all.includes(last)) {
      const [from, to] = [all.indexOf(last), all.indexOf(input)].sort((one, other) => one - other);
      for (const each of all.slice(from, to + 1)) set(each, input.checked);
    }
    set(input, input.checked);
    last = input;
    count();
  };
  const leave = (event) => {
    if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
    event.stopPropagation();
    endSelection();
  };
  const dressing = new MutationObserver(dress);
  dressing.observe(frame, { childList: true, subtree: true });
  frame.addEventListener("click", click, true);
  sidebar.frame.parentElement.addEventListener("keydown", leave);
  endSelection = () => {
    endSelection = () => {};
    dressing.disconnect();
    frame.removeEventListener("click", click, true);
    sidebar.frame.parentElement.removeEventListener("keydown", leave);
    delete frame.dataset.selecting;
    const had = bar.contains(document.activeElement) || frame.contains(document.activeElement);
    for (const input of boxes()) input.remove();
    bar.remove();
    if (!had) return;
    sidebar.itemsOf(firstId)[0]?.querySelector("a").focus();
    sidebar.takeFocusBack(bar);
  };

  const ids = () => [...chosen];
  pageActions.set("end-selection", () => endSelection());
  pageActions.set("archive-selected", async () => {
    await put(sidebar, sidebar.shelf.archived ? "restore" : "archive", ids());
    endSelection();
  });
  pageActions.set("move-selected", () => askMove(sidebar, ids()));
  pageActions.set("tag-selected", () => askTags(sidebar, ids()));
  pageActions.set("export-selected", async () => (await import("./share.js")).openExport(ids()));
  pageActions.set("delete-selected", () =>
    sure(sidebar, text("delete_several", { n: chosen.size }), text("delete_several_text"), async () => {
      const gone = await send("delete", ids(), {});
      show(sidebar, "delete", gone);
      toast(gone.message);
      endSelection();
    }),
  );
  dress();
  const first = sidebar.itemsOf(firstId)[0]?.querySelector(".conversation__check");
  if (first) {
    set(first, true);
    last = first;
    setTimeout(() => first.focus());
  }
  count();
}
