"""Pages of the chat: what they hold, and what they refuse."""

from __future__ import annotations

import pytest
from django.test import Client, override_settings

from chatplatform.accounts.models import Membership, Role, User
from chatplatform.common.scope import all_workspaces
from tests.integration.web.conftest import MakePerson, Someone

pytestmark = pytest.mark.django_db(databases=["default", "keys"])

ANY = "00000000-0000-4000-8000-000000000000"  # of nothing


def test_a_page_of_a_conversation_holds_its_messages(member: Someone) -> None:
    conversation = member.asks("Which tent is the lighter one?")
    page = member.browser.get(f"/c/{conversation}/")
    assert "Which tent is the lighter one?" in page.text
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("elsewhere", [False, True])
def test_another_persons_conversation_does_not_exist(
    member: Someone, make_person: MakePerson, elsewhere: bool
) -> None:
    conversation = member.asks("Mine alone")
    other = make_person(Role.OWNER, elsewhere=elsewhere).browser
    page = other.get(f"/c/{conversation}/")
    assert page.status_code == 404
    assert "Mine alone" not in page.text
    assert other.post(f"/c/{conversation}/rename/", {"title": "Taken"}).status_code == 404
    assert other.post(f"/c/{conversation}/delete/").status_code == 404
    assert member.browser.get(f"/c/{conversation}/").status_code == 200


def test_renaming(member: Someone) -> None:
    conversation = member.asks("Hello")
    address = f"/c/{conversation}/rename/"
    json = {"accept": "application/json"}
    assert member.browser.post(address, {"title": " A  better name "}, headers=json).json() == {
        "title": "A better name"
    }
    refused = member.browser.post(address, {"title": " "}, headers=json)
    assert (refused.status_code, refused.json()["message"]) == (400, "Type a title first.")
    assert member.browser.post(address, {"title": "x" * 500}, headers=json).status_code == 400
    assert "A better name" in member.browser.get("/").text


def test_deleting(member: Someone) -> None:
    conversation = member.asks("Hello")
    address = f"/c/{conversation}/delete/"
    assert member.browser.get(address).status_code == 405
    assert member.browser.post(address, headers={"accept": "application/json"}).status_code == 204
    assert member.browser.get(f"/c/{conversation}/").status_code == 404


def test_the_list_goes_on(member: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatplatform.web.views.chat.PAGE_CONVERSATIONS", 2)
    for name in ("one", "two", "three"):
        member.asks(f"Question {name}")
    first = member.browser.get("/")
    assert "Question three" in first.text
    assert "Question one" not in first.text
    before = first.context["more_before"].isoformat()
    rest = member.browser.get("/c/", {"before": before}).text
    assert "Question one" in rest
    assert "data-more" not in rest


@pytest.mark.parametrize("before", ["yesterday", "2026-13-45T00:00:00Z", "2026-01-01T00:00:00"])
def test_a_bad_time_is_refused_in_words(member: Someone, before: str) -> None:
    assert member.browser.get("/c/", {"before": before}).status_code == 400


def test_scripts_get_json_instead_of_a_redirect(db: None) -> None:
    answer = Client().post(f"/c/{ANY}/delete/", headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (401, "accounts.signed_out")


@pytest.mark.parametrize("loss", ["suspended", "without a place"])
def test_who_lost_the_right_is_signed_out_at_the_next_page(member: Someone, loss: str) -> None:
    assert member.browser.get("/").status_code == 200
    if loss == "suspended":
        User.objects.filter(id=member.user.id).update(is_active=False)
    else:
        with all_workspaces("the test takes the place away"):
            Membership.objects.filter(user=member.user).delete()
    assert member.browser.get("/").headers["Location"] == "/sign-in/"
    User.objects.filter(id=member.user.id).update(is_active=True)
    assert member.browser.get("/").status_code == 302, "the session must be over"


def test_posts_need_the_pages_token(member: Someone) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(member.user)
    refused = browser.post("/sign-out/")
    assert refused.status_code == 403
    assert browser.get("/").status_code == 200


def test_a_posted_question_is_escaped_in_the_page(member: Someone) -> None:
    conversation = member.asks("</script><script>alert(1)</script>")
    page = member.browser.get(f"/c/{conversation}/").text
    assert "<script>alert" not in page


@override_settings(ALLOWED_HOSTS=["testserver"])
def test_foreign_host_names_are_refused(db: None) -> None:
    assert Client(headers={"host": "evil.example"}).get("/sign-in/").status_code == 400
