"""A real browser before a real server process, with the scripted engine behind it."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from chatplatform.installation.browser import find_browser
from chatplatform.testing.fixtures import TOKEN, ScriptedEngineProcess
from chatplatform.testing.site_process import SiteProcesses
from tests.browser.replies import REPLIES

PEOPLE = 200
WAIT_MS = 15_000
SWITCHES = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# what the page was kept from doing, for tests to look at
COUNT_REPORTS = """
window.reports = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.reports.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""

expect.set_options(timeout=WAIT_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.slow)


@dataclass
class Site:
    processes: SiteProcesses
    engine: ScriptedEngineProcess
    _cookies: Iterator[str] = field(repr=False)

    @property
    def url(self) -> str:
        return self.processes.url

    def next_person(self) -> str:
        """The session id of somebody without conversations."""
        return next(self._cookies).partition("=")[2]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    script = folder / "replies.json"
    script.write_text(json.dumps([{"when": when, "reply": reply} for when, reply in REPLIES]))
    engine = ScriptedEngineProcess("--script", str(script))
    processes = SiteProcesses(
        folder, engine_url=engine.url, engine_token=TOKEN, CHATPLATFORM_WEB_PAGE_HOSTS="docs.invalid"
    )
    processes.migrate()
    cookies = processes.people(PEOPLE)
    processes.start_web()
    yield Site(processes, engine, iter(cookies))
    processes.stop()
    engine.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    switches = [*SWITCHES, "--no-sandbox"] if os.geteuid() == 0 else SWITCHES
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_browser(), args=switches)
        yield chromium
        chromium.close()


class ChatPage:
    """The chat as a person uses it; names things as they do."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.errors: list[str] = []
        self.foreign_requests: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", lambda dialog: self.errors.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: self._note(request.url))

    def _note(self, address: str) -> None:
        if not address.startswith((self.url, "data:")):
            self.foreign_requests.append(address)

    def open(self, path: str = "/") -> ChatPage:
        self.page.goto(self.url + path)
        expect(self.page.locator("html[data-ready]")).to_be_attached()
        return self

    @property
    def field(self) -> Locator:
        return self.page.locator("#message")

    @property
    def answers(self) -> Locator:
        return self.page.locator(".message--assistant")

    @property
    def questions(self) -> Locator:
        return self.page.locator(".message--user")

    @property
    def last_answer(self) -> Locator:
        return self.answers.last

    def ask(self, question: str) -> None:
        self.field.fill(question)
        self.field.press("Enter")

    def answered(self, number: int = 1) -> str:
        """Wait until so many answers are there and none is being written; the text of the last one."""
        expect(self.answers).to_have_count(number)
        expect(self.page.locator("[data-running]")).to_have_count(0)
        return self.text()

    def text(self) -> str:
        return self.last_answer.locator("[data-body]").inner_text().strip()

    def wait_for_text(self, words: str) -> None:
        expect(self.last_answer.locator("[data-body]")).to_contain_text(words)

    def reports(self) -> list[str]:
        found: list[str] = self.page.evaluate("window.reports")
        return found


@dataclass
class Visitor:
    """One person's browser; `chat()` opens another tab of it."""

    context: BrowserContext
    site: Site
    pages: list[ChatPage] = field(default_factory=list)

    def chat(self, path: str | None = "/") -> ChatPage:
        chat = ChatPage(self.context.new_page(), self.site.url)
        self.pages.append(chat)
        return chat.open(path) if path else chat


NewVisitor = Callable[..., Visitor]


@pytest.fixture
def new_visitor(site: Site, browser: Browser) -> Iterator[NewVisitor]:
    """Makes a browser of a new person (or of a stranger), with any settings that Playwright's contexts have."""
    made: list[Visitor] = []

    def make(*, stranger: bool = False, **settings: Any) -> Visitor:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}} | settings)
        context.set_default_timeout(WAIT_MS)
        context.add_init_script(COUNT_REPORTS)
        if not stranger:
            context.add_cookies([{"name": "sessionid", "value": site.next_person(), "url": site.url}])
        visitor = Visitor(context, site)
        made.append(visitor)
        return visitor

    yield make
    problems = list(itertools.chain.from_iterable(page.errors for visitor in made for page in visitor.pages))
    for visitor in made:
        visitor.context.close()
    assert not problems, f"scripts of the page failed: {problems}"


@pytest.fixture
def chat(new_visitor: NewVisitor) -> ChatPage:
    """A new person in an empty chat."""
    return new_visitor().chat()
