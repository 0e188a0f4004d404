"""API tokens as a person meets them: made, copied, gone after a reload, revoked after a question."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.clipboard import pasted
from tests.browser.conftest import NewVisitor
from tests.browser.test_access import PHONE, no_flaws

PAGE = "/settings/tokens/"


@pytest.mark.parametrize("settings", [{}, PHONE], ids=["desk", "phone"])
def test_a_token_is_made_copied_and_revoked(new_visitor: NewVisitor, settings: dict[str, object]) -> None:
    visitor = new_visitor(permissions=["clipboard-read", "clipboard-write"], **settings)
    chat = visitor.chat(None)
    page = chat.page
    page.goto(chat.url + PAGE, wait_until="networkidle")
    no_flaws(page)

    page.get_by_label("Name").fill("Report script")
    page.get_by_role("button", name="Make the token").click()
    secret = page.locator("[data-secret]")
    expect(secret).to_contain_text("cp_")
    expect(page.locator("[data-secret-card]")).to_be_focused()
    words = secret.inner_text()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    pasted(page, lambda copied: copied == words)
    no_flaws(page)

    page.reload()
    expect(page.locator("[data-secret]")).to_have_count(0)
    expect(page.locator(".thing")).to_have_count(1)
    expect(page.locator(".thing")).to_contain_text(words[:9])

    page.get_by_role("button", name="Revoke Report script").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Report script")
    no_flaws(page)
    dialog.get_by_role("button", name="Cancel").click()
    expect(page.locator(".thing")).to_have_count(1)
    page.get_by_role("button", name="Revoke Report script").click()
    dialog.get_by_role("button", name="Revoke").click()
    expect(page.locator(".thing")).to_have_count(0)
    expect(page.get_by_text("The token is revoked.")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert chat.reports() == []
    assert chat.foreign_requests == []
