"""The gateway: what it records, in which order, and what it tells."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta
from itertools import pairwise
from uuid import uuid4

import pytest
from django.db import DatabaseError

from chatplatform.audit.errors import AuditUnavailable
from chatplatform.audit.models import AuditEvent
from chatplatform.common.actors import Actor
from chatplatform.common.threads import in_thread
from chatplatform.inference import gateway, model_calls, model_stream
from chatplatform.inference.models import ModelCall
from chatplatform.inference.protocol import openai_client
from chatplatform.privacy.clearance import ClearedPrompt
from chatplatform.privacy.prompt import LeftOut, Prompt, PromptMessage
from chatplatform.privacy.subjects import Subject
from chatplatform.testing.fixtures import ScriptedEngineProcess
from chatplatform.testing.scripted_chat import SHA256
from tests.integration.inference.conftest import SAMPLING, Asker, calls, text_of

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])


async def collect(events: list[gateway.ModelEvent], stream: AsyncIterator[gateway.ModelEvent]) -> None:
    async for event in stream:
        events.append(event)


async def answer(cleared: ClearedPrompt, **options: object) -> list[gateway.ModelEvent]:
    return [event async for event in gateway.stream(cleared, sampling=SAMPLING, **options)]  # type: ignore[arg-type]


async def test_an_answer_streams_and_its_call_is_recorded(
    asker: Asker, scripted_engine: ScriptedEngineProcess
) -> None:
    turn_id = uuid4()
    events = await answer(await asker.ask("Hello [[tokens=20 queue=2]]"), turn_id=turn_id)

    assert [type(event) for event in events[:3]] == [gateway.Queued, gateway.Queued, gateway.Started]
    assert text_of(events) == " ".join(f"w{number}" for number in range(20))
    completed = events[-1]
    assert isinstance(completed, gateway.Completed)
    assert (completed.finish_reason, completed.completion_tokens) == ("stop", 20)
    assert (completed.model, completed.model_sha256) == ("scripted", SHA256)
    assert completed.first_token_s is not None
    assert completed.first_token_s <= completed.total_s

    (call,) = await in_thread(calls)()
    assert (call.state, call.kind, call.purpose, call.turn_id) == (
        "completed",
        "chat",
        "chat.answer",
        turn_id,
    )
    assert (call.workspace_id, call.actor_id) == (asker.workspace_id, str(asker.person_id))
    assert (call.destination, call.is_local, call.model_sha256) == ("llm", True, SHA256)
    assert call.prompt_tokens == completed.prompt_tokens
    assert call.closed_at is not None
    codes = await in_thread(lambda: list(AuditEvent.objects.order_by("id").values_list("code", flat=True)))()
    assert codes == ["inference.model_call.opened", "inference.model_call.closed"]


async def test_the_record_is_committed_before_the_first_byte(
    asker: Asker, scripted_engine: ScriptedEngineProcess
) -> None:
    cleared = await asker.ask("Hello [[hold=1 tokens=3]]")
    running = asyncio.create_task(answer(cleared))
    await scripted_engine.until("chats", 1)

    # another connection sees the row and its audit event while the engine has not said a word
    (call,) = await in_thread(calls)()
    assert call.state == ModelCall.State.OPEN
    assert await in_thread(AuditEvent.objects.filter(target_id=str(call.id)).count)() == 1
    assert not running.done()

    scripted_engine.release()
    assert text_of(await running) == "w0 w1 w2"


def _broken(*args: object, **kwargs: object) -> None:
    raise DatabaseError


def _audit_broken(*args: object, **kwargs: object) -> None:
    raise AuditUnavailable


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        ("chatplatform.inference.models.ModelCall.save", gateway.RecordUnavailable),
        ("chatplatform.inference.model_calls.record", AuditUnavailable),
    ],
)
async def test_without_a_record_no_byte_reaches_the_engine(
    broken: str,
    error: type[Exception],
    asker: Asker,
    scripted_engine: ScriptedEngineProcess,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cleared = await asker.ask("Hello")
    monkeypatch.setattr(broken, _broken if error is gateway.RecordUnavailable else _audit_broken)
    with pytest.raises(error):
        await answer(cleared)
    assert scripted_engine.state()["requests"] == 0
    monkeypatch.undo()
    assert await in_thread(calls)() == []


async def test_sabotage_a_gateway_that_ignores_a_failed_record_is_noticed(
    asker: Asker, scripted_engine: ScriptedEngineProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above must be able to fail: with the protection taken out, the engine is reached."""
    monkeypatch.setattr(model_stream, "open_call", lambda *args, **kwargs: uuid4())
    await answer(await asker.ask("Hello"))
    assert scripted_engine.state()["chats"] == 1
    assert await in_thread(calls)() == []


async def test_only_a_cleared_prompt_is_taken(scripted_engine: ScriptedEngineProcess) -> None:
    with pytest.raises(TypeError):
        await answer("Hello")  # type: ignore[arg-type]
    assert scripted_engine.state()["requests"] == 0


