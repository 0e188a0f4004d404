// The thumbs below an answer: how they stand. What is said with them opens when one is pressed (feedback.js).

/** What the person said, by turn: `{verdict, reasons, comment}`. */
export const said = new Map();
const asked = new Set();

/** A thumb was pressed. */
export async function press(message, element, verdict, button) {
  const { judge } = await import("./feedback.js");
  await judge(message, verdict, button);
  show(element, message.turn.id);
}

/** Show how the thumbs of this conversation stand, from now on. */
export function showVerdicts(conversation) {
  const look = () => {
    const { id } = conversation;
    if (!id || asked.has(id) || document.documentElement.hasAttribute("data-temporary")) return;
    if (!conversation.messages.some((message) => message.turn)) return;
    asked.add(id);
    (globalThis.requestIdleCallback ?? setTimeout)(() => fetchSaid(conversation, id));
  };
  conversation.addEventListener("state", look);
  conversation.addEventListener("shown", ({ detail }) => detail.turn && show(detail.element, detail.turn.id));
  for (const message of conversation.messages) if (message.turn) show(message.element, message.turn.id);
  look();
}

async function fetchSaid(conversation, id) {
  try {
    const answer = await fetch(`/api/conversations/${id}/feedback`, { headers: { accept: "application/json" } });
    if (!answer.ok) return;
    for (const item of (await answer.json()).items) said.set(item.turn_id, item);
  } catch {
    asked.delete(id); // the network was away: the next change asks again
    return;
  }
  for (const message of conversation.messages) if (message.turn) show(message.element, message.turn.id);
}

function show(element, turnId) {
  const verdict = said.get(turnId)?.verdict;
  for (const name of ["good", "bad"]) {
    const button = element.querySelector(`[data-message-action="${name}"]`);
    if (!button) continue;
    button.setAttribute("aria-pressed", String(verdict === name));
    button.closest("[data-thumbs]").toggleAttribute("data-said", Boolean(verdict));
  }
}
