// Documents on their way into a collection: files from a button or dropped on the page, folders with all that is in
// them. Three go at once; what was refused stays listed with the reason.

import { clone } from "./html.js";
import { data, text } from "./page_data.js";
import { lookAgain } from "./live_rows.js";

const AT_ONCE = 3;
const MOST_FILES = 5000;
const MOST_SHOWN = 50;
// from here on the reader is asked first
const ASK_FROM = { files: 30, seconds: 120 };
const TRIES = 5;
const token = () => document.querySelector('meta[name="csrf-token"]').content;

const box = document.querySelector("[data-uploads]");
const find = (name) => box.querySelector(`[data-${name}]`);
const dialog = document.getElementById("estimate");
const limits = data.knowledge;

let waiting = [];
let running = new Set();
let sent = 0;
let known = 0; // were there already
let refused = 0;
let all = 0;
let bytes = { sent: 0, all: 0 };

export function add(files) {
  const taken = files.slice(0, MOST_FILES);
  const size = taken.reduce((sum, file) => sum + file.size, 0);
  const { time } = limits;
  const seconds = time && time.before_s + taken.length * time.file_s + (size / 2 ** 20) * time.mb_s;
  if (taken.length < ASK_FROM.files && (seconds ?? 0) < ASK_FROM.seconds) begin(taken);
  else ask(taken, size, seconds);
}

function ask(files, size, seconds) {
  const said = [text("knowledge_files", { n: files.length }), sizeWords(size)].join(" · ");
  dialog.querySelector("[data-said]").textContent = said;
  dialog.querySelector("[data-time]").textContent = seconds === null ? text("knowledge_time_unknown") : timeWords(seconds);
  dialog.querySelector("[data-add]").onclick = () => {
    dialog.close();
    begin(files);
  };
  dialog.showModal();
}

function timeWords(seconds) {
  if (seconds < 90) return text("knowledge_time_short");
  if (seconds < 5400) return text("knowledge_time_minutes", { n: Math.round(seconds / 60) });
  return text("knowledge_time_hours", { n: Math.round(seconds / 360) / 10 });
}

export function sizeWords(size) {
  if (size < 1000 * 1000) return text("size_kb", { n: Math.max(1, Math.round(size / 1000)) });
  return text("size_mb", { n: Math.round(size / 100_000) / 10 });
}

function begin(files) {
  if (!waiting.length && !running.size) {
    [sent, known, refused, all] = [0, 0, 0, 0];
    bytes = { sent: 0, all: 0 };
    find("problems").replaceChildren();
  }
  for (const file of files) {
    all += 1;
    bytes.all += file.size;
    if (file.size > limits.most_mb * 2 ** 20) refuse(file, text("knowledge_too_large", { n: limits.most_mb }));
    else if (!file.size) refuse(file, text("file_empty"));
    else waiting.push({ file, tries: 0 });
  }
  start();
}

function start() {
  while (running.size < AT_ONCE && waiting.length) upload(waiting.shift());
  draw();
}

function upload(item) {
  const request = new XMLHttpRequest();
  item.loaded = 0;
  running.add(item);
  request.open("POST", limits.address);
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.setRequestHeader("X-File-Name", encodeURIComponent(item.file.name.slice(0, 200)));
  request.setRequestHeader("X-CSRFToken", token());
  request.responseType = "json";
  request.upload.addEventListener("progress", ({ loaded }) => {
    item.loaded = loaded;
    draw();
  });
  request.addEventListener("load", () => settle(item, request));
  request.addEventListener("error", () => settle(item, null));
  request.send(item.file);
}

function settle(item, request) {
  running.delete(item);
  const again = !request || request.status === 429 || request.status >= 500;
  if (request?.status === 201) {
    sent += 1;
    bytes.sent += item.file.size;
    lookAgain();
  } else if (request?.status === 200) {
    known += 1;
    bytes.sent += item.file.size;
  } else if (again && item.tries < TRIES) {
    // the others are not in a hurry either: a short pause, and on
    item.tries += 1;
    const pause = Number(request?.getResponseHeader("Retry-After")) || 2 ** item.tries;
    running.add(item);
    setTimeout(() => {
      running.delete(item);
      upload(item);
    }, Math.min(60, pause) * 1000);
  } else refuse(item.file, request?.response?.message ?? text("knowledge_not_sent"));
  start();
}

function refuse(file, words) {
  refused += 1;
  bytes.sent += file.size;
  const list = find("problems");
  if (list.childElementCount >= MOST_SHOWN) return;
  const row = clone("upload-problem");
  row.querySelector("[data-name]").textContent = file.webkitRelativePath || file.name;
  row.querySelector("[data-words]").textContent = words;
  list.append(row);
}

function draw() {
  box.hidden = !all;
  const left = waiting.length + running.size;
  find("bar").hidden = !left;
  const loaded = [...running].reduce((sum, item) => sum + (item.loaded ?? 0), bytes.sent);
  find("bar").value = bytes.all ? Math.min(1, loaded / bytes.all) : 0;
  const parts = [left ? text("knowledge_sending", { n: all - left, of: all }) : text("knowledge_sent", { n: sent })];
  if (known) parts.push(text("knowledge_known", { n: known }));
  if (refused) parts.push(text("knowledge_refused", { n: refused }));
  find("words").textContent = parts.join(" · ");
  find("stop").hidden = !waiting.length;
  find("close").hidden = left > 0;
}

find("stop").addEventListener("click", () => {
  all -= waiting.length;
  for (const { file } of waiting) bytes.all -= file.size;
  waiting = [];
  draw();
});
find("close").addEventListener("click", () => {
  box.hidden = true;
  document.querySelector("[data-choose]").focus();
});
addEventListener("beforeunload", (event) => (waiting.length || running.size) && event.preventDefault());
