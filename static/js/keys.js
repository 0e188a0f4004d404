// How keys are written: `mod+shift+o`, where `mod` is Ctrl, and the command key on a Mac (preferences/shortcuts.py).

export const isMac = /mac|iphone|ipad/i.test(navigator.userAgentData?.platform ?? navigator.platform);

/** The keys of a keyboard event in our way of writing, or "" for modifiers alone and for what writes letters. */
export function keysOf(event) {
  if (["Control", "Shift", "Alt", "Meta", "Dead", "Process", "Unidentified", "AltGraph"].includes(event.key)) return "";
  // with AltGr, people write signs
  if (event.getModifierState?.("AltGraph") || (isMac ? event.ctrlKey : event.metaKey)) return "";
  const mod = isMac ? event.metaKey : event.ctrlKey;
  let key = event.key.toLowerCase();
  if (key === " ") key = "space";
  const bare = !mod && !event.altKey;
  // with modifiers the key counts and not its sign: on other layouts, and with Option on a Mac, the sign is another
  const code = /^(?:Key([A-Z])|Digit(\d))$/.exec(event.code ?? "");
  if (!bare && code && (event.altKey || event.shiftKey || !/^[a-z0-9]$/.test(key))) key = (code[1] ?? code[2]).toLowerCase();
  // a sign says by itself whether shift was pressed
  const shift = event.shiftKey && !(bare && key.length === 1);
  return [mod && "mod", event.altKey && "alt", shift && "shift", key].filter(Boolean).join("+");
}

const NAMES = isMac ? { mod: "⌘", alt: "⌥", shift: "⇧" } : { mod: "Ctrl", alt: "Alt", shift: "Shift" };
export const KEYS = { escape: "Esc", arrowup: "↑", arrowdown: "↓", arrowleft: "←", arrowright: "→", enter: "Enter", space: "Space" };

/** Keys as the person knows them from their keyboard. */
export function shownKeys(keys) {
  if (!keys) return "";
  const parts = keys.endsWith("+") ? [...keys.slice(0, -1).split("+").filter(Boolean), "+"] : keys.split("+");
  const key = parts.pop();
  return [...parts.map((part) => NAMES[part]), KEYS[key] ?? (key.length === 1 ? key.toUpperCase() : key)].join(isMac && parts.length ? "" : "+");
}
