"""Whatever a model or a person writes stays text: nothing runs, loads, covers the page or leaves it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.conftest import ChatPage, NewVisitor
from tests.browser.replies import HOSTILE

UNSAFE = (
    "script, iframe, img, style, form, input, [onclick], [onerror], [onmouseover], [style], "
    ":not(.code__bar *) > svg, a[href^='javascript:'], a[href^='data:']"
)


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
            lambda frame: route.send(str(frame).replace("<p>w0", "<img src=x onerror='window.pwned=1'><p>w0"))
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
