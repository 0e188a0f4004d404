// The settings of shortcuts: a field takes the keys that are pressed in it, and says so when two actions have the same.

import "./shell.js";
import { KEYS, keysOf } from "./keys.js";
import { text } from "./page_data.js";

const form = document.querySelector("[data-preferences]");
const fields = [...form.querySelectorAll("[data-keys]")];

form.addEventListener("keydown", (event) => {
  const field = event.target.closest("[data-keys]");
  // an input method, walking on, leaving, deleting and plain typing stay what they are
  if (!field || event.isComposing || event.keyCode === 229) return;
  const keys = keysOf(event);
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
  if (!keys || event.key === "Tab" || (isPlain && !/^F\d+$|^Escape$/.test(event.key)) || (isPlain && event.key === "Escape" && !event.shiftKey)) return;
  event.preventDefault();
  event.stopPropagation();
  field.value = typedKeys(keys);
  field.dispatchEvent(new Event("input", { bubbles: true }));
});

form.addEventListener("click", (event) => {
  const button = event.target.closest("[data-default]");
  if (!button) return;
  const field = button.parentElement.querySelector("[data-keys]");
  field.value = button.dataset.default;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
});

form.addEventListener("input", () => {
  const seen = new Map();
  for (const field of fields) seen.set(plain(field), [...(seen.get(plain(field)) ?? []), field]);
  for (const field of fields) {
    const same = plain(field) && seen.get(plain(field)).length > 1;
    const warning = document.getElementById(`warning-${field.name}`);
    field.setAttribute("aria-invalid", String(Boolean(same)));
    warning.textContent = same ? text("keys_twice") : "";
  }
});

const plain = (field) => field.value.toLowerCase().replace(/\s+/g, "").replace(/⌘|cmd|command/g, "ctrl");

/** Keys as the settings' fields take them, on every system alike. */
const typedKeys = (keys) =>
  keys.replace(/\bmod\b/, "Ctrl").replace(/\balt\b/, "Alt").replace(/\bshift\b/, "Shift").replace(/[^+]+$/, (key) => KEYS[key] ?? (key.length === 1 ? key.toUpperCase() : key));

// The browser asks the person itself, and only after a click.
form.querySelector("[data-notify]").addEventListener("change", async ({ target }) => {
  const denied = form.querySelector("[data-notify-denied]");
  const answer = !target.checked ? "granted" : "Notification" in globalThis ? await Notification.requestPermission() : "denied";
  denied.hidden = answer === "granted";
});
