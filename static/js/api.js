// The REST API, asked with the page's own session.

import { text } from "./page_data.js";

/** Gives the JSON answer, or null; throws with words for the reader. */
export async function askApi(method, address, body) {
  const token = document.querySelector("input[name=csrfmiddlewaretoken]")?.value ?? "";
  const headers = { accept: "application/json", "x-csrftoken": token };
  if (body !== undefined) headers["content-type"] = "application/json";
  const answer = await fetch(address, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) }).catch(() => null);
  if (answer?.ok) return answer.status === 204 ? null : answer.json();
  const said_ = await answer?.json().catch(() => null);
  throw new Error(said_?.message ?? text("not_saved"));
}
