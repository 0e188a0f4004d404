// The set-up page: shows the steps as they go and moves on to the chat when it can be used.

import { fragment } from "./html.js";

const EVERY_MS = 700;
const frame = document.querySelector("[data-setup]");
const wasReady = frame.dataset.phase === "ready";

async function look() {
  try {
    const answer = await fetch(frame.dataset.setup, { headers: { accept: "application/json" } });
    if (!answer.ok) return;
    const status = await answer.json();
    // opened when all was ready, the page is read for its details: it stays
    if (status.can_chat && !wasReady) {
      location.assign(frame.dataset.chatUrl);
      return;
    }
    const open = frame.querySelector("details")?.open ?? false;
    const focused = frame.contains(document.activeElement);
    if (!focused && status.html !== shown) {
      frame.replaceChildren(fragment(status.html));
      const details = frame.querySelector("details");
      if (details) details.open = open;
      shown = status.html;
    }
  } catch {
    return; // the process restarts during set-up; the next look finds it
  }
}

let shown = "";
setInterval(look, EVERY_MS);
