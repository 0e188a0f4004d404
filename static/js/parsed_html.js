// For htmx, which hands the server's HTML to the browser's parsers.

import { policy } from "./html.js";

/**
 * Let the browser's parsers take the server's HTML through the same policy, though it comes as plain text.
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
