// The list of conversations: grouped by day, on shelves (folders, tags, the archive), continued when scrolled.
// What people do to order it is in organise.js, loaded when it is asked for.

import { clone, fragment } from "./html.js";
import { text } from "./page_data.js";
import { openEarly } from "./early.js";
import { fetchPart, RequestFailed } from "./requests.js";
import { toast } from "./toast.js";

const REFRESH_MS = 250;
const DRAGGED = "application/x-conversation";

/** Dispatches `choose` (detail: conversation id), `renamed` ({id, title}) and `deleted` (detail: id). */
export class Sidebar extends EventTarget {
  frame;
  /** What is listed: `{}` the list, `{folder, name}`, `{tag, name}` or `{archived: "1", name}`. */
  shelf = {};
  #list;
  #overview;
  #bar;
  #nothing;
  #openedBy = "";
  #current = null;
  #loading = false;
  #refresh = 0;
  #organising = null;

  constructor(frame) {
    super();
    this.frame = frame;
    this.#list = frame.querySelector("[data-list]");
    this.#overview = frame.querySelector("[data-overview]");
    this.#bar = frame.querySelector("[data-shelf]");
    this.#nothing = frame.querySelector("[data-no-conversations]");
    this.#current = frame.querySelector("[aria-current]")?.closest("[data-conversation-id]")?.dataset.conversationId ?? null;
    frame.addEventListener("click", (event) => this.#click(event));
    frame.addEventListener("scroll", () => this.#more(), { passive: true });
    for (const name of ["pointerenter", "focusin"])
      frame.addEventListener(name, () => this.#loadOrganising().catch(() => {}), { once: true });
    document.addEventListener("click", (event) => {
      if (event.target.closest('[data-action="close-dialog"]')) event.target.closest("dialog").close();
    });
    this.#letDrag();
    this.#group();
    this.#more();
  }

  mark(id) {
    this.#current = id;
    for (const link of this.frame.querySelectorAll("a[aria-current]")) link.removeAttribute("aria-current");
    for (const item of this.itemsOf(id)) item.querySelector("a").setAttribute("aria-current", "page");
  }

  titleOf(id) {
    return this.itemsOf(id)[0]?.querySelector("a").textContent ?? "";
  }

  /** A conversation is new, was renamed, moved up or put in order. */
  put(view, isCurrent) {
    const places = this.itemsOf(view.id);
    const isElsewhere = places.length ? places.some((place) => orderOf(place) !== order(view)) : order(view) !== NOWHERE;
    for (const place of places) fill(place, view);
    let item = this.#item(view.id);
    if (!this.#holds(view)) {
      item?.remove();
      this.#group();
    } else if (!item || item.dataset.updatedAt !== view.updated_at) {
      item ??= fill(clone("conversation-item"), view);
      item.dataset.updatedAt = view.updated_at;
      const later = this.#items().find((other) => other !== item && time(other) <= time(item));
      if (later) later.before(item);
      else if (!item.isConnected) this.#items().at(-1)?.after(item) ?? this.#list.prepend(item);
      if (!item.isConnected) this.#list.prepend(item);
      this.#group();
    }
    if (isCurrent) this.mark(view.id);
    if (isElsewhere) this.refreshSoon();
  }

  remove(id) {
    for (const item of this.itemsOf(id)) item.remove();
    this.#group();
    this.refreshSoon();
  }

  /** Draw pinned conversations, folders and tags again; several wishes are one. */
  refreshSoon() {
    clearTimeout(this.#refresh);
    this.#refresh = setTimeout(() => this.refresh(), REFRESH_MS);
  }

  async refresh() {
    clearTimeout(this.#refresh);
    let part;
    try {
      part = fragment(await fetchPart("/c/overview/"));
    } catch (failure) {
      if (failure instanceof RequestFailed) return; // it shows what was
      throw failure;
    }
    const focused = this.#overview.contains(document.activeElement) && document.activeElement;
    this.#overview.replaceChildren(part);
    if (focused) this.#find(focused)?.focus();
    this.mark(this.#current);
  }

  /** The folders or tags that are there, as `{id, name}`. */
  folders() {
    const places = [...this.#overview.querySelectorAll("[data-folder-id].place")];
    return places.map((place) => ({ id: place.dataset.folderId, name: place.querySelector(".place__name").textContent }));
  }

  tags() {
    return [...this.#overview.querySelectorAll("[data-tag-id]")].map((tag) => ({ id: tag.dataset.tagId, name: tag.textContent }));
  }

  /** In the list and above it. */
  itemsOf(id) {
    return id ? [...this.frame.querySelectorAll(`[data-conversation-id="${CSS.escape(id)}"]`)] : [];
  }

  /** Take conversations out of what is listed. */
  drop(ids) {
    for (const id of ids) this.#item(id)?.remove();
    this.#group();
    this.refreshSoon();
  }

  // ---------------------------------------------------------------- shelves

  /** List something else; `{}` is the list itself. */
  async show(shelf, openedBy = "") {
    this.shelf = shelf;
    const isList = !shelf.name;
    this.#bar.hidden = isList;
    this.#overview.hidden = !isList;
    this.#bar.querySelector("[data-shelf-name]").textContent = shelf.name ?? "";
    this.#bar.querySelector('[data-action="shelf-menu"]').hidden = !(shelf.folder || shelf.tag);
    this.#nothing.textContent = text(isList ? "no_conversations" : "empty_shelf");
    const more = document.createElement("li");
    more.dataset.more = "";
    this.#list.replaceChildren(more);
    this.#nothing.hidden = true;
    if (isList) this.#overview.querySelector(this.#openedBy || "button")?.focus();
    else this.#bar.querySelector("[data-shelf-name]").focus();
    this.#openedBy = openedBy;
    this.frame.scrollTop = 0;
    this.#loading = false;
    await this.#more();
    this.mark(this.#current);
  }

  #holds(view) {
    const { folder, tag, archived } = this.shelf;
    if (archived) return view.archived;
    if (view.archived) return false;
    if (folder) return view.folder_id === folder;
    if (tag) return view.tag_ids.includes(tag);
    return !view.folder_id && !view.pinned;
  }

  #item(id) {
    return id ? this.#list.querySelector(`[data-conversation-id="${CSS.escape(id)}"]`) : null;
  }

  #items() {
    return [...this.#list.querySelectorAll("[data-conversation-id]")];
  }

  /** After a dialog: the focus goes to where it was, though that was drawn again meanwhile. */
  takeFocusBack(opener) {
    const now = document.activeElement; // it may still be in the dialog that is closed
    if (opener.isConnected || (now !== document.body && now.checkVisibility())) return;
    (this.#find(opener) ?? this.#overview.querySelector("button"))?.focus();
  }

  /** What stands in the place of an element that was drawn again. */
  #find(element) {
    const kept = element.closest("[data-conversation-id], [data-folder-id], [data-tag-id]");
    const action = element.dataset.action ? `[data-action="${element.dataset.action}"]` : "a";
    for (const name of kept ? ["conversation-id", "folder-id", "tag-id"] : [])
      if (kept.hasAttribute(`data-${name}`)) {
        const place = this.frame.querySelector(`[data-${name}="${CSS.escape(kept.getAttribute(`data-${name}`))}"]`);
        return place?.matches("button") ? place : place?.querySelector(action);
      }
    return this.#overview.querySelector(action);
  }

  /** Days are those of the reader, so the groups are made here and not on the server. */
  #group() {
    for (const heading of this.#list.querySelectorAll(".conversations__group")) heading.remove();
    const midnight = new Date().setHours(0, 0, 0, 0);
    const day = 24 * 3600 * 1000;
    let before = "";
    const items = this.#items();
    for (const item of items) {
      const age = midnight - time(item);
      const name = age <= 0 ? "today" : age <= day ? "yesterday" : age <= 6 * day ? "last_week" : "earlier";
      if (name !== before) {
        const heading = document.createElement("li");
        heading.className = "conversations__group";
        heading.textContent = text(name);
        item.before(heading);
      }
      before = name;
    }
    this.#nothing.hidden = items.length > 0 || Boolean(this.#list.querySelector("[data-more]"));
  }

  // ---------------------------------------------------------------- what people do

  #click(event) {
    if ("selecting" in this.frame.dataset) return; // organise.js takes it
    const item = event.target.closest("[data-conversation-id]");
    const button = event.target.closest("[data-action]");
    if (button) {
      ACTIONS[button.dataset.action]?.(this, button, item);
    } else if (item && event.target.closest("a") && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      this.dispatchEvent(new CustomEvent("choose", { detail: item.dataset.conversationId }));
    }
  }

  /** Once its script is here, in the very task of the key: the next key belongs to what is opened. */
  async organise(name, ...what) {
    (this.#organising ?? (await this.#loadOrganising()))[name](this, ...what);
  }

  async #loadOrganising() {
    return (this.#organising = await import("./organise.js"));
  }

  /** A conversation is dragged onto a folder; everything that this does, the menu does too. */
  #letDrag() {
    this.frame.addEventListener("dragstart", (event) => {
      const item = event.target.closest?.("[data-conversation-id]");
      if (!item) return;
      event.dataTransfer.setData(DRAGGED, item.dataset.conversationId);
      this.organise("letDrop", this.#overview, DRAGGED);
    });
  }

  async #more() {
    const mark = this.#list.querySelector("[data-more]");
    const below = this.frame.scrollHeight - this.frame.scrollTop - this.frame.clientHeight;
    if (!mark || this.#loading || below > 400) return;
    this.#loading = true;
    const { name, ...shelf } = this.shelf;
    try {
      const query = new URLSearchParams(mark.dataset.more ? { ...shelf, before: mark.dataset.more } : shelf);
      const part = fragment(await fetchPart(`/c/?${query}`));
      if (!mark.isConnected) return; // something else is listed by now
      for (const item of part.querySelectorAll("[data-conversation-id]"))
        if (this.#item(item.dataset.conversationId)) item.remove();
      mark.replaceWith(part);
      this.#group();
    } catch (failure) {
      if (!(failure instanceof RequestFailed)) throw failure; // scrolling again tries again
      if (!mark.dataset.more) toast(text("not_loaded"));
    } finally {
      this.#loading = false;
    }
  }
}

const ACTIONS = {
  "conversation-menu": (sidebar, button, item) => sidebar.organise("openConversationMenu", button, item),
  "close-shelf": (sidebar) => sidebar.show({}),
  "open-archive": (sidebar, button) => sidebar.show({ archived: "1", name: button.textContent.trim() }, '[data-action="open-archive"]'),
  "open-folder"(sidebar, button) {
    const { folderId } = button.closest("[data-folder-id]").dataset;
    const name = button.querySelector(".place__name").textContent;
    sidebar.show({ folder: folderId, name }, `.place[data-folder-id="${CSS.escape(folderId)}"] button`);
  },
  "open-tag": (sidebar, button) =>
    sidebar.show({ tag: button.dataset.tagId, name: button.textContent }, `[data-tag-id="${CSS.escape(button.dataset.tagId)}"]`),
  "new-folder"(sidebar, button) {
    const dialog = document.getElementById("folder-dialog");
    dialog.querySelector("[data-title]").textContent = text("new_folder");
    dialog.querySelector("form").reset();
    openEarly(dialog, [], () => sidebar.organise("askNewFolder", button));
  },
  "folder-menu": (sidebar, button) => sidebar.organise("openFolderMenu", button, button.closest("[data-folder-id]").dataset.folderId),
  "shelf-menu": (sidebar, button) => sidebar.organise("openShelfMenu", button),
};

/** Where a conversation is put: a change of it changes what stands above the list. */
const order = (view) => [view.folder_id ?? "", view.tag_ids.join(" "), view.pinned, view.archived].join("|");
const orderOf = ({ dataset }) =>
  [dataset.folderId ?? "", dataset.tagIds ?? "", "isPinned" in dataset, "isArchived" in dataset].join("|");
const NOWHERE = order({ tag_ids: [], pinned: false, archived: false });

function fill(item, view) {
  item.dataset.conversationId = view.id;
  item.dataset.folderId = view.folder_id ?? "";
  item.dataset.tagIds = view.tag_ids.join(" ");
  item.toggleAttribute("data-is-pinned", view.pinned);
  item.toggleAttribute("data-is-archived", view.archived);
  const link = item.querySelector("a");
  link.href = `/c/${view.id}/`;
  link.textContent = view.title;
  return item;
}

const time = (item) => Date.parse(item.dataset.updatedAt);
