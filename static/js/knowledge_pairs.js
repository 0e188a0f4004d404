// Questions and answers: as many pairs as the reader wants.

import { clone } from "./html.js";

const list = document.querySelector("[data-pairs]");

document.querySelector("[data-another]").addEventListener("click", () => {
  const pair = clone("pair");
  const number = list.childElementCount + 1;
  for (const field of pair.querySelectorAll("textarea")) {
    field.id = `${field.name}-${number}`;
    field.previousElementSibling.htmlFor = field.id;
  }
  list.append(pair);
  pair.querySelector("textarea").focus();
});
