// What of the page a screen reader could not make sense of.
() => {
  const flaws = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const seen = (element) => element.checkVisibility();
  const words = (ids) => ids.split(" ").map((id) => document.getElementById(id)?.textContent ?? "").join("");
  const nameOf = (element) =>
    (element.getAttribute("aria-label") ?? "") + words(element.getAttribute("aria-labelledby") ?? "") +
    [...(element.labels ?? [])].map((label) => label.textContent).join("") +
    ((element.matches("input, select, textarea")) ? "" : element.textContent) +
    [...element.querySelectorAll("img")].map((image) => image.alt).join("");
  for (const element of all("button:not([aria-hidden=true]), a[href], input:not([type=hidden], [aria-hidden=true]), select, textarea, [role=menuitem], dialog, progress"))
    if (seen(element) && !nameOf(element).trim()) flaws.push("no name: " + element.outerHTML.slice(0, 120));
  for (const image of all("img")) if (!image.hasAttribute("alt")) flaws.push("no alt: " + image.src);
  for (const icon of all("svg")) if (seen(icon) && icon.getAttribute("aria-hidden") !== "true" && !icon.closest("[role=img]") && !icon.hasAttribute("aria-label"))
    flaws.push("icon is read out: " + icon.outerHTML.slice(0, 80));
  const ids = all("[id]").map((element) => element.id);
  for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) flaws.push("id twice: " + id);
  for (const reference of ["aria-labelledby", "aria-describedby", "aria-controls", "for"])
    for (const element of all(`[${reference}]`))
      for (const id of element.getAttribute(reference).split(" "))
        if (!document.getElementById(id)) flaws.push(`${reference} points nowhere: ${id}`);
  if (all("main").length !== 1) flaws.push("one main part is needed");
  if (!document.documentElement.lang) flaws.push("no language");
  if (!document.title.trim()) flaws.push("no title");
  const levels = all("h1, h2, h3, h4").filter(seen).map((heading) => Number(heading.tagName[1]));
  levels.forEach((level, at) => { if (at && level > levels[at - 1] + 1) flaws.push("a heading level is skipped: " + levels); });
  for (const element of all("[tabindex]")) if (element.tabIndex > 0) flaws.push("own tab order: " + element.outerHTML.slice(0, 80));
  return flaws;
}
