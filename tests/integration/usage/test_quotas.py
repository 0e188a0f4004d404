"""Limits: who meets which, that the strictest holds, what a refusal says, and that no count is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from chatplatform.accounts.api_tokens import Scope, make_token
from chatplatform.accounts.models import Group, Role, User, Workspace
from chatplatform.accounts.services import add_member, bootstrap_owner
from chatplatform.audit.models import AuditEvent
from chatplatform.common.actors import Actor
from chatplatform.common.errors import InvalidInput, NotFound
from chatplatform.common.scope import NoScope, workspace_scope
from chatplatform.usage import queries, services
from chatplatform.usage.models import QuotaRule, Unit, UsageCounter, Window
from chatplatform.usage.services import QuotaExceeded, add, admit, remove_rule, set_rule

SYSTEM = Actor.system("test")
Subject = QuotaRule.Subject
GroupOf = Callable[..., Group]


def rule(
    kind: QuotaRule.Subject,
    subject_id: UUID | None,
    limit: int,
    *,
    unit: Unit = Unit.TURNS,
    window: Window = Window.DAY,
    together: bool = False,
) -> UUID:
    return set_rule(
        subject_kind=kind,
        subject_id=subject_id,
        unit=unit,
        window=window,
        limit=limit,
        together=together,
        actor=SYSTEM,
    )


def turn(user: User, token_id: UUID | None = None) -> bool:
    with transaction.atomic():
        return admit(user_id=user.id, token_id=token_id, turns=1)


def turns_until_refused(user: User, token_id: UUID | None = None) -> int:
    for number in range(100):
        try:
            turn(user, token_id)
        except QuotaExceeded:
            return number
    raise AssertionError("never refused")


def spend(user: User, tokens: int, token_id: UUID | None = None) -> None:
    with transaction.atomic():
        add(user_id=user.id, token_id=token_id, tokens=tokens)


def test_without_limits_nothing_is_asked_or_counted(workspace: Workspace, member: User) -> None:
    assert turn(member) is False
    with CaptureQueriesContext(connection) as captured, transaction.atomic():
        assert admit(user_id=member.id, turns=1) is False
    assert [query for query in captured if "quota" in query["sql"] or "usage" in query["sql"]] == []
    assert not UsageCounter.objects.exists()


def test_a_person_has_so_many_turns(workspace: Workspace, owner: User, member: User) -> None:
    rule(Subject.PERSON, member.id, 3)
    assert turns_until_refused(member) == 3
    assert turn(owner) is False, "it is another person's limit"


def test_refused_turns_are_not_counted(workspace: Workspace, member: User) -> None:
    rule(Subject.PERSON, member.id, 2)
    turns_until_refused(member)
    for _again in range(3):
        with pytest.raises(QuotaExceeded):
            turn(member)
    [limit] = queries.limits_of(member.id)
    assert (limit.used, limit.left) == (2, 0)


def test_everyone_alone_and_together(workspace: Workspace, owner: User, member: User) -> None:
    rule(Subject.EVERYONE, None, 3)
    rule(Subject.EVERYONE, None, 5, together=True)
    assert turns_until_refused(member) == 3
    assert turns_until_refused(owner) == 2, "five together, three are gone"


def test_a_groups_limit_holds_for_its_people(workspace: Workspace, member: User, group_of: GroupOf) -> None:
    bo = add_member(workspace, "bo@example.org", role=Role.MEMBER, actor=SYSTEM)
    group = group_of("Sales", member, bo)
    rule(Subject.GROUP, group.id, 4, together=True)
    assert turns_until_refused(member) == 4
    assert turns_until_refused(bo) == 0
    assert turns_until_refused_or_free(workspace) == "free"


def turns_until_refused_or_free(workspace: Workspace) -> str:
    stranger = add_member(workspace, "cy@example.org", role=Role.MEMBER, actor=SYSTEM)
    return "free" if turn(stranger) is False else "limited"


def test_the_strictest_applies(workspace: Workspace, member: User, group_of: GroupOf) -> None:
    rule(Subject.EVERYONE, None, 5)
    rule(Subject.GROUP, group_of("Wide", member).id, 7)
    rule(Subject.GROUP, group_of("Narrow", member).id, 2)
    rule(Subject.PERSON, member.id, 9)
    assert turns_until_refused(member) == 2


def test_a_token_has_limits_of_its_own(workspace: Workspace, member: User) -> None:
    actor = Actor.person(member.id)
    made = make_token("CI", [Scope.CHAT], expires_at=None, actor=actor)
    other = make_token("Other", [Scope.CHAT], expires_at=None, actor=actor)
    rule(Subject.TOKEN, made.token_id, 2)
    assert turns_until_refused(member, made.token_id) == 2
    assert turn(member, other.token_id) is False
    assert turn(member) is False, "the person goes on without the token"


def test_a_limit_of_tokens_closes_once_it_is_used_up(workspace: Workspace, member: User) -> None:
    rule(Subject.PERSON, member.id, 1000, unit=Unit.TOKENS)
    spend(member, 999)
    turn(member)
    spend(member, 500)  # what was running is not cut
    with pytest.raises(QuotaExceeded) as refused:
        turn(member)
    assert refused.value.limit.used == 1499
    assert refused.value.limit.left == 0
    with pytest.raises(QuotaExceeded):
        admit(user_id=member.id)


def test_a_limit_of_turns_does_not_close_calls_outside_of_turns(workspace: Workspace, member: User) -> None:
    rule(Subject.PERSON, member.id, 1)
    turn(member)
    assert admit(user_id=member.id) is False


def test_a_limit_of_nothing_closes(workspace: Workspace, member: User) -> None:
    rule(Subject.PERSON, member.id, 0, unit=Unit.TOKENS)
    with pytest.raises(QuotaExceeded) as refused:
        turn(member)
    assert "An administrator can change it." in str(refused.value.message), "waiting would not help"


def test_a_new_window_begins_at_nothing(
    workspace: Workspace, member: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule(Subject.PERSON, member.id, 1, window=Window.HOUR)
    rule(Subject.PERSON, member.id, 2, window=Window.DAY)
    moment = datetime(2026, 5, 4, 21, 59, 59, tzinfo=UTC)
    for name in ("services", "limits", "errors"):
        monkeypatch.setattr(f"chatplatform.usage.{name}.now", lambda: moment)
    turn(member)
    with pytest.raises(QuotaExceeded) as refused:
        turn(member)
    assert refused.value.retry_after_s == 1
    moment += timedelta(seconds=1)
    turn(member)
    with pytest.raises(QuotaExceeded) as refused:
        turn(member)
    assert refused.value.limit.window == Window.DAY, (
        "of two that are used up, the one that is closed longer is told"
    )
    assert refused.value.retry_after_s == 7200
    moment += timedelta(hours=2)
    turn(member)


def test_the_refusal_says_what_is_left_and_when_it_resets(
    workspace: Workspace, member: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = datetime(2026, 5, 4, 21, 30, tzinfo=UTC)
    for name in ("services", "limits", "errors"):
        monkeypatch.setattr(f"chatplatform.usage.{name}.now", lambda: moment)
    rule(Subject.PERSON, member.id, 2000, unit=Unit.TOKENS)
    spend(member, 3000)
    with pytest.raises(QuotaExceeded) as refused:
        turn(member)
    assert refused.value.code == "quota_exceeded"
    assert refused.value.status == 429
    assert str(refused.value.message) == (
        "Your limit is 2,000 tokens a day: 0 left. It resets in 2 hours, 30 minutes, at 00:00 UTC."
    )


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("kind", [Subject.EVERYONE, Subject.GROUP])
def test_refusals_name_whose_limit_it_is(
    workspace: Workspace, member: User, group_of: GroupOf, kind: QuotaRule.Subject, together: bool
) -> None:
    group = group_of("Sales", member)
    rule(kind, group.id if kind == Subject.GROUP else None, 1, together=together, window=Window.MONTH)
    turn(member)
    with pytest.raises(QuotaExceeded) as refused:
        turn(member)
    whose = {
        (Subject.EVERYONE, True): "The workspace's limit",
        (Subject.GROUP, True): "Your group's limit",
    }.get((kind, together), "Your limit")
    assert str(refused.value.message).startswith(f"{whose} is 1 answer a month: 0 left.")


def test_limits_are_shown_with_what_is_left(workspace: Workspace, member: User, group_of: GroupOf) -> None:
    group = group_of("Sales", member)
    rule(Subject.GROUP, group.id, 10, together=True)
    rule(Subject.EVERYONE, None, 100, unit=Unit.TOKENS)
    spend(member, 80)
    turn(member)
    tokens, turns = queries.limits_of(member.id)
    assert (tokens.unit, tokens.used, tokens.left, tokens.source) == (Unit.TOKENS, 80, 20, Subject.EVERYONE)
    assert tokens.fraction == 0.8
    assert (turns.unit, turns.used, turns.left, turns.group_name) == (Unit.TURNS, 1, 9, "Sales")
    assert queries.limits_of(uuid4())[0].used == 0


def test_changing_and_removing_a_rule(workspace: Workspace, member: User) -> None:
    first = rule(Subject.PERSON, member.id, 1)
    assert turns_until_refused(member) == 1
    assert rule(Subject.PERSON, member.id, 3) == first
    assert turns_until_refused(member) == 2
    [view] = queries.rules()
    assert (view.subject_name, view.limit) == ("Ana", 3)
    remove_rule(first, actor=SYSTEM)
    assert turn(member) is False
    with pytest.raises(NotFound):
        remove_rule(first, actor=SYSTEM)
    events = AuditEvent.objects.filter(code__startswith="usage.quota").order_by("id")
    assert [event.code for event in events] == ["usage.quota.set", "usage.quota.set", "usage.quota.removed"]


@pytest.mark.parametrize("limit", [-1, services.MOST + 1])
def test_impossible_limits_are_refused(workspace: Workspace, limit: int) -> None:
    with pytest.raises(InvalidInput):
        rule(Subject.EVERYONE, None, limit)


@pytest.mark.parametrize("kind", [Subject.PERSON, Subject.GROUP, Subject.TOKEN])
def test_a_subject_of_another_workspace_is_not_found(
    workspace: Workspace, member: User, group_of: GroupOf, kind: QuotaRule.Subject
) -> None:
    made = make_token("CI", [Scope.CHAT], expires_at=None, actor=Actor.person(member.id))
    subjects = {Subject.PERSON: member.id, Subject.GROUP: group_of("Sales").id, Subject.TOKEN: made.token_id}
    rule_id = rule(kind, subjects[kind], 1)
    other = Workspace.objects.create(name="Other")
    with workspace_scope(other.id):
        for subject_id in (subjects[kind], uuid4(), None):
            with pytest.raises(NotFound):
                rule(kind, subject_id, 1)
        with pytest.raises(NotFound):
            remove_rule(rule_id, actor=SYSTEM)
        assert queries.rules() == []


def test_counting_needs_a_scope_and_a_transaction(transactional_db: None) -> None:
    user_id = uuid4()
    with pytest.raises(RuntimeError, match="transaction"):
        add(user_id=user_id, turns=1)
    with transaction.atomic(), pytest.raises(NoScope):
        add(user_id=user_id, turns=1)


def test_a_rule_of_another_process_is_seen_within_a_second(
    workspace: Workspace, member: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert turn(member) is False
    QuotaRule.objects.create(
        workspace_id=workspace.id,
        subject_kind=Subject.PERSON,
        subject_id=member.id,
        unit=Unit.TURNS,
        window=Window.DAY,
        limit=0,
    )
    assert turn(member) is False, "kept for a moment"
    monkeypatch.setattr("chatplatform.usage.rules.FRESH_S", 0)
    with pytest.raises(QuotaExceeded):
        turn(member)


def test_a_refusal_is_recorded_once_a_minute(workspace: Workspace, member: User) -> None:
    rule(Subject.PERSON, member.id, 0)
    for _again in range(3):
        try:
            turn(member)
        except QuotaExceeded as refusal:
            services.note_refusal(refusal, actor=Actor.person(member.id))
    assert AuditEvent.objects.filter(code="usage.quota.refused").count() == 1


def test_messages_are_in_the_readers_language(workspace: Workspace, member: User) -> None:
    rule(Subject.PERSON, member.id, 0)
    with translation.override("zh-hans"), pytest.raises(QuotaExceeded) as refused:
        turn(member)
    assert "管理员" in str(refused.value.message)


# ---------------------------------------------------------------- many at once


def at_once(workspace_id: UUID, acts: list[Callable[[], object]]) -> list[object]:
    """Run the acts in threads that start together; their results or errors."""
    results: list[object] = [None] * len(acts)
    barrier = threading.Barrier(len(acts))

    def run(index: int) -> None:
        barrier.wait()
        try:
            with workspace_scope(workspace_id):
                results[index] = acts[index]()
        except QuotaExceeded as refusal:
            results[index] = refusal
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize("together", [False, True])
def test_no_place_is_given_twice(
    transactional_db: None, audit_log_survives_flush: None, together: bool
) -> None:
    owner = bootstrap_owner()
    workspace_id = owner.memberships.get().workspace_id
    people = [owner]
    with workspace_scope(workspace_id):
        if together:
            workspace = Workspace.objects.get(id=workspace_id)
            people += [
                add_member(workspace, f"p{number}@example.org", role=Role.MEMBER, actor=SYSTEM)
                for number in range(3)
            ]
        rule(Subject.EVERYONE, None, 7, together=together)
        results = at_once(workspace_id, [partial(turn, people[n % len(people)]) for n in range(16)])
        assert sum(result is True for result in results) == 7
        assert sum(isinstance(result, QuotaExceeded) for result in results) == 9
        assert queries.limits_of(owner.id)[0].used == 7


def test_no_addition_is_lost(transactional_db: None, audit_log_survives_flush: None) -> None:
    owner = bootstrap_owner()
    workspace_id = owner.memberships.get().workspace_id
    at_once(workspace_id, [lambda: [spend(owner, 10) for _n in range(10)] for _thread in range(8)])
    with workspace_scope(workspace_id):
        assert {row.tokens_written for row in UsageCounter.objects.all()} == {800}
