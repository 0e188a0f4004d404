// The console's pages: what htmx needs to work here, and what every page shares.

import "./page.js";
import { trustParsedHtml } from "./parsed_html.js";
import { localTimes } from "./local_times.js";
import { data, text } from "./page_data.js";
import { toast } from "./toast.js";

// htmx reads the server's HTML with the browser's own parser
trustParsedHtml();

const token = document.querySelector('meta[name="csrf-token"]').content;

document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (detail.verb !== "get") detail.headers["X-CSRFToken"] = token;
  // parts come as HTML all the same; this asks for errors in a form that can be shown as a toast
  detail.headers.Accept = "application/json";
});

document.addEventListener("htmx:responseError", ({ detail }) => {
  if (detail.xhr.status === 401) location.reload();
  else toast(messageOf(detail.xhr.responseText));
});
document.addEventListener("htmx:sendError", () => toast(text("not_saved")));
document.addEventListener("toast", ({ detail }) => toast(detail.value));
document.addEventListener("htmx:afterSwap", ({ detail }) => localTimes(detail.target));

function messageOf(body) {
  try {
    return JSON.parse(body).message;
  } catch {
    return text("not_saved");
  }
}

if (data.strings) localTimes(document);

// Dialogs: `data-opens="id"` opens one, `data-action="close-dialog"` closes the one around it.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens).showModal();
  if (event.target.closest('[data-action="close-dialog"]')) event.target.closest("dialog").close();
});
