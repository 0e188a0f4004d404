// The one place where HTML becomes part of the page. It comes from our server, which sanitised it; the
// Content-Security-Policy lets no other code do this (Trusted Types).

const policy = globalThis.trustedTypes
  ? trustedTypes.createPolicy("sanitised-by-server", { createHTML: (html) => html })
  : { createHTML: (html) => html };

/** A fragment of the server's HTML; nothing in it runs or loads before it is inserted. */
export function fragment(html) {
  const template = document.createElement("template");
  template.innerHTML = policy.createHTML(html);
  return template.content;
}

/** A copy of the first element of `<template id=…>`. */
export function clone(id) {
  return document.getElementById(id).content.firstElementChild.cloneNode(true);
}

/**
 * Let the browser's parsers take the server's HTML through the same policy: for htmx, which hands them plain text.
 * What they make is a document of its own in which nothing runs or loads; every other way in stays shut.
 */
export function trustParsedHtml() {
  const trusted = (html) => (typeof html === "string" ? policy.createHTML(html) : html);
  const parse = DOMParser.prototype.parseFromString;
  DOMParser.prototype.parseFromString = function (html, type) {
    return parse.call(this, trusted(html), type);
  };
  if ("parseHTMLUnsafe" in Document) {
    const parseDocument = Document.parseHTMLUnsafe;
    Document.parseHTMLUnsafe = (html) => parseDocument.call(Document, trusted(html));
  }
}
