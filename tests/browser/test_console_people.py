"""People come and go: invited, promoted, suspended; and the pages that run a workspace, by keyboard, on a phone."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewVisitor, Site
from tests.browser.test_access import PHONE, no_flaws
from tests.browser.test_console_prompts import administrator, page_of

PAGES = ["members/", "invitations/", "groups/", "usage/", "usage/limits/", "jobs/", "audit/"]

FILL = """
import sys
import django
django.setup()
from django.db import transaction
from chatplatform.accounts.models import Group, Membership, Workspace
from chatplatform.accounts.services import bootstrap_owner
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope
from chatplatform.jobs.models import Job, JobState
from chatplatform.usage.services import add, add_call, set_rule
from chatplatform.usage.models import QuotaRule, Unit, Window
owner = bootstrap_owner()
workspace = Workspace.objects.get(memberships__user=owner)
with workspace_scope(workspace.id):
    if not Group.objects.filter(name="Night shift").exists():
        Group.objects.create(workspace_id=workspace.id, name="Night shift", description="Who is awake")
        Job.objects.bulk_create([Job(
            workspace_id=workspace.id, kind="chat.title", actor_kind="system", actor_id="system:test",
            state=JobState.DEAD, failures=4, max_attempts=4, error_code="timed_out",
            error_message="It took longer than it may. It is stopped and tried again.",
        )])
        with transaction.atomic():
            add(user_id=owner.id, turns=12)
            add_call(actor=Actor.person(owner.id), model="tiny", tokens_read=9000, tokens_written=700)
        set_rule(subject_kind=QuotaRule.Subject.EVERYONE, subject_id=None, unit=Unit.TURNS,
                 window=Window.DAY, limit=500, actor=Actor.system("test"))
