// The ways into the drawer on an answer: an item in its menu, and the gauge in the bar. The drawer itself is loaded
// when it is opened first.

import { messageActions, messageConditions, pageActions } from "./actions.js";
import { isRunning } from "./message.js";
import { text } from "./page_data.js";

const ROUND = 2 * Math.PI * 8;

/** `isOff` says whether nothing of this chat is written down, so that there is nothing to look into. */
export function offerInside(conversation, { isOff }) {
  const gauge = document.querySelector('[data-action="inside"]');
  const answers = () => conversation.messages.filter((message) => message.turn);
  const open = (message, button) => import("./inside.js").then((module) => module.openInside(message, button));
  messageActions.set("inside", (message, element, button) => open(message, button ?? element));
  messageConditions.set("inside", (view) => Boolean(view.turn) && !isOff());
  pageActions.set("inside", (button) => open(answers().at(-1), button));
  conversation.addEventListener("state", () => {
    show(gauge, isOff() ? [] : answers());
  });
  conversation.addEventListener("shown", async ({ detail }) => {
    if (detail.view.summary || detail.element.querySelector(".summary-line"))
      (await import("./summary_line.js")).showSummary(detail);
  });
}

/** How full the window was for the last answer that is over; no gauge where that is not known. */
function show(gauge, answers) {
  const turn = answers.findLast((message) => !isRunning(message.turn) && message.turn.window_tokens)?.turn;
  gauge.hidden = !answers.length;
  const percent = turn ? Math.min(100, Math.round((100 * turn.used_tokens) / turn.window_tokens)) : 0;
  const words = [...(turn ? [text("window_used", { n: percent })] : []), text("look_inside")].join(" · ");
  gauge.title = words;
  gauge.setAttribute("aria-label", words);
  gauge.toggleAttribute("data-full", percent >= 85);
  gauge.querySelector("[data-percent]").textContent = turn ? `${percent} %` : "";
  gauge.querySelector(".gauge__arc").setAttribute("stroke-dasharray", `${(ROUND * percent) / 100} ${ROUND}`);
}
