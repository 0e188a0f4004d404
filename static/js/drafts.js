// What was typed and not sent, kept in this browser for each person and conversation.

const PREFIX = "draft:";
// what was sent and not yet taken, kept by outbox.js
export const UNSENT = "unsent:";
const MOST = 50;

export class Drafts {
  #prefix;

  constructor(personId) {
    this.#prefix = `${PREFIX}${personId}:`;
    // another person on this browser must not find the words of the one before
    for (const key of [...keys(), ...keys(UNSENT)])
      if (!key.startsWith(this.#prefix) && !key.startsWith(`${UNSENT}${personId}:`)) localStorage.removeItem(key);
  }

  read(conversationId) {
    return (localStorage.getItem(this.#key(conversationId)) ?? "").replace(/^\d{13} /, "");
  }

  keep(conversationId, words) {
    const key = this.#key(conversationId);
    if (!words) {
      localStorage.removeItem(key);
      return;
    }
    try {
      localStorage.setItem(key, `${Date.now()} ${words}`);
    } catch {
      return; // the store is full or forbidden: the text stays in the field
    }
    const all = keys();
    // a browser hands its keys out in any order: the words say since when they lie there
    if (all.length > MOST) localStorage.removeItem(all.reduce((one, other) => (since(other) < since(one) ? other : one)));
  }

  #key(conversationId) {
    return this.#prefix + (conversationId ?? "new");
  }
}

const since = (key) => parseInt(localStorage.getItem(key), 10) || 0;
const keys = (prefix = PREFIX) => Object.keys(localStorage).filter((key) => key.startsWith(prefix));

/** Forget every draft, as on signing out. */
export function forgetDrafts() {
  for (const key of [...keys(), ...keys(UNSENT)]) localStorage.removeItem(key);
}
