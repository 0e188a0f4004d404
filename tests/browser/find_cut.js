// What of an open dialog, menu or drawer cannot be read or reached: it, or something in it, is cut off.
(selector) => {
  const flaws = [];
  const frame = document.querySelector(selector);
  if (!frame?.checkVisibility()) return [`${selector} is not open`];
  const name = (element) => element.outerHTML.slice(0, 110);
  const box = frame.getBoundingClientRect();
  if (box.top < -1 || box.left < -1 || box.bottom > innerHeight + 1 || box.right > innerWidth + 1)
    flaws.push(`it sticks out of the window: ${[box.left, box.top, box.right, box.bottom].map(Math.round)}`);
  for (const element of [frame, ...frame.querySelectorAll("*")]) {
    if (!element.checkVisibility({ visibilityProperty: true }) || element.closest("svg, .visually-hidden, option")) continue;
    const style = getComputedStyle(element);
    const ends = style.textOverflow === "ellipsis" || style.webkitLineClamp !== "none";
    const scrolls = (way) => ["auto", "scroll"].includes(style[way]);
    const isField = element.matches("input, textarea, select");
    if (element.scrollWidth > element.clientWidth + 1 && element.clientWidth && !isField && style.display !== "inline" && !ends) {
      if (style.overflowX === "hidden" || style.overflowX === "clip") flaws.push(`cut off at its side: ${name(element)}`);
      else if (element === frame) flaws.push(`it scrolls sideways: ${name(element)}`);
      else if (element.matches("button, a, label, .tag")) flaws.push(`its words stick out: ${name(element)}`);
    }
    if (element.scrollHeight > element.clientHeight + 1 && element.clientHeight && !isField && !ends && !scrolls("overflowY"))
      if (style.overflowY === "hidden" || style.overflowY === "clip" || element === frame) flaws.push(`cut off below: ${name(element)}`);
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    const at = element.getBoundingClientRect();
    if (own && at.width && (at.left < box.left - 1 || at.right > box.right + 1) && !element.closest("pre, .table-frame"))
      flaws.push(`beside its frame: ${name(element)}`);
  }
  return flaws.slice(0, 6);
}
