// The frame of signed-in pages: sidebar as a drawer or a column, shortcuts, signing out.

import "./menu.js";
import "./toast.js";
import { forgetDrafts } from "./drafts.js";
import { shortcutActions } from "./shortcuts.js";

const shell = document.querySelector("[data-shell]");
const sidebar = document.getElementById("sidebar");
const narrow = matchMedia("(max-width: 48rem)");
const ACTIONS = {
  "open-drawer": openDrawer,
  "open-sidebar": () => keepSidebar(true),
  "close-sidebar": () => (narrow.matches ? closeDrawer() : keepSidebar(false)),
};

function openDrawer() {
  shell.dataset.drawer = "open";
  document.getElementById("main").inert = true;
  sidebar.querySelector("a, button").focus();
}

export function closeDrawer() {
  if (shell.dataset.drawer !== "open") return;
  delete shell.dataset.drawer;
  document.getElementById("main").inert = false;
  shell.querySelector('[data-action="open-drawer"]').focus();
}

function keepSidebar(open) {
  if (open) delete shell.dataset.sidebar;
  else shell.dataset.sidebar = "closed";
  // a cookie, so that the server draws the next page right from the start
  document.cookie = `sidebar=${open ? "open" : "closed"}; path=/; max-age=31536000; samesite=lax`;
  shell.querySelector(open ? '[data-action="close-sidebar"]' : '[data-action="open-sidebar"]').focus();
}

shell.addEventListener("click", (event) => {
  const button = event.target.closest("[data-action]");
  ACTIONS[button?.dataset.action]?.();
});

document.addEventListener("keydown", (event) => {
  // one thing at a time: a menu or a dialog above the drawer has the key first
  if (event.key === "Escape" && !event.defaultPrevented && !document.querySelector(":popover-open, dialog[open]")) closeDrawer();
});
shortcutActions.set("new-chat", () => shell.querySelector(".sidebar__new").click());
shortcutActions.set("sidebar", () => (narrow.matches ? (shell.dataset.drawer === "open" ? closeDrawer : openDrawer)() : keepSidebar(shell.dataset.sidebar === "closed")));

for (const form of document.querySelectorAll('form[action="/sign-out/"]')) form.addEventListener("submit", forgetDrafts);
