// The doors through which files come into the next message: a button, a drop, a paste. What holds them is in
// attachments.js, which loads when the first one comes.

import { pageActions } from "./actions.js";
import { data, text } from "./page_data.js";
import { toast } from "./toast.js";

// a longer text is easier to handle as a file, for people and for models
const LONG_TEXT = 8000;
const load = () => import("./attachments.js");

/** `drafts` keeps which files wait for which conversation; `isOff()` says that this chat takes none. */
export class FileDoors {
  #form;
  #drafts;
  #isOff;
  #input;
  #button;
  #veil;
  #tray = null;
  #here = { id: null }; // the conversation; what is on its way remembers where it belongs
  #sent = new Map(); // client id -> views of the files that are on their way with it
  #depth = 0;

  constructor({ form, drafts, isOff }) {
    this.#form = form;
    this.#drafts = drafts;
    this.#isOff = isOff;
    this.#input = form.querySelector("[data-file-input]");
    this.#button = form.querySelector('[data-action="attach"]');
    this.#veil = document.querySelector("[data-drop]");
    if (!this.#button) return; // files are switched off here
    pageActions.set("attach", () => this.#input.click());
    this.#input.addEventListener("change", () => {
      this.add([...this.#input.files]);
      this.#input.value = "";
    });
    form.addEventListener("paste", (event) => this.#paste(event), { capture: true });
    // anywhere: a browser would leave the page for a file that falls beside
    const page = document;
    page.addEventListener("dragenter", (event) => this.#dragged(event, 1));
    page.addEventListener("dragleave", (event) => this.#dragged(event, -1));
    page.addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
    page.addEventListener("drop", (event) => this.#drop(event));
  }

  /** Show the files that wait for this conversation's next message. */
  open(conversationId) {
    this.#here = { id: conversationId };
    const waiting = this.#waiting();
    if (this.#tray) this.#tray.open(waiting, this.#here);
    else if (waiting.length) this.#open().then((tray) => tray.open(waiting, this.#here));
  }

  /** The new chat has become a conversation. */
  rename(conversationId) {
    const waiting = this.#waiting();
    this.#keep([]);
    this.#here.id = conversationId;
    this.#keep(waiting);
  }

  showState() {
    if (this.#button) this.#button.hidden = this.#isOff();
  }

  /** Why the message cannot go yet, in words; null when nothing speaks against it. */
  get reason() {
    return this.#isOff() ? null : (this.#tray?.reason ?? null);
  }

  /** The files go with this message: gives their views, and leaves nothing behind. */
  take(clientId) {
    const views = (!this.#isOff() && this.#tray?.take()) || [];
    if (views.length) this.#sent.set(clientId, views);
    return views;
  }

  /** The message is where it belongs. */
  settle(clientId) {
    this.#sent.delete(clientId);
  }

  /** The message came back: its files do too. */
  putBack(clientId, views = this.#sent.get(clientId)) {
    this.settle(clientId);
    if (views?.length) this.#open().then((tray) => tray.putBack(views));
  }

  async add(files) {
    if (!files.length) return;
    if (this.#isOff()) toast(text("no_files_in_temporary"));
    else (await this.#open()).add(files);
  }

  async #open() {
    const { Tray } = await load();
    this.#tray ??= new Tray(this.#form, {
      limits: data.files,
      here: this.#here,
      onChange: (ids) => this.#keep(ids),
      onLate: (here, id) => this.#keep([...this.#waiting(here), id], here),
    });
    return this.#tray;
  }

  #paste(event) {
    if (event.target.id !== "message" || this.#isOff()) return;
    const files = [...(event.clipboardData?.files ?? [])];
    const words = event.clipboardData?.getData("text/plain") ?? "";
    // what is copied from an office program comes as words and, beside them, as a picture of them
    if (files.length && !words) this.#stop(event, files);
    else if (words.length > LONG_TEXT) {
      this.#stop(event, [new File([words], `${text("pasted_text")}.txt`, { type: "text/plain" })]);
      toast(text("pasted_as_file"));
    }
  }

  #stop(event, files) {
    event.preventDefault();
    event.stopPropagation();
    this.add(files);
  }

  #dragged(event, step) {
    if (!hasFiles(event)) return;
    event.preventDefault();
    this.#depth = Math.max(0, this.#depth + step);
    this.#veil.hidden = !this.#depth || this.#isOff();
  }

  #drop(event) {
    if (!hasFiles(event)) return;
    event.preventDefault();
    this.#depth = 0;
    this.#veil.hidden = true;
    const items = [...event.dataTransfer.items].filter(({ kind }) => kind === "file");
    const isFolder = (item) => item.webkitGetAsEntry?.()?.isDirectory ?? false;
    if (items.some(isFolder)) toast(text("no_folders"));
    this.add(items.filter((item) => !isFolder(item)).map((item) => item.getAsFile()).filter(Boolean));
  }

  #waiting(here = this.#here) {
    return this.#drafts.read(place(here)).split(" ").filter(Boolean);
  }

  #keep(ids, here = this.#here) {
    this.#drafts.keep(place(here), ids.join(" "));
  }
}

const place = ({ id }) => `files:${id ?? "new"}`;
const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");

/** Show the files of a message in `list`, a hidden list of its article. */
export async function showFiles(list, views) {
  list.hidden = !views?.length;
  if (list.hidden) list.replaceChildren();
  else (await load()).showAttachments(list, views);
}
