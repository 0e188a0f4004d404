"""Everything that opens over the chat, by its own button or keys, in both languages, both themes and three widths: axe
finds nothing, nothing sticks out or is cut off, nothing is left untranslated, and none is forgotten here.

    CHATPLATFORM_TEST_PICTURES=folder pytest tests/browser/test_every_dialog.py      keeps a picture of each
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ChatPage, NewVisitor, Site
from tests.browser.every_page import (
    FIND_FLAWS,
    HEIGHT,
    OF_COLOURS,
    WIDTHS,
    axe,
    overflow,
    take_picture,
    texts,
)
from tests.browser.test_accessibility import untranslated
from tests.browser.test_sharing import POLICY

FIND_CUT = (Path(__file__).parent / "find_cut.js").read_text()
PHONE = WIDTHS[-1]
FOLDER, TAG = "Trips", "outdoors"
# what was written here, by people and models: it reads the same in every language
WRITTEN = re.compile(
    r"\[\[tokens|boots|kayaks|tents\.(?:txt|pdf)|hours|trips|outdoors|heron 2|finch 2|fjord|all weights are|scripted"
    r"|^(?:one|two)$",
    re.IGNORECASE,
)

# Gives the last answer two sources, has the attached file read, and says where that conversation is.
PREPARE = """
import sys
import django
django.setup()
from uuid import UUID
from chatplatform.chat.models import Turn
from chatplatform.chat.sources.passages import Source
from chatplatform.chat.sources.services import keep_sources
from chatplatform.common.scope import all_workspaces, workspace_scope
from chatplatform.jobs.heartbeat import Heartbeat
from chatplatform.jobs.models import Job
from chatplatform.jobs.runner import Runner
with all_workspaces("test"):
    ids = list(Job.objects.filter(state="waiting", kind="files.read").values_list("id", flat=True))
    turn = Turn.objects.filter(conversation_id=UUID(sys.argv[1])).order_by("created_at").last()
with workspace_scope(turn.workspace_id):
    keep_sources(turn.id, [
        Source(number=1, kind="file", title="Tents.pdf", page=3, passage="The Heron 2 weighs 1.9 kg.",
               before="All weights are with poles. ", after=" The Finch 2 is lighter."),
        Source(number=2, kind="web", title="Hours", passage="Open from nine.", url="https://shop.example/hours"),
    ])
for job_id in ids:
    Runner(Heartbeat(on_stuck=lambda: None)).run(job_id)
