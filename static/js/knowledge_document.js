// A document's page: a new file in its place, and its passages as soon as they are there.

import { data, text } from "./page_data.js";

const part = document.querySelector("[data-live-rows]");
const box = document.querySelector("[data-sending]");
const input = document.querySelector("[data-file]");
let wasBusy = part.dataset.busy !== undefined;

part.addEventListener("rows-renewed", () => {
  const isBusy = part.dataset.busy !== undefined;
  if (wasBusy && !isBusy && !document.querySelector("dialog[open]")) location.reload();
  wasBusy = isBusy;
});

document.querySelector("[data-replace]")?.addEventListener("click", () => input.click());
input?.addEventListener("change", () => {
  const [file] = input.files;
  input.value = "";
  if (file) send(file);
});

function send(file) {
  const bar = box.querySelector("[data-bar]");
  const request = new XMLHttpRequest();
  box.hidden = bar.hidden = false;
  bar.value = 0;
  say(text("knowledge_replacing", { name: file.name }));
  request.open("POST", data.knowledge.address);
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.setRequestHeader("X-File-Name", encodeURIComponent(file.name.slice(0, 200)));
  request.setRequestHeader("X-CSRFToken", document.querySelector('meta[name="csrf-token"]').content);
  request.responseType = "json";
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    bar.value = total ? loaded / total : 0;
  });
  request.addEventListener("load", () => {
    if (request.status < 300) location.reload();
    else refuse(request.response?.message);
  });
  request.addEventListener("error", () => refuse());
  request.send(file);
}

function refuse(words) {
  box.querySelector("[data-bar]").hidden = true;
  say(words ?? text("knowledge_not_sent"));
}

function say(words) {
  box.querySelector("[data-words]").textContent = words;
}
