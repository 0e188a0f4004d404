"""What confines our pages, and the files they are made of."""

from __future__ import annotations

import pytest
from django.test import Client
from django.test.utils import override_settings

from chatplatform.web import middleware
from chatplatform.web.static_files import asset_address
from tests.integration.web.conftest import Someone

pytestmark = pytest.mark.django_db(databases=["default", "keys"])

PAGES = [
    "/",
    "/settings/",
    "/console/jobs/",
    "/setup/",
    "/components/",
    "/sign-in/x/",
    "/nothing-here/",
    "/healthz",
]


def confines_scripts(policy: str) -> None:
    """The policy lets nothing run, load or send but our own files, and nobody frame us."""
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert rules["frame-ancestors"] == rules["base-uri"] == "'none'"
    assert rules["form-action"] == "'self'"
    assert rules["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in policy
    assert "http" not in policy


@pytest.mark.parametrize("address", PAGES)
def test_every_answer_is_confined(owner: Someone, address: str) -> None:
    answer = owner.browser.get(address)
    confines_scripts(answer.headers["Content-Security-Policy"])
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "no-store" in answer.headers["Cache-Control"]
    assert "camera=()" in answer.headers["Permissions-Policy"]


def test_sabotage_an_open_policy_is_noticed(owner: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = middleware.CONTENT_SECURITY_POLICY.replace(
        "script-src 'self'", "script-src 'self' 'unsafe-inline'"
    )
    monkeypatch.setattr(middleware, "CONTENT_SECURITY_POLICY", policy)
    with pytest.raises(AssertionError):
        test_every_answer_is_confined(owner, "/")


@pytest.mark.parametrize("address", PAGES[:-1])
def test_pages_have_nothing_inline(owner: Someone, address: str) -> None:
    page = owner.browser.get(address).text
    assert " style=" not in page
    assert "<style" not in page
    assert " onclick=" not in page
    for start in page.split("<script")[1:]:
        head = start.partition(">")[0]
        assert "src=" in head or 'type="application/json"' in head


def test_static_files_are_kept_for_good(client: Client) -> None:
    address = asset_address("css/tokens.css")
    answer = client.get(address)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Type"].startswith("text/css")
    again = client.get(address, headers={"if-none-match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_an_old_address_gives_the_file_but_is_not_kept(client: Client) -> None:
    answer = client.get("/static/v-000000000000/css/tokens.css")
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "path", ["nothing.css", "../manage.py", "v-x/../../manage.py", "css", "%2e%2e/manage.py", "/etc/passwd"]
)
def test_only_static_files_are_served(client: Client, path: str) -> None:
    assert client.get(f"/static/{path}").status_code in {400, 404}


@override_settings(DEBUG=True)
def test_developers_see_their_changes_at_once(client: Client) -> None:
    assert asset_address("css/tokens.css") == "/static/css/tokens.css"
    assert client.get("/static/css/tokens.css").headers["Cache-Control"] == "no-cache"


def test_a_foreign_host_is_refused_without_a_word_in_the_log(
    db: None, caplog: pytest.LogCaptureFixture
) -> None:
    assert Client().get("/sign-in/", headers={"host": "elsewhere.example"}).status_code == 400
    assert [record.name for record in caplog.records] == []