async def test_a_prompt_goes_only_where_it_was_cleared_for(
    asker: Asker, scripted_engine: ScriptedEngineProcess, settings: object
) -> None:
    cleared = await asker.ask("Hello")
    settings.LLM_URL = "https://models.example.org/v1"  # type: ignore[attr-defined]
    with pytest.raises(gateway.EngineRefused):
        await answer(cleared)
    assert await in_thread(calls)() == []


async def test_closing_cancels_in_the_engine_and_in_the_record(
    asker: Asker, scripted_engine: ScriptedEngineProcess
) -> None:
    cleared = await asker.ask("Hello [[tokens=1000 delay_ms=5]]")
    async with aclosing(gateway.stream(cleared, sampling=SAMPLING)) as events:
        async for event in events:
            if isinstance(event, gateway.TextDelta):
                break
    (call,) = await in_thread(calls)()
    assert call.state == ModelCall.State.CANCELLED
    assert call.completion_tokens
    state = await scripted_engine.until("cancelled", 1)
    assert state["cancelled"] == [str(call.id)]


async def test_a_cancelled_task_cancels_the_call(
    asker: Asker, scripted_engine: ScriptedEngineProcess
) -> None:
    running = asyncio.create_task(answer(await asker.ask("Hello [[tokens=1000 delay_ms=5]]")))
    await scripted_engine.until("chats", 1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    (call,) = await in_thread(calls)()
    assert call.state == ModelCall.State.CANCELLED
    assert (await scripted_engine.until("cancelled", 1))["finished"] == 0


async def test_an_answer_continues_to_the_byte_after_the_engine_died(
    asker: Asker, scripted_engine: ScriptedEngineProcess
) -> None:
    question = "Hello [[tokens=50 delay_ms=1 die_after=10]]"
    said: list[gateway.ModelEvent] = []
    with pytest.raises(gateway.EngineUnavailable):
        await collect(said, gateway.stream(await asker.ask(question), sampling=SAMPLING))
    so_far = text_of(said)
    assert so_far
    with pytest.raises(gateway.EngineUnavailable):
        await answer(await asker.ask(question, so_far=so_far))

    scripted_engine.restart()
    rest = await answer(await asker.ask(question, so_far=so_far))
    assert so_far + text_of(rest) == " ".join(f"w{number}" for number in range(50))
    states = [(call.state, call.error_code) for call in await in_thread(calls)()]
    assert states == [("failed", "engine_died"), ("failed", "engine_unreachable"), ("completed", "")]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("context_length_exceeded", gateway.ContextOverflow),
        ("model_loading", gateway.EngineUnavailable),
        ("queue_full", gateway.QueueFull),
        ("invalid_request", gateway.EngineRefused),
        ("unauthorized", gateway.EngineRefused),
        ("internal_error", gateway.EngineUnavailable),
    ],
)
async def test_the_engines_errors_are_ours(
    code: str, error: type[Exception], asker: Asker, scripted_engine: ScriptedEngineProcess
) -> None:
    with pytest.raises(error) as caught:
        await answer(await asker.ask(f"Hello [[error={code}]]"))
    (call,) = await in_thread(calls)()
    assert (call.state, call.error_code) == ("failed", caught.value.code)  # type: ignore[attr-defined]


async def test_an_engine_that_falls_silent_is_given_up(
    asker: Asker, scripted_engine: ScriptedEngineProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_client, "IDLE_S", 0.2)
    with pytest.raises(gateway.EngineUnavailable) as caught:
        await answer(await asker.ask("Hello [[tokens=3 delay_ms=5000]]"))
    assert caught.value.code == "engine_silent"
    (call,) = await in_thread(calls)()
    assert (call.state, call.error_code) == ("failed", "engine_silent")
    assert (await scripted_engine.until("cancelled", 1))["cancelled"] == [str(call.id)]


async def test_an_overflow_says_how_much(asker: Asker, scripted_engine: ScriptedEngineProcess) -> None:
    with pytest.raises(gateway.ContextOverflow) as caught:
        await answer(await asker.ask("word " * 9000))
    assert caught.value.context_tokens == 8192
    assert caught.value.prompt_tokens > 9000


async def test_the_cache_owner_is_a_pseudonym_and_the_same_for_one_person(
    asker: Asker, scripted_engine: ScriptedEngineProcess
) -> None:
    await answer(await asker.ask("One"))
    first = scripted_engine.state()["last_chat"]
    await answer(await asker.ask("Two"))
    second = scripted_engine.state()["last_chat"]
    assert first["cache_owner"] == second["cache_owner"]
    assert str(asker.person_id).replace("-", "") not in str(second).replace("-", "")


