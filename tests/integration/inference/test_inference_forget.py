"""What engines have read of a person goes with the conversation, and with the person's key."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from pytest_django.fixtures import Settings

from chatplatform.audit.models import AuditEvent
from chatplatform.chat.content import sealed_title
from chatplatform.chat.models import Conversation
from chatplatform.chat.services import delete_conversation
from chatplatform.common.actors import Actor
from chatplatform.common.scope import all_workspaces, workspace_scope
from chatplatform.inference import gateway
from chatplatform.inference.cache_owners import FORGET, cache_owner, forget_soon
from chatplatform.inference.models import EngineEndpoint
from chatplatform.jobs import claims
from chatplatform.jobs.heartbeat import Heartbeat
from chatplatform.jobs.models import Job, JobState
from chatplatform.jobs.runner import Runner
from chatplatform.privacy.services import destroy_key
from chatplatform.privacy.subjects import Subject
from chatplatform.testing.fixtures import TOKEN, ScriptedEngineProcess
from tests.integration.inference.conftest import SAMPLING, Asker

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])

ACTOR = Actor.system("test")


@pytest.fixture
def subject(asker: Asker) -> Subject:
    return Subject.person(asker.person_id)


@pytest.fixture
def runner() -> Runner:
    return Runner(Heartbeat(on_stuck=lambda: None))


def forgetting() -> list[Job]:
    with all_workspaces("test"):
        return list(Job.objects.filter(kind=FORGET).order_by("created_at"))


def read_before(asker: Asker, question: str, *, apart: UUID | None = None) -> int:
    """How much of the question the engine knew, asked as the person."""

    async def ask() -> int:
        cleared = await asker.ask(question)
        stream = gateway.stream(cleared, sampling=SAMPLING, turn_id=uuid4(), apart=apart)
        events = [event async for event in stream]
        assert isinstance(events[-1], gateway.Completed)
        return events[-1].cached_tokens

    return asyncio.run(ask())


def conversation(asker: Asker, subject: Subject) -> UUID:
    conversation_id = uuid4()
    with workspace_scope(asker.workspace_id):
        Conversation.objects.create(
            id=conversation_id,
            workspace_id=asker.workspace_id,
            owner_id=asker.person_id,
            title=sealed_title(subject, conversation_id, "Tents"),
        )
    return conversation_id


def delete(asker: Asker, conversation_id: UUID) -> None:
    with workspace_scope(asker.workspace_id):
        delete_conversation(conversation_id, actor=Actor.person(asker.person_id))


def test_a_deleted_conversation_leaves_the_engine(
    asker: Asker, subject: Subject, scripted_engine: ScriptedEngineProcess, runner: Runner
) -> None:
    read_before(asker, "My tent is red.")
    assert read_before(asker, "My tent is red.") > 10
    for _ in range(3):
        delete(asker, conversation(asker, subject))
    (job,) = forgetting()
    assert (job.workspace_id, set(job.args)) == (None, {"subject_kind", "subject_id"})
    runner.run(job.id)
    assert scripted_engine.state()["forgotten"] == [cache_owner(subject)]
    event = AuditEvent.objects.get(code="inference.cache.forgotten")
    assert (event.target_kind, event.target_id) == ("person", str(asker.person_id))
    assert read_before(asker, "My tent is red.") < 10


def test_what_was_deleted_after_the_engine_was_told_is_told_again(
    asker: Asker, subject: Subject, scripted_engine: ScriptedEngineProcess, runner: Runner
) -> None:
    delete(asker, conversation(asker, subject))
    assert claims.take(forgetting()[0].id) is not None  # a worker is at it
    delete(asker, conversation(asker, subject))
    delete(asker, conversation(asker, subject))
    assert [job.state for job in forgetting()] == [JobState.RUNNING, JobState.WAITING]


def test_a_destroyed_key_takes_it_along(
    asker: Asker, subject: Subject, scripted_engine: ScriptedEngineProcess, runner: Runner
) -> None:
    destroy_key(subject, actor=ACTOR)
    (job,) = forgetting()
    runner.run(job.id)
    assert scripted_engine.state()["forgotten"] == [cache_owner(subject)]


def test_an_engine_that_is_down_is_told_when_it_is_back(
    asker: Asker, subject: Subject, scripted_engine: ScriptedEngineProcess, runner: Runner
) -> None:
    read_before(asker, "My tent is red.")
    scripted_engine.kill()
    forget_soon(subject, actor=ACTOR)
    (job,) = forgetting()
    runner.run(job.id)
    (job,) = forgetting()
    assert (job.state, job.failures) == (JobState.WAITING, 1)
    scripted_engine.restart()
    with all_workspaces("test"):
        Job.objects.filter(id=job.id).update(available_at=job.created_at)
    runner.run(job.id)
    assert forgetting()[0].state == JobState.SUCCEEDED
    assert scripted_engine.state()["forgotten"] == [cache_owner(subject)]


@pytest.fixture
def second_engine() -> Iterator[ScriptedEngineProcess]:
    engine = ScriptedEngineProcess()
    yield engine
    engine.stop()


def test_every_engine_of_ours_is_told_and_no_other(
    asker: Asker,
    subject: Subject,
    scripted_engine: ScriptedEngineProcess,
    second_engine: ScriptedEngineProcess,
    settings: Settings,
) -> None:

    for name, kind, is_on in (("ours", "ours", True), ("off", "ours", False), ("vllm", "vllm", True)):
        EngineEndpoint.objects.create(
            name=name,
            kind=kind,
            url=second_engine.url if name == "ours" else "http://127.0.0.1:9/v1",
            place=EngineEndpoint.Place.MACHINE,
            is_on=is_on,
            chat_model="chat",
        )
    settings.ENGINE_TOKEN = TOKEN
    with pytest.MonkeyPatch.context() as patch:
        from chatplatform.inference.endpoints import registry

        patch.setattr(registry, "open_secret", lambda *_, **__: TOKEN)
        EngineEndpoint.objects.update(sealed_key=b"sealed")
        told = asyncio.run(gateway.forget(subject, actor=ACTOR))
    assert told == 2
    assert second_engine.state()["forgotten"] == [cache_owner(subject)]


def test_a_conversation_apart_is_forgotten_alone_and_never_written_down(
    asker: Asker, subject: Subject, scripted_engine: ScriptedEngineProcess, runner: Runner
) -> None:
    apart = uuid4()
    read_before(asker, "My tent is red.")
    assert "no_store" not in scripted_engine.state()["last_chat"]
    assert read_before(asker, "My tent is red.", apart=apart) < 10
    assert scripted_engine.state()["last_chat"]["no_store"] is True
    forget_soon(subject, actor=ACTOR, apart=apart)
    (job,) = forgetting()
    runner.run(job.id)
    assert scripted_engine.state()["forgotten"] == [cache_owner(subject, apart)]
    assert read_before(asker, "My tent is red.", apart=apart) < 10
    assert read_before(asker, "My tent is red.") > 10
