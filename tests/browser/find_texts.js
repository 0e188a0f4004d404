// The words of our own that a page says: texts and labels, without what people or models wrote and without code.
() => {
  const found = new Set();
  const not = "code, pre, kbd, time, samp, textarea, svg, script, style, template, [translate=no], [data-body], .prose, .conversations__list";
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { data, parentElement } = walker.currentNode;
    if (data.trim() && !parentElement.closest(not)) found.add(data.trim().replace(/\s+/g, " "));
  }
  for (const name of ["aria-label", "title", "placeholder", "alt", "aria-description", "data-label"])
    for (const element of document.querySelectorAll(`[${name}]`))
      if (!element.closest(not) && element.getAttribute(name).trim()) found.add(element.getAttribute(name).trim());
  found.add(document.title);
  return [...found];
}
