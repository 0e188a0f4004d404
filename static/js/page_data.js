// What the server handed to the page: a JSON element that the browser does not run.

const element = document.getElementById("page-data");

export const data = element ? JSON.parse(element.textContent) : {};

const language = document.documentElement.lang || "en";
const plural = new Intl.PluralRules(language);

/** The text called `name` in the reader's language; `values` fill its `{places}`, `n` chooses the form. */
export function text(name, values = {}) {
  const entry = data.strings?.[name] ?? name;
  const form = typeof entry === "string" ? entry : (entry[plural.select(values.n)] ?? entry.other);
  return form.replace(/\{(\w+)\}/g, (place, key) => (key in values ? format(values[key]) : place));
}

const number = new Intl.NumberFormat(language);
const format = (value) => (typeof value === "number" ? number.format(value) : value);

const sameDay = new Intl.DateTimeFormat(language, { timeStyle: "short" });
const otherDay = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });

/** A moment as people read it: the time alone when it was today. */
export function moment(iso) {
  const date = new Date(iso);
  return (date.toDateString() === new Date().toDateString() ? sameDay : otherDay).format(date);
}
