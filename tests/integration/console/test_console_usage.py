"""Usage and limits in the console."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.db import transaction

from chatplatform.accounts.models import Group, Role
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope
from chatplatform.console.plots import bar_plot, round_above
from chatplatform.usage.models import QuotaRule
from chatplatform.usage.services import add, add_call
from tests.integration.web.conftest import MakePerson, Someone

pytestmark = pytest.mark.django_db(databases=["default", "keys"])


def used(someone: Someone, *, turns: int = 3, read: int = 1200, written: int = 34) -> None:
    with workspace_scope(someone.workspace.id), transaction.atomic():
        add(user_id=someone.user.id, turns=turns)
        add_call(actor=Actor.person(someone.user.id), model="tiny", tokens_read=read, tokens_written=written)


def test_nothing_used_yet(owner: Someone) -> None:
    assert "Nothing was used in this time" in owner.browser.get("/console/usage/").text


def test_what_was_used(owner: Someone, member: Someone) -> None:
    used(member)
    page = owner.browser.get("/console/usage/").text
    assert "1,234" in page, "tokens of the member"
    assert "<svg" in page
    assert "tiny" in page
    assert member.user.email in page
    assert "/console/members/" in page
    assert page.count("<rect") == 60, "thirty days, twice"
    assert "style=" not in page
    assert owner.browser.get("/console/usage/", {"days": "7"}).text.count("<rect") == 14
    assert owner.browser.get("/console/usage/", {"days": "-1"}).status_code == 200


@pytest.mark.parametrize("by", ["day", "person", "assistant", "model", "nonsense"])
def test_copies(owner: Someone, member: Someone, by: str) -> None:
    used(member)
    answer = owner.browser.get("/console/usage/export/", {"by": by, "days": "7"})
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert "tokens_written" in answer.text.splitlines()[0]
    if by == "person":
        assert f"{member.user.email},3,1200,34" in answer.text


def test_another_workspaces_use_is_not_shown(owner: Someone, make_person: MakePerson) -> None:
    stranger = make_person(Role.OWNER, elsewhere=True)
    used(stranger)
    assert "Nothing was used" in owner.browser.get("/console/usage/").text
    assert stranger.user.email not in owner.browser.get("/console/usage/export/", {"by": "person"}).text


def test_limits_for_everyone_a_group_and_a_person(owner: Someone, member: Someone) -> None:
    with workspace_scope(owner.workspace.id):
        group = Group.objects.create(workspace_id=owner.workspace.id, name="Night shift")
    assert "No limits" in owner.browser.get("/console/usage/limits/").text
    for data in (
        {"subject": "everyone", "limit": "2 000", "unit": "tokens", "window": "day", "together": "on"},
        {"subject": f"group:{group.id}", "limit": "20", "unit": "turns", "window": "hour"},
        {"subject": "person", "person": member.user.email, "limit": "5", "unit": "turns", "window": "month"},
    ):
        assert owner.browser.post("/console/usage/limits/", data).status_code == 302
    page = owner.browser.get("/console/usage/limits/").text
    for words in (
        "2,000 tokens a day",
        "20 answers an hour",
        "5 answers a month",
        "Night shift",
        member.user.email,
    ):
        assert words in page
    rule = re.findall(r"limits/([0-9a-f-]{36})/remove/", page)
    assert len(rule) == 3
    answer = owner.browser.post(f"/console/usage/limits/{rule[0]}/remove/", follow=True)
    assert "The limit is taken away." in answer.text
    assert owner.browser.post(f"/console/usage/limits/{rule[0]}/remove/").status_code == 404


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"limit": "many"}, "whole number"),
        ({"limit": "9" * 40}, "whole number"),
        ({"limit": ""}, "whole number"),
        ({"unit": "words"}, "what is counted"),
        ({"subject": "planet"}, "whom the limit is for"),
        ({"subject": "group:nonsense"}, "whom the limit is for"),
        ({"subject": "person", "person": ""}, "Nobody is called that"),
        ({"subject": "person", "person": "example.org"}, "Several people"),
    ],
)
def test_mistakes_are_said_in_place(
    owner: Someone, member: Someone, wrong: dict[str, str], words: str
) -> None:
    data = {"subject": "everyone", "limit": "5", "unit": "turns", "window": "day"} | wrong
    answer = owner.browser.post("/console/usage/limits/", data)
    assert answer.status_code == 400
    assert words in answer.text
    with workspace_scope(owner.workspace.id):
        assert not QuotaRule.objects.exists()


def test_subjects_and_rules_of_others_do_not_exist(owner: Someone, make_person: MakePerson) -> None:
    data = {"subject": f"group:{uuid4()}", "limit": "5", "unit": "turns", "window": "day"}
    assert owner.browser.post("/console/usage/limits/", data).status_code == 404
    owner.browser.post("/console/usage/limits/", data | {"subject": "everyone"})
    with workspace_scope(owner.workspace.id):
        rule = QuotaRule.objects.get()
    stranger = make_person(Role.OWNER, elsewhere=True)
    assert stranger.browser.post(f"/console/usage/limits/{rule.id}/remove/").status_code == 404


@pytest.mark.parametrize("role", [Role.MEMBER, Role.SUPPORT_AGENT, Role.PROMPT_EDITOR])
def test_not_for_everybody(make_person: MakePerson, role: Role) -> None:
    browser = make_person(role).browser
    for page in ("usage/", "usage/export/", "usage/limits/"):
        assert browser.get(f"/console/{page}").status_code == 403
    assert browser.post("/console/usage/limits/").status_code == 403


@pytest.mark.parametrize(
    ("value", "top"),
    [(1, 2), (3, 4), (5, 6), (7, 10), (10, 10), (11, 20), (99, 100), (101, 200), (61_000, 100_000)],
)
def test_a_scale_that_people_can_read(value: int, top: int) -> None:
    assert round_above(value) == top


def test_bars_stay_in_their_box() -> None:
    plot = bar_plot([(str(n), n * n) for n in range(365)])
    assert plot is not None
    for bar in plot.bars:
        assert 0 <= bar.x <= bar.x + bar.width <= plot.width
        assert 0 <= bar.y <= bar.y + bar.height <= plot.height + 0.01
    assert bar_plot([("a", 0), ("b", 0)]) is None
