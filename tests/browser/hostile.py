"""Hostile texts, and what a page must look like that shows them: every door of the product is tried with these.

Our own list is in `hostile_payloads.txt`, one a line. The public list of 6,613 (`xss-payload-list.txt`) is used where a
copy lies in the folder of benchmark data.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

from playwright.sync_api import Browser, BrowserContext, Dialog, Page

from chatplatform.chat.live import LiveTurn
from chatplatform.chat.protocol import ConversationView, MessageView, Snapshot, Welcome
from chatplatform.testing.site_process import SiteProcesses

HERE = Path(__file__).parent
FIND_ACTIVE = (HERE / "find_active.js").read_text()
OWN = HERE / "hostile_payloads.txt"

# anything that a payload calls to show that it ran
TRAPS = """
window.reports = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.reports.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
for (const name of ["alert", "confirm", "prompt", "print"]) window[name] = () => { window.pwned = name; };
"""

# a socket that says what it is told: `window.server(frames)` speaks for the server
FAKE_SOCKET = """
window.WebSocket = class extends EventTarget {
  constructor() { super(); window.line = this; window.heard = []; }
  send(frame) { window.heard.push(frame); }
  close() {}
};
window.server = (frames) => {
  for (const data of frames) window.line.dispatchEvent(new MessageEvent("message", { data }));
};
"""

FILL = """
import sys
import django
django.setup()
from tests.browser.hostile_rows import main
main(*sys.argv[1:])
"""
CONSOLE = """
import django
django.setup()
from django.test import Client
from chatplatform.accounts.models import Membership, Role
browser = Client()
browser.force_login(Membership.objects.filter(role=Role.OWNER).first().user)
print(browser.cookies["sessionid"].value)
"""


@dataclass(frozen=True)
class Made:
    """What `fill` made: addresses of pages on the site, and files as they were exported."""

    texts: int
    conversations: list[str]
    titles: int
    links: list[str]
    files: list[str]


def payloads(public: Path | None = None) -> list[str]:
    """Our own list, and the public one where there is a copy."""
    lines = OWN.read_text(encoding="utf-8").splitlines()
    if public is not None and public.is_file():
        lines += public.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line.replace("\\n", "\n") for line in dict.fromkeys(lines) if line.strip()]


def fill(site: SiteProcesses, person_id: str, texts: list[str]) -> Made:
    """Have each text stand in every place where rows can bring it (see `hostile_rows`), for this person."""
    folder = site.folder / f"hostile-{uuid4().hex}"
    folder.mkdir()
    file = folder / "texts.json"
    file.write_text(json.dumps(texts))
    made = json.loads(site.script(FILL, person_id, str(file), str(folder)).splitlines()[-1])
    return Made(len(texts), **made)


def console_session(site: SiteProcesses) -> str:
    """The session of somebody who reads what the workspace's people say of answers."""
    return site.script(CONSOLE).splitlines()[-1]


class Watched:
    """A page that notices whatever runs or leaves."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.url = url
        self.left: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("request", lambda request: self._note(request.url))
        self.page.on("dialog", self._dismiss)
        self.page.on("popup", lambda popup: self.left.append(f"window: {popup.url}"))

    def _note(self, address: str) -> None:
        if not address.startswith((self.url, "data:", "blob:", "file:")):
            self.left.append(f"request: {address}")

    def _dismiss(self, dialog: Dialog) -> None:
        self.left.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def findings(self) -> list[str]:
        found: list[str] = self.page.evaluate(FIND_ACTIVE)
        return [*found, *self.left]

    def take_findings(self) -> list[str]:
        """What was found until now; each is told once."""
        found = self.findings()
        self.left.clear()
        self.page.evaluate("() => { globalThis.reports = []; delete globalThis.pwned; }")
        return found


def watched_context(
    browser: Browser, url: str, session: str = "", *, fake_socket: bool = False
) -> BrowserContext:
    """A browser of whoever has the session, or of a stranger."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.add_init_script(TRAPS + (FAKE_SOCKET if fake_socket else ""))
    if session:
        context.add_cookies([{"name": "sessionid", "value": session, "url": url}])
    return context


def show_streamed(page: Page, texts: Iterable[str], *, at_once: int = 2_000) -> int:
    """Let an answer arrive in a page with a fake socket, one character a frame: all texts, each a paragraph."""
    conversation, number = uuid4(), 0
    page.evaluate(
        "(id) => { history.pushState(null, '', `/c/${id}/`); dispatchEvent(new PopStateEvent('popstate')); }",
        str(conversation),
    )
    frames = streamed(conversation, texts)
    while batch := list(itertools.islice(frames, at_once)):
        number += len(batch)
        page.evaluate("(frames) => window.server(frames)", batch)
    return number


def streamed(conversation: UUID, texts: Iterable[str]) -> Iterator[str]:
    """The frames of a chat whose answer arrives one character at a time."""
    turn = LiveTurn(uuid4(), conversation, uuid4(), state="running")
    now = datetime.now(UTC)
    view = ConversationView(id=conversation, title="Hi", assistant_id=None, updated_at=now)
    question = MessageView(id=uuid4(), role="user", text="Hi", created_at=now)
    answer = MessageView(id=uuid4(), role="assistant", text="", created_at=now, turn=turn.view())
    yield Welcome().model_dump_json()
    yield Snapshot(conversation=view, messages=[question, answer]).model_dump_json()
    segment = 0
    for text in texts:
        for character in f"{text}\n\n":
            segment += 1
            yield turn.feed(character, segment).model_dump_json()