"""

# a folder and a tag, and the conversation that is shown in neither
PUT_IN_ORDER = """async ([folder, tag]) => {
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
  const headers = { "X-CSRFToken": token, accept: "application/json" };
  const post = (address, fields) => fetch(address, { method: "POST", headers, body: new URLSearchParams(fields) });
  await post("/folders/", { name: folder, instructions: "" });
  await post("/tags/", { name: tag });
}"""

# behind a drawer the page rests, with its main part and its heading; axe sees that at times
OF_THE_PAGE = ("landmark-one-main", "page-has-heading-one")

CLOSE = """() => {
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  for (const menu of document.querySelectorAll(":popover-open")) menu.hidePopover();
  document.querySelector('#inside:not([hidden]) [data-action="close-inside"]')?.click();
  document.querySelector('[data-drawer=open] #sidebar [data-action="close-sidebar"]')?.click();
}"""


class Thing(NamedTuple):
    """`selector` is what is open after `open(page)`; `stays` says that the page is another one after it."""

    name: str
    selector: str
    open: Callable[[Page], None]
    stays: bool = False


def press(selector: str) -> Callable[[Page], None]:
    return lambda page: page.locator(selector).first.click()


def keys(combination: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        page.locator("[data-log]").focus()
        page.keyboard.press(combination)

    return act


def then(*steps: Callable[[Page], None]) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        for step in steps:
            step(page)

    return act


def sidebar(page: Page) -> None:
    """On a phone it is a drawer."""
    opener = page.locator('[data-action="open-drawer"]')
    if opener.is_visible():
        opener.click()


def at(selector: str) -> Callable[[Page], None]:
    """A button that is seen when its row is pointed at."""

    def act(page: Page) -> None:
        button = page.locator(selector).first
        expect(button).to_be_visible()  # a drawer slides in
        button.focus()
        expect(button).to_be_focused()
        page.keyboard.press("Enter")

    return act


def search(page: Page) -> None:
    keys("Control+Shift+F")(page)
    page.locator("#search-words").fill("kayaks")
    expect(page.locator("#search-dialog .hit").first).to_be_visible()


def one_chosen(page: Page) -> None:
    conversation("select")(page)
    expect(page.locator(".selection")).to_be_visible()


def temporary(page: Page) -> None:
    page.locator('[data-action="new-chat"]:visible').first.click()
    page.locator('[data-action="temporary"]').click()
    page.locator("#message").fill("[[tokens=2]] Between us")
    page.keyboard.press("Enter")
    expect(page.locator(".message--assistant")).to_have_count(1)
    expect(page.locator("[data-running]")).to_have_count(0)
    page.keyboard.press("Control+Shift+O")


def made_link(page: Page) -> None:
    expect(page.locator("#share-dialog [data-dialog-part]")).to_be_visible()
    if page.locator("#share-dialog [data-link]").count() == 0:
        page.locator("#share-dialog [type=submit][form]").click()
    expect(page.locator("#share-dialog [data-link]").first).to_be_visible()


def unfolded(page: Page) -> None:
    expect(page.locator("[data-inside]")).to_be_visible()
    page.locator("#inside summary").first.click()
    expect(page.locator("#inside [data-loaded] > *").first).to_be_visible()


CONVERSATION_MENU = then(sidebar, at('[data-list] [data-action="conversation-menu"]'))
ANSWER_MENU = at('.message--assistant [data-message-action="menu"]')


def conversation(action: str) -> Callable[[Page], None]:
    return then(CONVERSATION_MENU, press(f'#conversation-menu [data-action="{action}"]'))


FOLDER_MENU = then(sidebar, at('[data-action="folder-menu"]'))
TAG_MENU = then(sidebar, press('[data-action="open-tag"]'), at('[data-action="shelf-menu"]'))

THINGS = (
    Thing("sidebar", "#sidebar", sidebar),
    Thing("palette", "#palette", keys("Control+k")),
    Thing("shortcuts", "#shortcuts-dialog", keys("?")),
    Thing("search", "#search-dialog", search),
    Thing("account menu", "#account-menu", then(sidebar, press('[popovertarget="account-menu"]'))),
    Thing("conversation menu", "#conversation-menu", CONVERSATION_MENU),
    Thing("rename", "#rename-dialog", conversation("rename")),
    Thing("move", "#move-dialog", conversation("move")),
    Thing("tags", "#tags-dialog", conversation("edit-tags")),
    Thing("share", "#share-dialog", conversation("share")),
    Thing("share with a link", "#share-dialog", then(conversation("share"), made_link)),
    Thing("export", "#export-dialog", conversation("export")),
    Thing("delete", "#delete-dialog", conversation("delete")),
    Thing("several", ".selection", one_chosen, stays=True),
    Thing(
        "delete several",
        "#sure-dialog",
        then(one_chosen, press('[data-action="delete-selected"]')),
        stays=True,
    ),
    Thing("new folder", "#folder-dialog", then(sidebar, press('[data-action="new-folder"]'))),
    Thing("folder menu", "#folder-menu", FOLDER_MENU),
    Thing("folder", "#folder-dialog", then(FOLDER_MENU, press('[data-action="change-folder"]'))),
    Thing("tag menu", "#tag-menu", TAG_MENU, stays=True),
    Thing("tag", "#tag-dialog", then(TAG_MENU, press('[data-action="change-tag"]')), stays=True),
    Thing("question menu", "#message-menu", at('.message--user [data-message-action="menu"]')),
    Thing("answer menu", "#message-menu", ANSWER_MENU),
    Thing("editor", "[data-editor]", keys("Alt+Shift+E"), stays=True),
    Thing("verdict", "#feedback-dialog", at('[data-message-action="bad"]')),
    Thing("source", "#sources-panel", press(".source-chip")),
    Thing("inside", "#inside", then(press('[data-action="inside"]'), unfolded)),
    Thing("outbound", "#outbound-dialog", press('[data-action="outbound"]')),
    Thing("file", "#file-dialog", press(".message--user [data-open]")),
    Thing("model menu", "#model-menu", press('[data-action="choose-model"]')),
    Thing("temporary", "#temporary-dialog", temporary, stays=True),
)


def furnish(chat: ChatPage, site: Site) -> str:
    """A conversation with a file, an answer with sources, and another one; gives its address."""
    page = chat.page
    page.route("**/c/models/", lambda route: route.fulfill(json={"models": ["one", "two"]}))
    chat.open()
    chat.ask("[[tokens=3]] about boots")
    chat.answered()
    page.locator('[data-action="new-chat"]:visible').first.click()
    page.locator("[data-file-input]").set_input_files(
        [{"name": "tents.txt", "mimeType": "text/plain", "buffer": b"The Fjord weighs 1.8 kg. " * 200}]
    )
    expect(page.locator("[data-attachments] [data-state=reading]")).to_be_visible()
    chat.ask("[[tokens=40]] about kayaks")
    identity = re.compile(r"/c/([0-9a-f-]+)/$")
    expect(page).to_have_url(identity)
    found = identity.search(page.url)
    assert found
    expect(page.locator(".message--user .chip")).to_be_visible()
    site.processes.script(PREPARE, found[1])
    chat.answered()
    page.evaluate(PUT_IN_ORDER, [FOLDER, TAG])
    chat.open(found[0])
    return found[0]


def look_at(page: Page, thing: Thing, width: int, language: str) -> list[str]:
    """What is wrong with it, as it is open now."""
    found: list[str] = page.evaluate(FIND_CUT, thing.selector)
    found += overflow(page, width)
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        take_picture(page, thing.name, f"{width}-{scheme}-{language}")
        if language == "en" and (width == WIDTHS[0] or scheme == "light"):
            flaws = axe(page, OF_COLOURS if scheme == "dark" else None)
            found += [f"{scheme}: {flaw}" for flaw in flaws if not flaw.startswith(OF_THE_PAGE)]
    if language == "en":
        found += page.evaluate(FIND_FLAWS)
    return [f"{thing.name}, {width}, {language}: {flaw}" for flaw in found]


@pytest.mark.timeout(900)
def test_everything_that_opens(site: Site, new_visitor: NewVisitor) -> None:
    site.processes.script(POLICY)
    found: list[str] = []
    said: dict[str, dict[str, set[str]]] = {}
    for language, locale in {"en": "en-GB", "zh": "zh-CN"}.items():
        visitor = new_visitor(locale=locale, reduced_motion="reduce", bypass_csp=True)
        chat = visitor.chat(None)
        address = furnish(chat, site)
        page = chat.page
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": HEIGHT})
            for thing in THINGS:
                thing.open(page)
                expect(page.locator(thing.selector)).to_be_visible()
                found += look_at(page, thing, width, language)
                if width == WIDTHS[0]:
                    said.setdefault(thing.name, {})[language] = texts(page)
                if thing.name == "temporary":
                    page.locator('[data-action="leave-chat"]').click()
                page.evaluate(CLOSE)
                if thing.stays:
                    chat.open(address)
        opened = {thing.selector for thing in THINGS}
        every = page.evaluate(
            "[...document.querySelectorAll('dialog[id], [popover][id]')].map(({ id }) => `#${id}`)"
        )
        assert set(every) <= opened, "what is not opened here is not looked at"
    for name, words in said.items():
        found += [
            f"{name}, untranslated: {one}"
            for one in sorted(untranslated(words["en"] & words["zh"]))
            if not WRITTEN.search(one)
        ]
    assert not found, "\n".join(dict.fromkeys(found))
