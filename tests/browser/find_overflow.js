// What sticks out of the page sideways, and is not in a part that scrolls or cuts by itself.
() => {
  const flaws = [];
  const wide = document.documentElement.scrollWidth - innerWidth;
  if (wide > 0) flaws.push(`the page is ${wide} px too wide`);
  const kept = (element) => {
    for (let at = element.parentElement; at && at !== document.body; at = at.parentElement)
      if (getComputedStyle(at).overflowX !== "visible") return true;
    return false;
  };
  for (const element of document.querySelectorAll("body *")) {
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    if (element.closest(".visually-hidden, .skip-link, svg, [inert], .sidebar, option, .toasts")) continue;
    const box = element.getBoundingClientRect();
    if (!box.width || !box.height) continue;
    const out = Math.round(Math.max(box.right - innerWidth, -box.left));
    if (out > 1 && !kept(element)) flaws.push(`${out} px out: ${element.outerHTML.slice(0, 100)}`);
  }
  return flaws.slice(0, 5);
}
