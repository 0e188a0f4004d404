"""Reports of use: by day, person, assistant and model; in pages, as CSV, and fast when there is much."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, time, timedelta
from io import StringIO
from time import perf_counter
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from chatplatform.accounts.api_tokens import authenticate
from chatplatform.accounts.models import Role, User, Workspace
from chatplatform.accounts.services import add_member
from chatplatform.common.actors import Actor
from chatplatform.common.errors import InvalidInput
from chatplatform.common.scope import workspace_scope
from chatplatform.usage import chores, queries
from chatplatform.usage.counters import NOBODY, Addition, Amount, Subject, add_up, model_id
from chatplatform.usage.export import usage_csv
from chatplatform.usage.models import UsageCounter, Window
from chatplatform.usage.services import add_call

SYSTEM = Actor.system("test")
DAY = date(2026, 5, 4)


def used(user_id: UUID, day: date, *, turns: int = 0, read: int = 0, written: int = 0) -> None:
    with transaction.atomic():
        amount = Amount(turns, read, written)
        add_up([Addition(Subject.PERSON, user_id, amount)], at=datetime.combine(day, time(12), UTC))


def test_every_day_of_the_range_is_there(workspace: Workspace, member: User) -> None:
    used(member.id, DAY, turns=2, read=10, written=5)
    used(member.id, DAY + timedelta(days=2), turns=1)
    used(member.id, DAY + timedelta(days=3), turns=100)
    days = queries.by_day(DAY - timedelta(days=1), DAY + timedelta(days=2))
    assert [(use.day.day, use.turns, use.tokens) for use in days] == [
        (3, 0, 0),
        (4, 2, 15),
        (5, 0, 0),
        (6, 1, 0),
    ]
    assert queries.totals(DAY, DAY + timedelta(days=2)).turns == 3


@pytest.mark.parametrize("days", [-1, 366, 100_000])
def test_impossible_ranges_are_refused(workspace: Workspace, days: int) -> None:
    for ask in (queries.by_day, queries.by_person, queries.by_model, queries.totals):
        with pytest.raises(InvalidInput):
            ask(DAY, DAY + timedelta(days=days))


def test_people_come_in_pages_the_most_first(workspace: Workspace, owner: User) -> None:
    people = [
        add_member(workspace, f"p{number}@example.org", role=Role.MEMBER, actor=SYSTEM) for number in range(7)
    ]
    for number, person in enumerate(people):
        used(person.id, DAY, turns=1, written=100 * (number // 2))  # some are equal
    used(NOBODY, DAY, read=50)
    seen: list[UUID | None] = []
    after: tuple[int, UUID] | None = None
    while page := queries.by_person(DAY, DAY, after=after, limit=3):
        seen += [use.user_id for use in page]
        after = (page[-1].tokens, page[-1].user_id or NOBODY)
    assert len(seen) == 8
    assert set(seen) == {*(person.id for person in people), None}
    tokens = [use.tokens for use in queries.by_person(DAY, DAY)]
    assert tokens == sorted(tokens, reverse=True)
    assert [use.email for use in queries.by_person(DAY, DAY, search="P3@")] == ["p3@example.org"]


def test_calls_are_counted_for_their_person_token_and_model(workspace: Workspace, member: User) -> None:
    token_id = uuid4()
    with transaction.atomic():
        add_call(
            actor=Actor.person(member.id, token_id=token_id), model="qwen", tokens_read=7, tokens_written=3
        )
        add_call(actor=SYSTEM, model="qwen", tokens_read=2, tokens_written=0)
        add_call(actor=SYSTEM, model="e5", tokens_read=0, tokens_written=0)
    day = queries.today()
    assert [(use.model, use.tokens_read, use.tokens_written) for use in queries.by_model(day, day)] == [
        ("qwen", 9, 3)
    ]
    assert [(use.user_id, use.tokens) for use in queries.by_person(day, day)] == [(member.id, 10), (None, 2)]
    assert [(use.subject_id, use.tokens) for use in queries.by_token(day, day)] == [(token_id, 10)]


def test_another_workspace_sees_nothing(workspace: Workspace, member: User) -> None:
    used(member.id, DAY, turns=5)
    with workspace_scope(Workspace.objects.create(name="Other").id):
        assert queries.totals(DAY, DAY).turns == 0
        assert queries.by_person(DAY, DAY) == []


def test_the_csv_opens_in_a_spreadsheet_and_runs_nothing_there(workspace: Workspace) -> None:
    name = '=HYPERLINK("https://evil.example","x"), 令'
    person = add_member(workspace, "a@example.org", role=Role.MEMBER, actor=SYSTEM, display_name=name)
    used(person.id, DAY, turns=1, read=2, written=3)
    text = "".join(usage_csv("person", DAY, DAY))
    assert text.startswith("\ufeff")
    heading, row = csv.reader(StringIO(text.removeprefix("\ufeff")))
    assert heading == ["person_id", "name", "email", "answers", "tokens_read", "tokens_written"]
    assert row == [str(person.id), f"'{name}", "a@example.org", "1", "2", "3"]


@pytest.mark.parametrize("by", ["day", "person", "assistant", "model"])
def test_usage_is_printed(workspace: Workspace, member: User, by: str) -> None:
    used(member.id, DAY, turns=4)
    out = StringIO()
    call_command("usage", "--by", by, "--since", "2026-05-01", "--until", "2026-05-31", stdout=out)
    rows = list(csv.reader(StringIO(out.getvalue())))
    assert rows[0][-1] == "tokens_written"
    assert len(rows) == {"day": 32, "person": 2}.get(by, 1)


def test_quotas_are_set_listed_and_removed(workspace: Workspace, member: User) -> None:
    def run(*arguments: str) -> str:
        out = StringIO()
        call_command("quotas", *arguments, stdout=out)
        return out.getvalue().strip()

    rule_id = run("set", "ana@example.org", "20", "turns", "day")
    run("set", "everyone", "100000", "tokens", "month", "--together")
    lines = run("list").splitlines()
    assert lines[0].endswith("everyone together: 100000 tokens a month")
    assert lines[1] == f"{rule_id}  person Ana: 20 turns a day"
    run("remove", rule_id)
    assert len(run("list").splitlines()) == 1
    for nobody in ("zoe@example.org", "group:None", "token:none", f"token:{uuid4()}"):
        with pytest.raises(CommandError, match="nobody here"):
            run("set", nobody, "1", "turns", "day")
    with pytest.raises(CommandError):
        run("remove", rule_id)


def test_tokens_are_made_listed_and_revoked(workspace: Workspace, member: User) -> None:
    def run(*arguments: str) -> str:
        out = StringIO()
        call_command("tokens", *arguments, stdout=out)
        return out.getvalue().strip()

    secret = run("make", "ana@example.org", "--name", "Reports", "--days", "5")
    assert authenticate(secret) is not None
    [line] = run("list").splitlines()
    assert secret[:9] in line
    assert secret not in line
    assert line.endswith("chat  Reports")
    run("revoke", secret[:9])
    assert authenticate(secret) is None
    assert run("list") == ""
    assert "revoked" in run("list", "ana@example.org")
    for arguments in (
        ("make", "zoe@example.org"),
        ("make", "ana@example.org", "--scope", "audit.read"),
        ("make", "ana@example.org", "--days", "-1"),
        ("revoke", "cp_nothing"),
    ):
        with pytest.raises(CommandError):
            run(*arguments)


def test_old_windows_are_forgotten(workspace: Workspace, member: User) -> None:
    today = queries.today()
    for days in (0, 5, 500, 3000):
        used(member.id, today - timedelta(days=days), turns=1)
    chores.forget_old_counters()
    kept = [(row.window, (today - row.starts_at.date()).days) for row in UsageCounter.objects.all()]
    assert sorted(days for window, days in kept if window == Window.HOUR) == [0]
    assert sorted(days for window, days in kept if window == Window.DAY) == [0, 5]
    assert len([days for window, days in kept if window == Window.MONTH]) in {2, 3}


def test_reports_are_fast_when_there_is_much(workspace: Workspace) -> None:
    """A year of 300 people, with models and assistants: more days than 100,000 messages make."""
    people = [uuid4() for _n in range(300)]
    noon = datetime.combine(DAY, time(), UTC)
    rows = [
        UsageCounter(
            workspace_id=workspace.id,
            subject_kind=kind,
            subject_id=subject_id,
            window=Window.DAY,
            starts_at=noon - timedelta(days=day),
            label=label,
            turns=3,
            tokens_read=900,
            tokens_written=100,
        )
        for kind, label, ids in (
            (Subject.PERSON, "", people),
            (Subject.MODEL, "qwen", [model_id("qwen")]),
            (Subject.ASSISTANT, "", people[:9]),
        )
        for subject_id in ids
        for day in range(365)
    ]
    UsageCounter.objects.bulk_create(rows, batch_size=3000)
    since = DAY - timedelta(days=29)
    began = perf_counter()
    assert queries.totals(since, DAY).turns == 300 * 30 * 3
    assert len(queries.by_day(since, DAY)) == 30
    assert len(queries.by_person(since, DAY)) == 50
    assert len(queries.by_assistant(since, DAY)) == 9
    assert len(queries.by_model(since, DAY)) == 1
    # the five together take 30 ms on two cores, and the page has 150 ms; the rest is for a busy machine
    assert perf_counter() - began < 0.6
