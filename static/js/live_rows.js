// A table that is looked at again while the reader looks: `data-live-rows="address"`. Only what reads differently is
// put in place, piece by piece (`data-piece="name"`), so that ticks, focus and scrolling stay as they are.

import { fragment, markupOf } from "./html.js";
import { localTimes } from "./local_times.js";
import { fetchPart, RequestFailed } from "./requests.js";

const BUSY_MS = 1500;
const CALM_MS = 10_000;
const said = new WeakMap(); // pieces -> what the server last said of them

const part = document.querySelector("[data-live-rows]");
let timer = null;
let looking = null; // true while the server is asked, "again" when somebody wants to know more meanwhile

/** Look now, and then as often as the table says that something happens (`data-busy`). */
export async function lookAgain() {
  clearTimeout(timer);
  if (looking) {
    looking = "again";
    return;
  }
  looking = true;
  if (document.visibilityState === "visible") await look();
  const pause = looking === "again" || part.dataset.busy !== undefined ? BUSY_MS : CALM_MS;
  looking = null;
  timer = setTimeout(lookAgain, pause);
}

if (part) {
  for (const piece of part.querySelectorAll("[data-piece]")) said.set(piece, markupOf(piece));
  timer = setTimeout(lookAgain, BUSY_MS);
  part.addEventListener("look-again", lookAgain); // an act of the reader's own has changed something
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && lookAgain());
}

async function look() {
  try {
    const next = fragment(await fetchPart(part.dataset.liveRows)).firstElementChild;
    if (!part.isConnected || !next) return;
    if (next.dataset.busy === undefined) delete part.dataset.busy;
    else part.dataset.busy = "";
    for (const piece of next.querySelectorAll("[data-piece]")) said.set(piece, markupOf(piece));
    localTimes(next);
    if (renewRows(next)) for (const piece of outside(next)) renew(piece);
    part.dispatchEvent(new CustomEvent("rows-renewed"));
  } catch (failure) {
    if (!(failure instanceof RequestFailed)) throw failure;
  }
}

const outside = (next) => [...next.querySelectorAll("[data-piece]")].filter((piece) => !piece.closest("[data-row]"));

function renew(next, among = part) {
  const piece = among.querySelector(`[data-piece="${CSS.escape(next.dataset.piece)}"]`);
  if (!piece || said.get(piece) === said.get(next) || piece.contains(document.activeElement)) return;
  piece.replaceWith(next);
}

/** Whether the table is the same kind of thing as before; else all of it was replaced. */
function renewRows(next) {
  const body = part.querySelector("[data-rows]");
  const fresh = next.querySelector("[data-rows]");
  if (!body && !fresh) return true;
  if (!body || !fresh) {
    if (!part.contains(document.activeElement)) part.replaceChildren(...next.children);
    return false;
  }
  const known = new Map([...body.children].map((row) => [row.dataset.row, row]));
  const stays = new Set([...fresh.children].map((row) => row.dataset.row));
  // first, so that no row has to be moved for it: what is moved loses its focus. Nor does a row go in which somebody is
  for (const [id, row] of known) if (!stays.has(id) && !row.contains(document.activeElement)) row.remove();
  let place = null;
  for (const row of [...fresh.children]) {
    const old = known.get(row.dataset.row);
    if (old) for (const piece of [...row.querySelectorAll("[data-piece]")]) renew(piece, old);
    const here = old ?? row;
    let wanted = place ? place.nextElementSibling : body.firstElementChild;
    while (wanted && wanted !== here && !stays.has(wanted.dataset.row)) wanted = wanted.nextElementSibling;
    if (here !== wanted) body.insertBefore(here, wanted);
    if (!old) globalThis.htmx?.process(here);
    place = here;
  }
  return true;
}