"""


@pytest.fixture
def filled(site: Site) -> Site:
    site.processes.script(FILL)
    return site


def test_invite_accept_promote_and_suspend(new_visitor: NewVisitor, site: Site) -> None:
    name, email = f"Robin {uuid4().hex[:6]}", f"{uuid4().hex}@example.org"
    console = page_of(administrator(new_visitor, site), site, "/console/members/")
    console.get_by_role("link", name="Invite people").click()
    console.get_by_label("E-mail address").fill(email)
    console.get_by_label("Role").select_option("member")
    console.get_by_role("button", name="Make the invitation").click()
    made = console.get_by_role("region", name="The invitation's link")
    expect(made).to_be_focused()
    link = made.get_by_role("textbox").input_value()
    expect(console.get_by_role("row").filter(has_text=email)).to_be_visible()

    guest = page_of(new_visitor(stranger=True), site, urlsplit(link).path)
    guest.get_by_label("Name").fill(name)
    guest.get_by_role("button", name="Join and sign in").click()
    expect(guest.get_by_label("Your message")).to_be_visible()
    guest.goto(site.url + "/")
    expect(guest.locator("html[data-ready]")).to_be_attached()

    console.goto(site.url + "/console/members/")
    console.get_by_label("Name or e-mail address").fill(name)
    expect(console.locator("#members tbody tr")).to_have_count(1)
    console.get_by_role("link", name=name).click()
    expect(console.get_by_role("heading", name=name, level=1)).to_be_visible()
    guest.evaluate("window.isOld = true")
    console.get_by_label("May do what this role may do").select_option("prompt_editor")
    console.get_by_role("button", name="Change the role").click()
    expect(console.get_by_text("The role is changed.")).to_be_visible()
    assert guest.request.get(site.url + "/console/prompts/").status == 200

    # a page that was opened with another role comes anew by itself
    guest.wait_for_function("() => !window.isOld && document.documentElement.hasAttribute('data-ready')")
    expect(guest.get_by_label("Your message")).to_be_enabled()
    console.get_by_role("button", name="Suspend").click()
    asks = console.get_by_role("dialog", name="Suspend this person?")
    expect(asks).to_be_visible()
    console.keyboard.press("Escape")
    expect(asks).to_be_hidden()
    expect(console.get_by_role("button", name="Suspend")).to_be_focused()
    console.keyboard.press("Enter")
    asks.get_by_role("button", name="Suspend").click()
    began = time.monotonic()
    guest.wait_for_url("**/sign-in/", timeout=4000, wait_until="commit")
    assert time.monotonic() - began < 2.5, "two seconds, and a moment for the browser that looks"
    expect(console.get_by_text("Suspended since")).to_be_visible()
    guest.goto(site.url + "/")
    assert guest.url.endswith("/sign-in/"), "and stays out"

    console.get_by_role("button", name="Reinstate").click()
    expect(console.get_by_text("Reinstated.")).to_be_visible()


def test_a_group_by_keyboard(new_visitor: NewVisitor, site: Site) -> None:
    page = page_of(administrator(new_visitor, site), site, "/console/groups/")
    name = f"Group {uuid4().hex[:6]}"
    page.get_by_label("Name", exact=True).focus()
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
    page.get_by_label("Add somebody").focus()
    page.keyboard.type("person3@")
    add = page.get_by_role("button", name="Add person3")
    expect(add).to_be_visible()
    add.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("row").filter(has_text="person3@example.org")).to_be_visible()
    page.get_by_role("button", name="Delete").focus()
    page.keyboard.press("Enter")
    asks = page.get_by_role("dialog", name="Delete this group?")
    expect(asks).to_be_visible()
    asks.get_by_role("button", name="Delete").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("The group is deleted.")).to_be_visible()


def test_jobs_are_restarted_where_they_are_seen(new_visitor: NewVisitor, filled: Site) -> None:
    page = page_of(administrator(new_visitor, filled), filled, "/console/jobs/?state=dead")
    failed = page.locator(".job").filter(has_text="longer than it may")
    expect(failed).to_have_count(1)
    failed.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("Started again.")).to_be_visible()
    expect(page.locator(".job")).to_have_count(0)
    page.goto(filled.url + "/console/jobs/?state=waiting")
    page.locator(".job a").first.click()
    expect(page.get_by_text("Failed background work was started again")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".job__state").get_by_text("Cancelled")).to_be_visible()


def test_the_audit_log_is_searched_and_an_event_opened(new_visitor: NewVisitor, site: Site) -> None:
    page = page_of(administrator(new_visitor, site), site, "/console/audit/")
    page.get_by_label("What happened").select_option("audit.read")
    page.get_by_role("button", name="Search").click()
    row = page.locator("#events tbody tr").first
    expect(row).to_contain_text("The audit log was read")
    row.get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="Proof")).to_be_visible()
    page.goto(site.url + "/console/audit/")
    with page.expect_download() as copy:
        page.get_by_role("link", name="Export as CSV").click()
    assert Path(copy.value.path()).read_text().startswith("id,index,at,code")
    page.get_by_role("button", name="Verify").click()
    expect(page.locator("#verification progress")).to_be_visible()
    assert page.evaluate("window.reports") == []


def visit(new_visitor: NewVisitor, site: Site, path: str, **settings: object) -> Page:
    page = page_of(administrator(new_visitor, site, **settings), site, f"/console/{path}")
    page.wait_for_load_state("networkidle")
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_names_structure_and_contrast(new_visitor: NewVisitor, filled: Site, scheme: str) -> None:
    page = visit(new_visitor, filled, "members/", color_scheme=scheme)
    inner = [page.locator("#members a.table__main").first.get_attribute("href")]
    for path in PAGES:
        page.goto(f"{filled.url}/console/{path}")
        no_flaws(page)
        if path in ("groups/", "jobs/"):
            inner.append(page.locator("a.table__main").first.get_attribute("href"))
        if path == "audit/":
            inner.append(page.locator(".table__when a").first.get_attribute("href"))
    for address in inner:
        page.goto(f"{filled.url}{address}")
        no_flaws(page)
    assert page.evaluate("window.reports") == []


def test_nothing_sticks_out_on_a_phone(new_visitor: NewVisitor, filled: Site) -> None:
    page = visit(new_visitor, filled, "members/", **PHONE)
    addresses = [f"/console/{path}" for path in PAGES]
    addresses.append(str(page.locator("#members a.table__main").first.get_attribute("href")))
    page.goto(f"{filled.url}/console/audit/")
    addresses.append(str(page.locator(".table__when a").first.get_attribute("href")))
    for address in addresses:
        page.goto(filled.url + address)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
