// What was typed and not sent, kept in this browser for each person and conversation.

const PREFIX = "draft:";
const MOST = 50;

export class Drafts {
  #prefix;

  constructor(personId) {
    this.#prefix = `${PREFIX}${personId}:`;
    // another person on this browser must not find the words of the one before
    for (const key of keys()) if (!key.startsWith(this.#prefix)) localStorage.removeItem(key);
  }

  read(conversationId) {
    return localStorage.getItem(this.#key(conversationId)) ?? "";
  }

  keep(conversationId, words) {
    const key = this.#key(conversationId);
    if (!words) {
      localStorage.removeItem(key);
      return;
    }
    try {
      localStorage.setItem(key, words);
    } catch {
      return; // the store is full or forbidden: the text stays in the field
    }
    const all = keys();
    if (all.length > MOST) localStorage.removeItem(all.find((other) => other !== key));
  }

  #key(conversationId) {
    return this.#prefix + (conversationId ?? "new");
  }
}

const keys = () => Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));

/** Forget every draft, as on signing out. */
export function forgetDrafts() {
  for (const key of keys()) localStorage.removeItem(key);
}
