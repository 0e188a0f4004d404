// Small requests beside the websocket.

/** Why a request failed, in words for the reader. */
export class RequestFailed extends Error {}

/** Send a form; returns the JSON answer, or null when there is none. Throws RequestFailed. */
export async function submitForm(form, fallback) {
  const answer = await attempt(
    form.action,
    { method: "POST", body: new FormData(form), headers: { accept: "application/json" } },
    fallback,
  );
  return answer.status === 204 ? null : answer.json();
}

/** Send fields, as a list of names and values; the answer as from `submitForm`. Throws RequestFailed. */
export async function postFields(address, fields, fallback, options = {}) {
  const body = new FormData();
  body.append("csrfmiddlewaretoken", document.querySelector('[name="csrfmiddlewaretoken"]').value);
  for (const [name, value] of fields) body.append(name, value);
  const answer = await attempt(address, { method: "POST", body, headers: { accept: "application/json" }, ...options }, fallback);
  return answer.status === 204 ? null : answer.json();
}

/** The HTML of a part of a page. Throws RequestFailed. */
export async function fetchPart(address, fallback = "") {
  const answer = await attempt(address, { headers: { accept: "text/html" } }, fallback);
  return answer.text();
}

async function attempt(address, options, fallback) {
  let answer;
  try {
    answer = await fetch(address, { ...options, redirect: "error" });
  } catch {
    throw new RequestFailed(fallback);
  }
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => null);
  throw new RequestFailed(said?.message ?? fallback);
}
