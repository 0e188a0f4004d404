"""Limits as a person in the chat meets them: a kind refusal, nothing half done, and no answer is cut."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chatplatform.audit.models import AuditEvent
from chatplatform.chat import services, turns
from chatplatform.chat.models import Message, Turn
from chatplatform.chat.turns import Passport
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope
from chatplatform.usage import queries
from chatplatform.usage.models import QuotaRule, Unit, UsageCounter, Window
from chatplatform.usage.services import set_rule
from tests.websocket.conftest import Person, Site

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])


def limit(person: Person, most: int, unit: Unit = Unit.TURNS) -> None:
    with workspace_scope(person.workspace.id):
        set_rule(
            subject_kind=QuotaRule.Subject.EVERYONE,
            subject_id=None,
            unit=unit,
            window=Window.MONTH,
            limit=most,
            actor=person.actor,
        )


def used(person: Person) -> tuple[int, int]:
    """Turns and tokens of the day."""
    with workspace_scope(person.workspace.id):
        rows = UsageCounter.objects.filter(
            subject_kind=UsageCounter.Subject.PERSON, subject_id=person.user.id, window=Window.DAY
        )
        return sum(row.turns for row in rows), sum(row.tokens_read + row.tokens_written for row in rows)


async def test_beyond_the_limit_nothing_is_kept(site: Site, owner: Person) -> None:
    await sync_to_async(limit)(owner, 1)
    async with site.client(owner) as client:
        await client.ask("Hello [[tokens=5]]")
        await client.finished()
        await client.ask("Again [[tokens=5]]")
        await client.until(lambda screen: bool(screen.errors))
        [error] = client.screen.errors
        assert error["code"] == "quota_exceeded"
        assert error["message"].startswith("Your limit is 1 answer a month: 0 left. It resets in ")
        assert error["retry_after_s"] > 0

    @sync_to_async
    def kept() -> tuple[int, int, int]:
        with workspace_scope(owner.workspace.id):
            refused = AuditEvent.objects.filter(code="usage.quota.refused", outcome="refused").count()
            return Message.objects.count(), Turn.objects.count(), refused

    assert await kept() == (2, 1, 1)
    assert (await sync_to_async(used)(owner))[0] == 1


async def test_the_refusal_is_in_the_persons_language(
    site: Site, owner: Person, make_person: Callable[..., Person]
) -> None:
    reader = await sync_to_async(make_person)("li@example.org", language="zh-hans")
    await sync_to_async(limit)(owner, 1)
    async with site.client(reader) as client:
        await client.ask("你好 [[tokens=3]]")
        await client.finished()
        await client.ask("再来")
        await client.until(lambda screen: bool(screen.errors))
        assert client.screen.errors[0]["message"].startswith("您的限额是")


async def test_an_answer_that_began_is_not_cut(site: Site, owner: Person) -> None:
    await sync_to_async(limit)(owner, 20, Unit.TOKENS)
    async with site.client(owner) as client:
        await client.ask("Hello [[tokens=200]]")
        answer = await client.finished()
        assert len(answer.text.split()) == 200
        await client.ask("Again")
        await client.until(lambda screen: bool(screen.errors))
        assert client.screen.errors[0]["code"] == "quota_exceeded"
    turns_used, tokens_used = await sync_to_async(used)(owner)
    assert turns_used == 1
    assert tokens_used >= 200


async def test_writing_an_answer_again_counts(site: Site, owner: Person) -> None:
    await sync_to_async(limit)(owner, 1)
    async with site.client(owner) as client:
        await client.ask("Hello [[tokens=5]]")
        answer = await client.finished()
        assert answer.turn is not None
        await client.send("regenerate", client_id=str(uuid4()), turn_id=answer.turn["id"])
        await client.until(lambda screen: bool(screen.errors))
        assert client.screen.errors[0]["code"] == "quota_exceeded"
        assert client.screen.messages[-1].text == answer.text, "the answer is still shown"


async def test_without_limits_turns_are_counted_when_they_are_over(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await client.ask("Hello [[tokens=50]]")
        await client.finished()
    turns_used, tokens_used = await sync_to_async(used)(owner)
    assert turns_used == 1
    assert tokens_used >= 50

    @sync_to_async
    def reports() -> tuple[int, int, int]:
        with workspace_scope(owner.workspace.id):
            day = queries.today()
            since = day - timedelta(days=1)  # the test may run past midnight
            [assistant] = queries.by_assistant(since, day)
            assert assistant.subject_id == Turn.objects.get().assistant_id
            models = queries.by_model(since, day)
            return assistant.turns, assistant.tokens_written, sum(model.turns for model in models)

    assert await reports() == (1, 50, 1)


# ---------------------------------------------------------------- what it costs, and what failed turns cost


def about_usage(captured: CaptureQueriesContext) -> list[str]:
    return [query["sql"][:40] for query in captured if "usage_" in query["sql"]]


def ask(person: Person) -> services.Submitted:
    return services.submit_message(
        client_id=uuid4(), text="Hello", conversation_id=None, assistant_id=None, actor=person.actor
    )


def finish(submitted: services.Submitted, state: Turn.State) -> None:
    passport = Passport(model="m", prompt_tokens=10, completion_tokens=5)
    turns.finish(submitted.turn_id, state, passport)


@sync_to_async
def statements_of_a_turn(person: Person) -> tuple[int, int, int]:
    with workspace_scope(person.workspace.id):
        finish(ask(person), Turn.State.FINISHED)  # keys are made, rules are read
        with CaptureQueriesContext(connection) as submitting:
            submitted = ask(person)
        with CaptureQueriesContext(connection) as finishing:
            finish(submitted, Turn.State.FINISHED)
        return len(about_usage(submitting)), len(about_usage(finishing)), len(submitting)


async def test_without_limits_submitting_costs_no_statement(owner: Person) -> None:
    submitting, finishing, all_submitting = await statements_of_a_turn(owner)
    assert (submitting, finishing) == (0, 1)
    await sync_to_async(limit)(owner, 1000)
    submitting, finishing, with_a_limit = await statements_of_a_turn(owner)
    assert (submitting, finishing) == (1, 1)
    assert with_a_limit == all_submitting + 2, "the counter, and the mark on the turn"


@sync_to_async
def failing_and_retrying(person: Person) -> list[int]:
    seen = []
    actor = Actor.person(person.user.id)
    with workspace_scope(person.workspace.id):
        submitted = ask(person)
        seen.append(used(person)[0])
        finish(submitted, Turn.State.FAILED)
        seen.append(used(person)[0])
        services.retry_turn(submitted.turn_id, actor=actor)
        seen.append(used(person)[0])
        finish(submitted, Turn.State.FINISHED)
        seen.append(used(person)[0])
    return seen


async def test_a_failed_turn_costs_no_answer(owner: Person) -> None:
    assert await failing_and_retrying(owner) == [0, 0, 0, 1]
    await sync_to_async(limit)(owner, 10)
    assert await failing_and_retrying(owner) == [2, 1, 2, 2]
