// The one place where HTML becomes part of the page. It comes from our server, which sanitised it; the
// Content-Security-Policy lets no other code do this (Trusted Types).

export const policy = globalThis.trustedTypes
  ? trustedTypes.createPolicy("sanitised-by-server", { createHTML: (html) => html })
  : { createHTML: (html) => html };

/** A fragment of the server's HTML; nothing in it runs or loads before it is inserted. */
export function fragment(html) {
  const template = document.createElement("template");
  template.innerHTML = policy.createHTML(html);
  return template.content;
}

/** What is inside `element`, as HTML to be copied. */
export const markupOf = (element) => element.innerHTML;

/** A copy of the first element of `<template id=…>`. */
export function clone(id) {
  return document.getElementById(id).content.firstElementChild.cloneNode(true);
}
