// A diagram from its source, drawn in a frame that has no origin, no network, and nothing of this page.

import { clone } from "./html.js";
import { text } from "./page_data.js";

const LONGEST = 20_000;
const PATIENCE_MS = 15_000;

export function showDiagram(block, button) {
  const before = block.querySelector(".diagram");
  if (before) {
    const shown = before.toggleAttribute("hidden");
    button.setAttribute("aria-pressed", String(!shown));
    return;
  }
  const source = block.querySelector("code").textContent;
  const box = clone("diagram");
  const frame = box.querySelector("iframe");
  const problem = box.querySelector("[data-problem]");
  const fail = () => {
    clearTimeout(timer);
    frame.remove();
    problem.textContent = text("diagram_failed");
    problem.hidden = false;
  };
  const timer = setTimeout(fail, PATIENCE_MS);
  block.querySelector(".code__bar").after(box);
  button.setAttribute("aria-pressed", "true");
  if (source.length > LONGEST) {
    fail();
    return;
  }
  const dark = isDark();
  addEventListener("message", function told(event) {
    if (event.source !== frame.contentWindow) return;
    if (event.data === "ready") frame.contentWindow.postMessage({ source, dark }, "*");
    else if (event.data?.error || !(event.data?.height > 0)) {
      removeEventListener("message", told);
      fail();
    } else {
      clearTimeout(timer);
      removeEventListener("message", told);
      frame.style.height = `${Math.min(900, Math.ceil(event.data.height) + 16)}px`;
      box.dataset.drawn = "";
    }
  });
  frame.src = "/diagrams/frame/";
}

const isDark = () => {
  const theme = document.documentElement.dataset.theme;
  return theme === "dark" || (theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
};
