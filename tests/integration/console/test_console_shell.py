"""The console's frame: who finds it, what it offers, and that it is confined like every page."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from chatplatform.accounts.models import Role
from chatplatform.console.navigation import SECTIONS
from tests.integration.web.conftest import MakePerson, Someone
from tests.integration.web.test_headers import confines_scripts

pytestmark = pytest.mark.django_db(databases=["default", "keys"])

ENTRIES = [entry for section in SECTIONS for entry in section.entries]


def test_the_start_shows_the_first_page_that_one_may_open(owner: Someone) -> None:
    answer = owner.browser.get("/console/", follow=True)
    assert answer.status_code == 200
    assert answer.context["console"].current is not None


def test_members_find_no_console(member: Someone) -> None:
    assert member.browser.get("/console/").status_code == 403
    assert reverse("console:start") not in member.browser.get("/settings/").text


def test_the_account_menu_leads_there(owner: Someone) -> None:
    assert f'href="{reverse("console:start")}"' in owner.browser.get("/settings/").text


def test_strangers_are_sent_to_sign_in(client: Client) -> None:
    assert client.get("/console/").status_code == 302


@pytest.mark.parametrize("role", list(Role))
def test_the_menu_holds_what_the_role_may_open_and_nothing_else(make_person: MakePerson, role: Role) -> None:
    someone = make_person(role)
    for entry in ENTRIES:
        answer = someone.browser.get(entry.address, follow=True)
        if answer.status_code != 403:
            listed = [e for section in answer.context["console"].sections for e in section.entries]
            assert entry in listed
    assert [e for e in ENTRIES if someone.browser.get(e.address, follow=True).status_code == 200] == [
        e for e in ENTRIES if e.permission in _permissions(role)
    ]


def _permissions(role: Role) -> frozenset[str]:
    from chatplatform.accounts.permissions import ROLE_PERMISSIONS

    return ROLE_PERMISSIONS[role]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.url_name)
def test_pages_are_confined_and_have_nothing_inline(owner: Someone, entry: object) -> None:
    answer = owner.browser.get(entry.address)  # type: ignore[attr-defined]
    confines_scripts(answer.headers["Content-Security-Policy"])
    assert " style=" not in answer.text
    assert " hx-on" not in answer.text
    for start in answer.text.split("<script")[1:]:
        head = start.partition(">")[0]
        assert "src=" in head or 'type="application/json"' in head


def test_htmx_comes_from_the_installed_package(owner: Someone) -> None:
    page = owner.browser.get("/console/", follow=True).text
    address = page.split("htmx-2.min.js")[0].rpartition('"')[2] + "htmx-2.min.js"
    answer = owner.browser.get(address)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/javascript")


def test_htmx_may_evaluate_nothing(owner: Someone) -> None:
    page = owner.browser.get("/console/", follow=True).text
    assert '"allowEval": false' in page
    assert '"allowScriptTags": false' in page
    assert '"includeIndicatorStyles": false' in page
