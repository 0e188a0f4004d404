// Files on the page: those that wait for the next message, with their way to the server, and those of messages.

import { clone } from "./html.js";
import { text } from "./page_data.js";

const AT_ONCE = 3;
const POLL_MS = 500;
const POLL_MOST_MS = 3000;
const POLL_FOR_MS = 10 * 60 * 1000;
const token = () => document.querySelector("input[name=csrfmiddlewaretoken]")?.value ?? "";
// what browsers know of files that nobody here can read; the server looks into them
const UNREADABLE = [
  [/^image\//, "no_pictures"],
  [/^audio\//, "no_recordings"],
  [/^video\//, "no_videos"],
];

/** Ask the API; null when that failed. */
export async function ask(address, options = {}) {
  const headers = { accept: "application/json", "x-csrftoken": token(), ...options.headers };
  try {
    const answer = await fetch(address, { ...options, headers });
    if (answer.status === 204) return {};
    const said = await answer.json();
    return answer.ok ? said : { ...said, failed: answer.status };
  } catch {
    return null;
  }
}

/**
 * The files of the next message in the conversation `here`. `onChange(ids)` is told which of them the server has,
 * `onLate(here, id)` of one that arrived when another conversation was shown already.
 */
export class Tray {
  #list;
  #status;
  #field;
  #limits;
  #onChange;
  #onLate;
  #here;
  #items = [];
  #elsewhere = []; // on their way to conversations that are not shown now
  #opened = 0;

  constructor(form, { limits, here, onChange, onLate }) {
    this.#list = form.querySelector("[data-attachments]");
    this.#status = form.querySelector("[data-attachments-status]");
    this.#field = form.querySelector("textarea");
    this.#limits = limits;
    this.#here = here;
    this.#onChange = onChange;
    this.#onLate = onLate;
    this.#list.addEventListener("click", ({ target }) => {
      const item = this.#items.find(({ element }) => element === target.closest("[data-chip]"));
      if (!item) return;
      if (target.closest("[data-remove]")) this.#remove(item);
      else if (target.closest("[data-retry]")) this.#again(item);
      else if (target.closest("[data-open]") && item.view?.id) this.#openDialog(item);
    });
  }

  get reason() {
    if (this.#items.some(({ state }) => state === "waiting" || state === "uploading")) return text("files_uploading");
    if (this.#items.some(({ state }) => state === "failed")) return text("files_failed");
    return null;
  }

  /** Show other files instead: those with these ids, as the server knows them, and those on their way to it. */
  async open(ids, here) {
    const turn = ++this.#opened;
    const onTheirWay = [...this.#elsewhere, ...this.#items.filter(({ view }) => !view)];
    this.#here = here;
    this.#items = onTheirWay.filter((item) => item.here.id === here.id);
    this.#elsewhere = onTheirWay.filter((item) => item.here.id !== here.id);
    for (const item of this.#items) item.here = here;
    this.#draw();
    for (const id of ids) {
      const view = await ask(`/api/files/${id}`);
      if (turn !== this.#opened) return;
      if (this.#items.some((item) => item.view?.id === id)) continue; // it arrived while we asked
      if (view && !view.failed && !view.is_sent) this.#put({ view, state: view.state, name: view.name, size: view.size });
    }
    if (ids.length) this.#told();
  }

  add(files) {
    for (const file of files) {
      if (this.#items.length >= this.#limits.per_message) {
        this.#say(text("too_many_files", { n: this.#limits.per_message }));
        break;
      }
      const item = this.#put({ file, state: "waiting", name: file.name, size: file.size });
      const kind = UNREADABLE.find(([type]) => type.test(file.type) && file.type !== "image/svg+xml");
      if (file.size > this.#limits.max_mb * 2 ** 20) this.#fail(item, text("file_too_large", { n: this.#limits.max_mb }));
      else if (!file.size) this.#fail(item, text("file_empty"));
      else if (kind) this.#fail(item, text(kind[1]));
    }
    this.#start();
  }

  take() {
    const views = this.#items.map(({ view }) => view).filter(Boolean);
    this.#items = [];
    this.#draw();
    this.#told();
    return views;
  }

  putBack(views) {
    for (const view of views) {
      const id = view.file_id ?? view.id;
      if (!this.#items.some((item) => item.view?.id === id)) {
        this.#put({ view: { ...view, id }, state: view.state, name: view.name, size: view.size });
      }
    }
    this.#told();
  }

  #put(item) {
    item.element = clone("attachment-chip");
    item.here = this.#here;
    item.problem ??= item.view ? problemOf(item.view) : "";
    this.#items.push(item);
    this.#draw();
    item.element.scrollIntoView({ block: "nearest" });
    if (item.state === "reading") this.#poll(item);
    return item;
  }

  #draw() {
    this.#list.hidden = this.#items.length === 0;
    const elements = this.#items.map(({ element }) => element);
    for (const old of [...this.#list.children]) if (!elements.includes(old)) old.remove();
    elements.forEach((element, at) => this.#list.children[at] !== element && this.#list.insertBefore(element, this.#list.children[at] ?? null));
    for (const item of this.#items) showChip(item.element, item);
  }

  #start() {
    const all = [...this.#items, ...this.#elsewhere];
    const running = all.filter(({ state }) => state === "uploading").length;
    const waiting = all.filter(({ state }) => state === "waiting");
    for (const item of waiting.slice(0, AT_ONCE - running)) this.#upload(item);
  }

  #upload(item) {
    item.state = "uploading";
    item.progress = 0;
    const request = new XMLHttpRequest();
    item.request = request;
    request.open("POST", "/api/files");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.setRequestHeader("X-File-Name", encodeURIComponent(item.name.slice(0, 200)));
    request.setRequestHeader("X-CSRFToken", token());
    request.responseType = "json";
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      item.progress = total ? loaded / total : 0;
      showChip(item.element, item);
    });
    request.addEventListener("load", () => {
      if (request.status === 201) {
        item.view = request.response;
        item.state = item.view.state;
        item.file = null;
        if (this.#items.includes(item)) {
          this.#told();
          this.#poll(item);
        } else {
          this.#elsewhere = this.#elsewhere.filter((other) => other !== item);
          this.#onLate(item.here, item.view.id);
        }
      } else this.#fail(item, request.response?.message ?? text("upload_failed"), request.status >= 500);
      this.#draw();
      this.#start();
    });
    request.addEventListener("error", () => {
      this.#fail(item, text("upload_failed"), true);
      this.#start();
    });
    request.send(item.file);
    this.#draw();
  }

  #again(item) {
    item.state = "waiting";
    item.problem = "";
    this.#start();
    this.#draw();
    item.element.querySelector("[data-remove]").focus();
  }

  #fail(item, words, canRetry = false) {
    item.state = "failed";
    item.problem = words;
    item.canRetry = canRetry;
    this.#draw();
    this.#say(`${item.name}: ${words}`);
  }

  async #poll(item) {
    await watch(
      () => this.#items.includes(item) && item.state === "reading" && ask(`/api/files/${item.view.id}`),
      (view) => {
        if (view.failed) this.#fail(item, view.message);
        else if (view.state === "failed") {
          item.view = view;
          this.#fail(item, view.problem.message);
        } else {
          item.view = view;
          item.state = view.state;
          showChip(item.element, item);
          if (view.state === "ready") this.#say(text("file_ready", { name: item.name }));
        }
        return item.state !== "reading";
      },
    );
  }

  #remove(item) {
    const at = this.#items.indexOf(item);
    item.request?.abort();
    if (item.view?.id) ask(`/api/files/${item.view.id}`, { method: "DELETE" });
    this.#items.splice(at, 1);
    this.#draw();
    this.#told();
    this.#say(text("file_removed", { name: item.name }));
    const next = this.#items[Math.min(at, this.#items.length - 1)];
    (next?.element.querySelector("[data-remove]") ?? this.#field).focus();
    this.#start();
  }

  async #openDialog(item) {
    const { openFile } = await import("./file_dialog.js");
    openFile(item.element.querySelector("[data-open]"), { fileId: item.view.id, view: item.view }, (use) => {
      item.view = { ...item.view, use };
      showChip(item.element, item);
    });
  }

  #told() {
    this.#onChange(this.#items.map(({ view }) => view?.id).filter(Boolean));
  }

  #say(words) {
    this.#status.textContent = words;
  }
}

/** The files of a message, in its article. They are followed until they are read and the model got them. */
export function showAttachments(list, views) {
  const known = new Map([...list.children].map((element) => [element.dataset.id, element]));
  list.replaceChildren(
    ...views.map((view) => {
      const id = view.id ?? "";
      const element = known.get(id) ?? clone("attachment-chip");
      element.dataset.id = id;
      element.querySelector("[data-remove]")?.remove();
      showMessageChip(element, view);
      if (view.file_id && !known.has(id)) follow(element, view);
      return element;
    }),
  );
}

function showMessageChip(element, view) {
  element.view = view;
  showChip(element, { view, state: view.state, name: view.name, size: view.size, problem: problemOf(view), isSent: true });
  element.querySelector("[data-open]").onclick = async () => {
    if (!element.view.file_id) return;
    const { openFile } = await import("./file_dialog.js");
    openFile(
      element.querySelector("[data-open]"),
      { fileId: element.view.file_id, attachmentId: element.view.id, view: element.view },
      (use) => showMessageChip(element, { ...element.view, use }),
    );
  };
}

async function follow(element, view) {
  if (view.given || view.state === "failed") return;
  await watch(
    () => ask(`/api/attachments/${view.id}`),
    (now) => {
      if (now.failed || !element.isConnected) return true;
      showMessageChip(element, { ...now, use: now.use });
      return Boolean(now.given) || now.state === "failed";
    },
  );
}

/** Ask again and again, less and less often, until `take` says that it is enough or there is nothing to ask. */
async function watch(look, take) {
  let pause = POLL_MS;
  const until = Date.now() + POLL_FOR_MS;
  while (Date.now() < until) {
    await new Promise((done) => setTimeout(done, pause));
    const asked = look();
    if (!asked) return;
    const found = await asked;
    if (found && take(found)) return;
    pause = Math.min(POLL_MOST_MS, pause * 1.3);
  }
}

const problemOf = (view) => (typeof view.problem === "string" ? view.problem : (view.problem?.message ?? ""));

function showChip(element, { view, state, name, size, progress, problem, canRetry, isSent }) {
  element.dataset.state = state;
  element.querySelector("[data-name]").textContent = name;
  const open = element.querySelector("[data-open]");
  open.disabled = !view?.id;
  open.title = name;
  const line = element.querySelector("[data-state-words]");
  line.textContent = words();
  const bar = element.querySelector("[data-progress]");
  bar.hidden = state !== "uploading" && state !== "reading";
  if (state === "uploading") bar.value = progress ?? 0;
  else bar.removeAttribute("value");
  const retry = element.querySelector("[data-retry]");
  if (retry) retry.hidden = !canRetry;
  element.querySelector("[data-remove]")?.setAttribute("aria-label", text("remove_file", { name }));
  const kind = view?.kind ?? "";
  for (const icon of element.querySelectorAll("[data-kinds]"))
    icon.hidden = icon.dataset.kinds ? !icon.dataset.kinds.split(" ").includes(kind) : hasIcon(element, kind);

  function words() {
    if (state === "failed") return problem ?? "";
    if (state === "waiting") return text("file_waiting");
    if (state === "uploading") return text("file_percent", { n: Math.floor((progress ?? 0) * 100) });
    if (state === "reading") return hasPages(view) ? text("file_reading_page", { n: view.pages }) : text("file_reading");
    const parts = [];
    if (isSent && view.given === "whole") parts.push(text("given_whole"));
    else if (isSent && view.given === "passages") parts.push(text("given_passages", { n: view.passages, of: view.of_passages }));
    else parts.push(sizeWords(size));
    if (!isSent && hasPages(view)) parts.push(text("file_pages", { n: view.pages }));
    if (view?.use && view.use !== "auto" && !(isSent && view.given === view.use)) parts.push(text(`use_${view.use}`));
    return parts.join(" · ");
  }
}

const hasIcon = (element, kind) =>
  [...element.querySelectorAll("[data-kinds]")].some((icon) => icon.dataset.kinds.split(" ").includes(kind) && kind);

/** Sheets and chapters are counted too, but are no pages. */
export const hasPages = (view) => Boolean(view?.pages) && (view.kind === "pdf" || view.kind === "slides");

export function sizeWords(bytes) {
  if (bytes < 1000) return text("size_b", { n: bytes });
  if (bytes < 1000 * 1000) return text("size_kb", { n: Math.round(bytes / 1000) });
  return text("size_mb", { n: Math.round(bytes / 100_000) / 10 });
}
