"""Sharing and taking away as people meet them: the dialog, the page without scripts, files out and in again."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.clipboard import pasted
from tests.browser.conftest import ChatPage, NewVisitor, Site
from tests.browser.test_access import PHONE, no_flaws

SETTINGS = "/settings/sharing/"
POLICY = """
import django
django.setup()
from chatplatform.accounts.models import Workspace
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope
from chatplatform.sharing.policy import Policy, set_policy
with workspace_scope(Workspace.objects.order_by("created_at").first().id):
    set_policy(Policy(workspace_links=True, public_links=True), actor=Actor.system("test"))
"""
NO_LINKS = POLICY.replace("=True", "=False")
RUN_JOBS = """
import django
django.setup()
from chatplatform.common.scope import all_workspaces
from chatplatform.jobs.heartbeat import Heartbeat
from chatplatform.jobs.models import Job
from chatplatform.jobs.runner import Runner
with all_workspaces("test"):
    ids = list(Job.objects.filter(state="waiting", kind__startswith="sharing.").values_list("id", flat=True))
for job_id in ids:
    Runner(Heartbeat(on_stuck=lambda: None)).run(job_id)
"""


def choose(chat: ChatPage, item: str) -> Locator:
    """Choose from the menu of the conversation that is shown; the dialog that opens."""
    row = chat.page.locator(".conversation").first
    row.hover()
    row.locator('[data-action="conversation-menu"]').click()
    chat.page.get_by_role("menuitem", name=item).click()
    return chat.page.get_by_role("dialog")


def shut(page: Page, address: str) -> str:
    answer = page.goto(address)
    assert answer is not None
    assert answer.status == 404
    return page.locator("main").inner_text()


def test_a_link_from_first_to_last(site: Site, new_visitor: NewVisitor) -> None:
    site.processes.script(NO_LINKS)
    visitor = new_visitor(permissions=["clipboard-read", "clipboard-write"])
    chat = visitor.chat()
    page = chat.page
    chat.ask("be hostile [[delay_ms=0]]")
    chat.answered()
    dialog = choose(chat, "Share…")
    expect(dialog).to_contain_text("switched off")
    no_flaws(page)
    dialog.get_by_role("button", name="Close").click()
    site.processes.script(POLICY)

    # from the bar, by keyboard
    button = page.locator("header").get_by_role("button", name="Share")
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Share the conversation")
    expect(dialog).to_be_visible()
    dialog.get_by_label("Anyone with the link").check()
    no_flaws(page)
    dialog.get_by_role("button", name="Make a link").click()
    link = dialog.locator("[data-link]")
    expect(link).to_be_focused()
    address = link.input_value()
    assert address.startswith(site.url + "/s/")
    dialog.get_by_role("button", name="Copy the link").click()
    expect(dialog.get_by_role("button", name="Copied")).to_be_visible()
    pasted(page, lambda copied: copied == address)
    no_flaws(page)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(button).to_be_focused()

    # somebody without an account, and with scripts on: nothing runs, nothing is asked of other hosts
    stranger = new_visitor(stranger=True, **PHONE).chat(None)
    stranger.page.goto(address)
    expect(stranger.page.locator(".prose").first).to_contain_text("The end of it.")
    assert stranger.page.evaluate("window.pwned") is None
    assert stranger.page.evaluate("document.scripts.length") == 0
    assert stranger.foreign_requests == []
    assert stranger.reports() == []
    assert stranger.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    no_flaws(stranger.page)
    plain = new_visitor(stranger=True, java_script_enabled=False).chat(None)
    plain.page.goto(address)
    expect(plain.page.locator(".prose").first).to_contain_text("The end of it.")
    assert not re.search(r"person\d", stranger.page.content())

    # later words come with an update; the address stays
    chat.ask("And later? [[tokens=2]]")
    chat.answered(2)
    stranger.page.reload()
    expect(stranger.page.get_by_text("And later?")).to_have_count(0)
    page.locator("header").get_by_role("button", name="Share").click()
    dialog = page.get_by_role("dialog", name="Share the conversation")
    expect(dialog).to_contain_text("opened 3 times")
    dialog.get_by_role("button", name="Show what it says now").click()
    expect(dialog).to_contain_text("4 messages")
    stranger.page.reload()
    expect(stranger.page.get_by_text("And later?")).to_have_count(1)

    # a member goes on with it
    reader = new_visitor().chat(None)
    reader.page.goto(address)
    reader.page.get_by_role("button", name="Continue as a copy").click()
    expect(reader.page.locator("html[data-ready]")).to_be_attached()
    expect(reader.answers).to_have_count(2)
    reader.ask("My own [[tokens=2]]")
    reader.answered(3)

    dialog.get_by_role("button", name="Revoke").click()
    expect(dialog.locator("[data-link]")).to_have_count(0)
    revoked = shut(stranger.page, address)
    assert revoked == shut(stranger.page, address[:-4] + "AAA/") == shut(stranger.page, site.url + "/s/x/")
    no_flaws(stranger.page)


def test_files_out_and_in(site: Site, new_visitor: NewVisitor, tmp_path: Path) -> None:
    visitor = new_visitor(**PHONE, accept_downloads=True)
    chat = visitor.chat()
    page = chat.page
    chat.field.fill("Which tent is right for two?")
    page.get_by_role("button", name="Send").click()
    chat.answered()
    page.get_by_role("button", name="Open the sidebar").first.click()
    dialog = choose(chat, "Export…")
    expect(dialog).to_contain_text("1 conversation")
    dialog.get_by_label("JSON").check()
    with page.expect_download() as one:
        dialog.get_by_role("button", name="Export").click()
    one.value.save_as(tmp_path / "one.json")
    document = json.loads((tmp_path / "one.json").read_text())
    assert document["messages"][0]["text"] == "Which tent is right for two?"

    page.goto(chat.url + SETTINGS)
    page.get_by_label("As").select_option("html")
    page.get_by_role("button", name="Export all conversations").click()
    expect(page.get_by_text("Being made", exact=True)).to_be_visible()
    no_flaws(page)
    site.processes.script(RUN_JOBS)
    with page.expect_download() as all_of_them:
        page.get_by_role("link", name="Download").click()
    all_of_them.value.save_as(tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        (name,) = archive.namelist()
        assert re.search(r"<strong>Heron 2</strong>", archive.read(name).decode())
        archive.extract(name, tmp_path)
    taken = new_visitor(stranger=True).chat(None)
    taken.page.goto((tmp_path / name).as_uri())
    expect(taken.page.get_by_role("heading", level=1)).to_be_visible()
    assert taken.page.evaluate("getComputedStyle(document.querySelector('.said')).whiteSpace") == "pre-wrap"
    assert taken.reports() == []

    # another person brings it in; a damaged file says so
    other = new_visitor(**PHONE).chat(None)
    other.page.goto(other.url + SETTINGS)
    field = other.page.get_by_label("File", exact=True)
    field.set_input_files(str(tmp_path / "one.json"))
    other.page.get_by_role("button", name="Import").click()
    expect(other.page.get_by_text("Being read", exact=True)).to_be_visible()
    site.processes.script(RUN_JOBS)
    expect(other.page.get_by_text("1 conversation imported")).to_be_visible()
    (tmp_path / "bad.json").write_text('[{"id": "')
    field.set_input_files(str(tmp_path / "bad.json"))
    other.page.get_by_role("button", name="Import").click()
    expect(other.page.get_by_text("Being read", exact=True)).to_be_visible()
    site.processes.script(RUN_JOBS)
    expect(other.page.get_by_text("The file ends in the middle.")).to_be_visible()
    no_flaws(other.page)
    assert other.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    other.page.goto(other.url)
    other.page.get_by_role("button", name="Open the sidebar").first.click()
    other.page.locator(".conversation a").first.click()
    expect(other.answers).to_have_count(1)
    for each in (chat, other):
        assert each.reports() == []
        assert each.foreign_requests == []
