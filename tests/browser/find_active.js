// Whatever in the page could run, load from elsewhere, cover it or send something away.
() => {
  const found = [];
  const note = (why, element) => found.length < 20 && found.push(`${why}: ${element.outerHTML.slice(0, 160)}`);
  const elsewhere = (address) => {
    try {
      const url = new URL(address, location.href);
      return url.origin !== location.origin && url.protocol !== "data:" && url.protocol !== "blob:";
    } catch {
      return true;
    }
  };
  for (const element of document.querySelectorAll("*")) {
    const name = element.localName;
    if (["iframe", "object", "embed", "applet", "base", "frame", "frameset", "marquee", "portal"].includes(name) && !element.hasAttribute("data-sandbox"))
      note("an element that loads", element);
    if (name === "style" || (name === "meta" && element.httpEquiv)) note("an element that changes the page", element);
    if (name === "script" && !element.src && element.type !== "application/json") note("a script", element);
    for (const { name: key, value } of element.attributes) {
      if (key.startsWith("on")) note("a handler", element);
      if (key === "style") note("a style", element);
      if (/^(href|src|action|formaction|data|poster|background|xlink:href|srcset|ping|srcdoc)$/.test(key)) {
        const isLink = name === "a" && key === "href";
        if (/^[\s\u0000-\u0020]*(javascript|vbscript|data):/i.test(value) && name !== "img") note("an address that runs", element);
        else if (isLink && elsewhere(value) && !/^(https?|mailto):/i.test(value)) note("a strange address", element);
        else if (isLink && elsewhere(value) && !/noopener/.test(element.rel)) note("a link that tells where it came from", element);
        else if (!isLink && elsewhere(value)) note("loads from elsewhere", element);
      }
    }
  }
  if (globalThis.pwned !== undefined) found.push(`a script ran: ${globalThis.pwned}`);
  return [...found, ...(globalThis.reports ?? []).map((report) => `the policy had to step in: ${report}`)];
}
