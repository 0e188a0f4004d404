// Passkeys: asks the browser for one, and hands its answer to the server.

import { text } from "./page_data.js";
import { RequestFailed } from "./requests.js";

export const known =
  typeof PublicKeyCredential === "function" &&
  typeof PublicKeyCredential.parseRequestOptionsFromJSON === "function" &&
  typeof PublicKeyCredential.prototype.toJSON === "function";

/** Come in, or confirm, with a passkey of this site. Throws RequestFailed with words for the reader. */
export async function usePasskey({ options, answer, next }) {
  const asked = await send(options, null);
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(asked.publicKey);
  const credential = await attempt(() => navigator.credentials.get({ publicKey }));
  const said = await send(answer, { credential: credential.toJSON(), next });
  location.assign(said.next);
}

/** Make a passkey for the signed-in person. Throws RequestFailed. */
export async function addPasskey({ options, answer, name }) {
  const asked = await send(options, null);
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(asked.publicKey);
  const credential = await attempt(() => navigator.credentials.create({ publicKey }));
  const said = await send(answer, { credential: credential.toJSON(), name });
  location.assign(said.next);
}

async function attempt(ask) {
  try {
    return await ask();
  } catch (failure) {
    if (failure.name === "InvalidStateError") throw new RequestFailed(text("passkey_known"));
    if (failure.name === "SecurityError") throw new RequestFailed(text("passkey_place"));
    throw new RequestFailed(text("passkey_not_used"));
  }
}

async function send(address, body) {
  let answer;
  try {
    answer = await fetch(address, {
      method: "POST",
      redirect: "error",
      headers: {
        accept: "application/json",
        "content-type": "application/json",
        "x-csrftoken": document.querySelector("[name=csrfmiddlewaretoken]").value,
      },
      body: body === null ? null : JSON.stringify(body),
    });
  } catch {
    throw new RequestFailed(text("not_saved"));
  }
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) return said;
  if (said.confirm_at) location.assign(said.confirm_at);
  throw new RequestFailed(said.message ?? text("not_saved"));
}

/** Wires the buttons that use a passkey, where the browser knows passkeys. */
export function wireButtons(root = document) {
  if (!known) return;
  for (const button of root.querySelectorAll('[data-passkey="use"]')) {
    button.hidden = false;
    button.addEventListener("click", () => guard(button, root, () => usePasskey(button.dataset)));
  }
}

/** Runs `work` once at a time and says what went wrong. */
export async function guard(button, root, work) {
  const place = root.querySelector("[data-passkey-error]");
  place.hidden = true;
  button.disabled = true;
  try {
    await work();
  } catch (failure) {
    if (!(failure instanceof RequestFailed)) throw failure;
    place.textContent = failure.message;
    place.hidden = false;
  } finally {
    button.disabled = false;
  }
}
