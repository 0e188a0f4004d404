"""Every page, in both themes, both languages and three widths: axe finds nothing, nothing sticks out, nothing is left
untranslated.

    CHATPLATFORM_TEST_PICTURES=folder pytest tests/browser/test_accessibility.py      keeps a picture of each
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from chatplatform.testing.scripted_replies import tokens_of
from tests.browser.conftest import ChatPage
from tests.browser.every_page import (
    FIND_FLAWS,
    HEIGHT,
    OF_COLOURS,
    PICTURES,
    WIDTHS,
    Furnished,
    axe,
    faded,
    furnished_site,
    goes_there,
    overflow,
    take_picture,
    texts,
)

# what reads the same in every language: names, addresses, and what the furnishing wrote
SAME_EVERYWHERE = re.compile(r"chatplatform|english|markdown|json|https?:\S*", re.IGNORECASE)
FURNISHED = re.compile(
    r"(?:clerk|mine|mine alone|owner|tents|mine\.txt|phone|test|to be revoked|my workspace|shop|second|readers|writers)"
    r"(?: · Chatplatform)?",
    re.IGNORECASE,
)
# it shows the house's own building blocks by their names
FOR_DEVELOPERS = ("/components/", "/api/docs")  # in English alone


@pytest.fixture(scope="module")
def furnished() -> Iterator[Furnished]:
    with furnished_site() as site:
        yield site


def context_of(browser: Browser, furnished: Furnished, *, stranger: bool, locale: str) -> BrowserContext:
    # the policy of our pages lets no foreign script in, axe neither
    context = browser.new_context(
        viewport={"width": WIDTHS[0], "height": HEIGHT},
        locale=locale,
        color_scheme="light",
        reduced_motion="reduce",
        bypass_csp=True,
    )
    if not stranger:
        context.add_cookies(
            [{"name": "sessionid", "value": furnished.session, "url": furnished.processes.url}]
        )
    return context


def look_at(page: Page, chinese: Page, url: str, path: str) -> list[str]:
    """All that is wrong with a page; it is open in English in `page`."""
    found = [*axe(page), *page.evaluate(FIND_FLAWS)]
    page.emulate_media(color_scheme="dark")
    faded(page)
    if axe(page, OF_COLOURS):
        # a busy machine may have painted half of the change: what is a flaw is one also in a while
        page.wait_for_timeout(1_000)
        found += [f"dark: {flaw}" for flaw in axe(page, OF_COLOURS)]
    for width in WIDTHS:
        found += overflow(page, width)
        for scheme in ("dark", "light") if PICTURES else ():
            page.emulate_media(color_scheme=scheme)
            take_picture(page, path, f"{width}-{scheme}-en")
    page.emulate_media(color_scheme="light")
    english = texts(page)
    page.set_viewport_size({"width": WIDTHS[0], "height": HEIGHT})
    if goes_there(chinese, url):
        # pages that list models, prompts and people hold too many names for that
        is_ours = path not in FOR_DEVELOPERS and not path.startswith("/console/")
        same = untranslated(english & texts(chinese)) if is_ours else set()
        found += [f"untranslated: {words}" for words in sorted(same)]
        for width in reversed(WIDTHS):
            found += [f"in Chinese, {flaw}" for flaw in overflow(chinese, width)]
            take_picture(chinese, path, f"{width}-light-zh")
    return found


def untranslated(same: set[str]) -> set[str]:
    return {
        words
        for words in same
        if re.search(r"[a-z]{3}", words)
        and not SAME_EVERYWHERE.fullmatch(words)
        and not FURNISHED.fullmatch(words)
    }


@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", ["chat and settings", "console", "strangers"])
def test_every_page(furnished: Furnished, browser: Browser, part: str) -> None:
    stranger = part == "strangers"
    english, chinese = (
        context_of(browser, furnished, stranger=stranger, locale=locale) for locale in ("en-GB", "zh-CN")
    )
    page, other = english.new_page(), chinese.new_page()
    found: dict[str, list[str]] = {}
    seen = 0
    for address in furnished.addresses():
        is_console = address.path.startswith("/console/")
        if address.stranger != stranger or (not stranger and is_console != (part == "console")):
            continue
        url = furnished.processes.url + address.path
        if goes_there(page, url):
            seen += 1
            if flaws := look_at(page, other, url, address.path):
                found[address.path] = flaws
    english.close()
    chinese.close()
    assert seen >= {"chat and settings": 8, "console": 25, "strangers": 3}[part]
    assert not found, "\n".join(f"{path}\n    " + "\n    ".join(flaws) for path, flaws in found.items())


# the announcer alone, with a region that notes what it is told to say
SPEAK = """async ([pieces, address]) => {
  const { Announcer } = await import(address);
  const said = [];
  const announcer = new Announcer({ append: (line) => said.push(line.textContent), childElementCount: 0 });
  announcer.begin();
  for (const piece of pieces) announcer.add(piece);
  const during = said.length;
  announcer.end();
  return [said, during];
}"""
ADDRESS = """performance.getEntriesByType("resource").map(({ name }) => name)
  .find((name) => name.endsWith("/announce.js"))"""


def spoken(chat: ChatPage, pieces: list[str]) -> tuple[list[str], int]:
    said, during = chat.page.evaluate(SPEAK, [pieces, chat.page.evaluate(ADDRESS)])
    return said, during


def test_live_regions_speak_by_sentence_and_not_by_token(chat: ChatPage) -> None:
    text = "Take the **Heron 2**. It weighs 1.9 kg! Does it rain? 它很轻。不怕风！ And so on"
    sentences = [
        "Take the Heron 2 .",
        "It weighs 1.9 kg!",
        "Does it rain?",
        "它很轻。",
        "不怕风！",
        "And so on",
    ]
    said, during = spoken(chat, list(text))
    assert (said, during) == (sentences, 5)
    # who writes without an end is spoken in portions: a few, whole words, each once
    words = " ".join(f"word{number}" for number in range(1_000))
    said, _during = spoken(chat, tokens_of(words))
    assert 5 < len(said) < 40
    assert " ".join(said) == words
