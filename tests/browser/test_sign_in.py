"""Coming in by link, password, code and passkey; and going out."""

from __future__ import annotations

import time

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewVisitor, Site, Visitor


def test_from_the_link_to_an_answer(site: Site, new_visitor: NewVisitor) -> None:
    link = site.processes.manage("signin_link").strip()
    visitor = new_visitor(stranger=True)
    preview = visitor.context.request.get(link)
    assert preview.ok, "a preview must not use the link up"
    chat = visitor.chat(None)
    chat.page.goto(link)
    chat.page.get_by_role("button", name="Sign in").click()
    expect(chat.page.locator("html[data-ready]")).to_be_attached()
    chat.ask("[[tokens=5]] Hello")
    assert chat.answered() == "w0 w1 w2 w3 w4"

    chat.page.get_by_role("button", name="Account menu").click()
    chat.page.get_by_role("menuitem", name="Sign out").click()
    expect(chat.page.get_by_role("heading", name="Sign in")).to_be_visible()
    chat.page.goto(link)
    chat.page.get_by_role("button", name="Sign in").click()
    expect(chat.page.get_by_role("alert")).to_contain_text("was used already or has expired")


def test_signing_out_in_one_tab_ends_the_others(new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    first, second = visitor.chat(), visitor.chat()
    second.page.get_by_role("button", name="Account menu").click()
    second.page.get_by_role("menuitem", name="Sign out").click()
    expect(second.page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(first.page.get_by_role("heading", name="Sign in")).to_be_visible()


class Passkeys:
    """The authenticator of a device that has been shown a fingerprint."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        made = self._session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        self._id = made["authenticatorId"]

    def recognise(self, *, owner: bool) -> None:
        """Whether the device recognises its owner from now on."""
        self._session.send("WebAuthn.setUserVerified", {"authenticatorId": self._id, "isUserVerified": owner})


def by_name(site: Site) -> str:
    return site.url.replace("127.0.0.1", "localhost")


def come_in_by_link(site: Site, visitor: Visitor, email: str) -> Page:
    """A page of somebody who came in by their link, under the name of the machine."""
    link = site.processes.manage("signin_link", email).strip().replace(site.url, by_name(site))
    chat = visitor.chat(None)
    chat.page.goto(link)
    chat.page.get_by_role("button", name="Sign in").click()
    expect(chat.page.locator("html[data-ready]")).to_be_attached()
    return chat.page


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Account menu").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_passkey_from_making_to_using_to_removing(site: Site, new_visitor: NewVisitor) -> None:
    site.processes.manage("add_member", "key@example.org")
    visitor = new_visitor(stranger=True)
    page = come_in_by_link(site, visitor, "key@example.org")
    passkeys = Passkeys(page)

    page.goto(f"{by_name(site)}/settings/security/")
    page.get_by_label("Name of the new passkey").fill("笔记本 🔑 <b>")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.locator(".thing__name", has_text="笔记本 🔑 <b>")).to_be_visible()
    sign_out(page)

    passkeys.recognise(owner=False)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("No passkey was used")

    passkeys.recognise(owner=True)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.locator("html[data-ready]")).to_be_attached()

    page.goto(f"{by_name(site)}/settings/security/")
    page.get_by_role("button", name="Remove 笔记本").click()
    expect(page.locator(".thing__name", has_text="笔记本")).to_have_count(0)
    sign_out(page)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("was not accepted")
    assert page.evaluate("window.reports") == []


def test_from_the_link_to_a_password_to_codes(site: Site, new_visitor: NewVisitor) -> None:
    site.processes.manage("add_member", "words@example.org")
    visitor = new_visitor(stranger=True, viewport={"width": 390, "height": 844})
    page = come_in_by_link(site, visitor, "words@example.org")
    page.goto(f"{by_name(site)}/settings/security/")
    page.get_by_role("link", name="Choose a password").click()
    page.get_by_label("New password").fill("nine dry tents in a circle")
    page.get_by_label("Once more").fill("nine dry tents in a circle")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("You have a password.")).to_be_visible()

    page.get_by_role("link", name="Turn on").click()
    secret = page.locator("code.command").inner_text().replace(" ", "")
    assert page.evaluate("document.querySelector('.code-drawing').naturalWidth") > 0
    page.get_by_role("textbox", name="Code").fill(code_of(secret, steps=-1))
    page.get_by_role("button", name="Turn on").click()
    expect(page.locator(".recovery-codes li")).to_have_count(10)
    page.get_by_role("link", name="I have kept them").click()

    visitor.context.clear_cookies()
    page.goto(f"{by_name(site)}/sign-in/")
    page.get_by_label("E-mail address").fill("words@example.org")
    page.get_by_label("Password").fill("nine dry tents in a circle")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("textbox", name="Code").fill(code_of(secret))
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("html[data-ready]")).to_be_attached()
    assert page.evaluate("window.reports") == []


def code_of(secret: str, *, steps: int = 0) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


def test_ending_a_session_elsewhere(site: Site, new_visitor: NewVisitor) -> None:
    site.processes.manage("add_member", "two@example.org")
    here = come_in_by_link(site, new_visitor(stranger=True), "two@example.org")
    visitor = new_visitor(stranger=True)
    there = come_in_by_link(site, visitor, "two@example.org")
    here.goto(f"{by_name(site)}/settings/security/")
    here.get_by_role("button", name="Sign out everywhere else").click()
    expect(here.get_by_role("button", name="Sign out there")).to_have_count(0)
    # the chat there notices by itself
    expect(there.get_by_role("heading", name="Sign in")).to_be_visible()
    there.goto(f"{by_name(site)}/settings/")
    expect(there.get_by_role("heading", name="Sign in")).to_be_visible()