async def test_a_callers_sampling_and_priority_reach_the_engine(
    asker: Asker, scripted_engine: ScriptedEngineProcess
) -> None:
    sampling = gateway.Sampling(temperature=0.7, seed=7, max_tokens=2, stop=("END",))
    cleared = await asker.ask("Hello")
    events = [
        e async for e in gateway.stream(cleared, sampling=sampling, priority="background", model="quick")
    ]
    body = scripted_engine.state()["last_chat"]
    assert (body["temperature"], body["seed"], body["max_tokens"]) == (0.7, 7, 2)
    assert (body["stop"], body["priority"], body["model"]) == (["END"], "background", "quick")
    completed = events[-1]
    assert isinstance(completed, gateway.Completed)
    assert completed.finish_reason == "length"


async def test_abandoned_calls_are_closed(asker: Asker, scripted_engine: ScriptedEngineProcess) -> None:
    cleared = await asker.ask("Hello")
    await in_thread(model_calls.open_call)(
        cleared, kind="chat", model="chat", priority="interactive", turn_id=None
    )
    assert await in_thread(gateway.close_abandoned_calls)(timedelta(hours=1)) == 0
    assert await in_thread(gateway.close_abandoned_calls)(timedelta(0)) == 1
    (call,) = await in_thread(calls)()
    assert call.state == ModelCall.State.ABANDONED
    assert await in_thread(gateway.close_abandoned_calls)(timedelta(0)) == 0


async def test_embeddings_are_cleared_and_recorded(
    asker: Asker, scripted_engine: ScriptedEngineProcess
) -> None:
    texts = [f"tent {number}" for number in range(100)]
    vectors = await gateway.embed(
        texts,
        kind="passage",
        subject=Subject.workspace(asker.workspace_id),
        workspace_id=asker.workspace_id,
        actor=Actor.system("indexer"),
        purpose="knowledge.index",
    )
    assert [len(vector) for vector in vectors] == [384] * 100
    assert all(first != second for first, second in pairwise(vectors))
    assert scripted_engine.state()["last_embeddings"]["input_type"] == "passage"
    (call,) = await in_thread(calls)()
    assert (call.kind, call.state, call.destination) == ("embedding", "completed", "encoder")
    assert call.prompt_tokens


async def test_tokens_are_counted_here_and_estimated_for_elsewhere(
    scripted_engine: ScriptedEngineProcess, settings: object
) -> None:
    messages = [PromptMessage("user", "one two three 帐篷")]
    assert await gateway.count_tokens(messages) == 5 + 4
    asked = scripted_engine.state()["requests"]
    settings.LLM_URL = f"http://192.0.2.1:{scripted_engine.port}/v1"  # type: ignore[attr-defined]
    assert await gateway.count_tokens(messages) >= 9
    assert scripted_engine.state()["requests"] == asked


async def test_texts_are_counted_at_once_and_only_here(
    scripted_engine: ScriptedEngineProcess, settings: object
) -> None:
    assert await gateway.count_texts(["one two", "帐篷"]) == [2, 2]
    asked = scripted_engine.state()["requests"]
    assert await gateway.count_texts([]) == []
    settings.LLM_URL = f"http://192.0.2.1:{scripted_engine.port}/v1"  # type: ignore[attr-defined]
    assert await gateway.count_texts(["one"]) is None
    assert scripted_engine.state()["requests"] == asked


async def test_the_platforms_own_messages_are_read_before_anybody_asks(
    scripted_engine: ScriptedEngineProcess, settings: object
) -> None:
    messages = [PromptMessage("system", "You help."), PromptMessage("user", "An example?")]
    assert [await gateway.warm(messages), await gateway.warm(messages)] == [False, True]
    settings.LLM_URL = f"http://192.0.2.1:{scripted_engine.port}/v1"  # type: ignore[attr-defined]
    assert await gateway.warm(messages) is None


async def test_the_engine_says_what_it_serves(scripted_engine: ScriptedEngineProcess) -> None:
    served = await gateway.served_model()
    assert served is not None
    assert (served.id, served.reading_tokens_s) == ("scripted", 1000.0)
    assert await gateway.served_model("unheard-of") is None


async def test_what_a_prompt_says_of_itself_is_recorded_and_told(
    asker: Asker, scripted_engine: ScriptedEngineProcess
) -> None:
    prompt = Prompt(
        (PromptMessage("system", "You help."), PromptMessage("user", "Hello [[tokens=1]]")),
        platform_messages=1,
        left_out=LeftOut(3, "first_word"),
    )
    await answer(await asker.clear(prompt))
    assert scripted_engine.state()["last_chat"]["platform_messages"] == 1
    (call,) = await in_thread(calls)()
    assert (call.messages_left_out, call.left_out_reason) == (3, "first_word")


async def test_the_status_of_an_engine(scripted_engine: ScriptedEngineProcess) -> None:
    status = await gateway.engine_status()
    assert status.ready
    model = status.model("chat")
    assert model is not None
    assert (model.id, model.sha256, model.context_tokens) == ("scripted", SHA256, 8192)
    scripted_engine.kill()
    down = await gateway.engine_status()
    assert (down.ready, down.state) == (False, "down")
    assert down.error
    scripted_engine.restart()
