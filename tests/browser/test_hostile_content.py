"""Whatever a model or a person writes stays text: nothing runs, loads, covers the page or leaves it."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from tests.browser import hostile_places as places
from tests.browser.conftest import ChatPage, NewVisitor, Site
from tests.browser.hostile import (
    FIND_ACTIVE,
    Watched,
    console_session,
    fill,
    payloads,
    show_streamed,
    watched_context,
)
from tests.browser.replies import HOSTILE

UNSAFE = (
    "script, iframe, img, style, form, input, [onclick], [onerror], [onmouseover], [style], "
    ":not(.code__bar *, .table-bar *) > svg, a[href^='javascript:'], a[href^='data:']"
)

# to another conversation without a page load
GO = "(id) => { history.pushState(null, '', `/c/${id}/`); dispatchEvent(new PopStateEvent('popstate')); }"


def is_inert(chat: ChatPage) -> None:
    chat.page.mouse.move(640, 400)
    assert chat.page.evaluate("window.pwned") is None
    assert chat.foreign_requests == []
    assert chat.reports() == [], "the policy had to step in: the sanitiser let something through"
    expect(chat.page.locator(".prose").locator(UNSAFE)).to_have_count(0)


def test_a_hostile_answer(new_visitor: NewVisitor) -> None:
    chat = new_visitor().chat()
    chat.ask("be hostile [[delay_ms=3]]")
    chat.answered()
    chat.wait_for_text("The end of it.")
    is_inert(chat)
    chat.page.reload()
    chat.answered()
    is_inert(chat)


def test_a_hostile_question(new_visitor: NewVisitor) -> None:
    chat = new_visitor().chat()
    question = f"[[tokens=2]] {HOSTILE}"
    chat.field.fill(question)
    chat.page.get_by_role("button", name="Send").click()
    chat.answered()
    assert chat.questions.locator("[data-body]").inner_text() == question
    assert chat.page.locator(".conversation a").first.inner_text().startswith("[[tokens=2]] <script>")
    is_inert(chat)
    chat.page.reload()
    chat.answered()
    is_inert(chat)


def let_through(page: Page) -> None:
    """Sabotage: what the server sends reaches the page unsanitised."""

    def relay(route: WebSocketRoute) -> None:
        server = route.connect_to_server()
        server.on_message(
            lambda frame: route.send(
                str(frame).replace('<p dir=\\"auto\\">w0', "<img src=x onerror='window.pwned=1'><p>w0")
            )
        )

    page.route_web_socket("**/ws/chat/", relay)


def test_sabotage_without_the_sanitiser_the_test_fails_and_the_policy_still_holds(
    new_visitor: NewVisitor,
) -> None:
    chat = new_visitor().chat(None)
    let_through(chat.page)
    chat.open()
    chat.ask("[[tokens=3]] Hello")
    chat.answered()
    expect(chat.page.locator(".prose img")).to_have_count(1)
    chat.page.wait_for_function("window.reports.length > 0")
    assert chat.page.evaluate("window.pwned") is None, "no inline code runs even so"
    with pytest.raises(AssertionError):
        is_inert(chat)


@pytest.mark.parametrize("path", ["/", "/settings/", "/setup/", "/sign-in/x/", "/nothing/"])
def test_our_own_pages_need_no_exception_from_the_policy(new_visitor: NewVisitor, path: str) -> None:
    chat = new_visitor().chat(None)
    chat.page.goto(chat.url + path, wait_until="networkidle")
    assert chat.reports() == []
    assert chat.foreign_requests == []


def person_of(page: Page) -> str:
    found: str = page.evaluate("JSON.parse(document.getElementById('page-data').textContent).person_id")
    return found


def test_every_payload_in_every_place_that_is_stored(site: Site, browser: Browser) -> None:
    texts = payloads()
    contexts = [watched_context(browser, site.url, site.next_person()), watched_context(browser, site.url)]
    try:
        watched, stranger = (Watched(context, site.url) for context in contexts)
        watched.page.goto(site.url)
        made = fill(site.processes, person_of(watched.page), texts)
        tally = places.Tally()
        for look in places.OF_PERSON:
            look(watched, made, tally)
        for look in places.OF_STRANGER:
            look(stranger, made, tally)
        contexts.append(watched_context(browser, site.url, console_session(site.processes)))
        comments = places.Tally()
        places.in_feedback(Watched(contexts[-1], site.url), comments)
        assert tally.found + comments.found == []
        assert comments.seen["comment"] >= len(texts)
        assert set(tally.seen) == {
            "question",
            "answer",
            "file name",
            "file text",
            "citation",
            "title",
            "folder",
            "tag",
            "import file",
            "shared page",
            "exported file",
        }
        assert {place: seen for place, seen in tally.seen.items() if seen != len(texts)} == {
            "title": made.titles
        }
        # and as a socket brings them
        watched.page.goto(site.url)
        expect(watched.page.locator("html[data-ready]")).to_be_attached()
        for identity in made.conversations:
            watched.page.evaluate(GO, identity)
            expect(watched.page.locator(".message")).not_to_have_count(0)
            assert watched.findings() == []
    finally:
        for context in contexts:
            context.close()


def test_every_payload_one_character_at_a_time(site: Site, browser: Browser) -> None:
    context = watched_context(browser, site.url, site.next_person(), fake_socket=True)
    try:
        watched = Watched(context, site.url)
        watched.page.goto(site.url)
        assert show_streamed(watched.page, payloads()) > 4_000
        expect(watched.page.locator(".message--assistant")).to_contain_text("window.pwned=60")
        assert watched.findings() == []
    finally:
        context.close()


def test_payloads_through_a_whole_turn(chat: ChatPage) -> None:
    said = "\n\n".join(payloads()[:40])
    chat.ask(f"[[say={urlsafe_b64encode(said.encode()).decode()} by_character=1 delay_ms=1]]")
    chat.answered()
    is_inert(chat)


def test_sabotage_the_search_for_what_is_active_finds_it(browser: Browser) -> None:
    context = browser.new_context()
    try:
        page = context.new_page()
        page.set_content(
            """<iframe></iframe><a href="javascript:1">x</a><b onclick="1">y</b><i style="color: red">z</i>
            <img src="http://127.0.0.2:9/x.png"><a href="https://evil.example/">w</a>"""
        )
        found = " ".join(page.evaluate(FIND_ACTIVE))
    finally:
        context.close()
    for expected in (
        "an element that loads",
        "an address that runs",
        "a handler",
        "a style",
        "loads from elsewhere",
        "a link that tells where it came from",
    ):
        assert expected in found
