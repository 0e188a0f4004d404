"""The settings page: what a person may change about themselves."""

from __future__ import annotations

import pytest
from django.test import Client

from chatplatform.accounts.models import User
from chatplatform.audit.models import AuditEvent

GOOD = {"display_name": "Support", "email": "support@example.org", "language": "", "theme": "dark"}


@pytest.fixture
def browser(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


def test_saving(browser: Client, owner: User) -> None:
    assert browser.post("/settings/", GOOD).status_code == 302
    owner.refresh_from_db()
    assert (owner.display_name, owner.email, owner.theme) == ("Support", "support@example.org", "dark")
    assert 'data-theme="dark"' in browser.get("/settings/").text
    row = AuditEvent.objects.get(code="accounts.profile.changed")
    assert "Support" not in str(row.details)
    assert "display_name" in str(row.details)


def test_the_language_is_the_persons_everywhere(browser: Client, owner: User) -> None:
    browser.post("/settings/", GOOD | {"language": "zh-hans"})
    page = browser.get("/settings/", headers={"accept-language": "en"}).text
    assert '<html lang="zh-hans"' in page
    assert "外观与语言" in page
    assert "已保存。" in page


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": "not an address"}, "error-email"),
        ({"email": ""}, "error-email"),
        ({"email": "taken@example.org"}, "error-email"),
        ({"theme": "purple"}, "error-theme"),
        ({"language": "xx"}, "error-language"),
        ({"display_name": "x" * 151}, "error-display-name"),
    ],
)
def test_bad_values_are_said_beside_their_field(
    browser: Client, owner: User, changes: dict[str, str], field: str
) -> None:
    User.objects.create_user("taken@example.org")
    response = browser.post("/settings/", GOOD | changes)
    assert response.status_code == 422
    assert f'id="{field}"' in response.text
    owner.refresh_from_db()
    assert owner.display_name == ""


def test_nothing_changed_writes_nothing(browser: Client, owner: User) -> None:
    before = AuditEvent.objects.count()
    browser.post("/settings/", {"display_name": "", "email": owner.email, "language": "", "theme": "system"})
    assert AuditEvent.objects.count() == before
