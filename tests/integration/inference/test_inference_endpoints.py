"""Several engines for one model: who may add them, which one is asked, and who takes over."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest

from chatplatform.audit.models import AuditEvent
from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict, InvalidInput, NotFound, PlatformError
from chatplatform.common.threads import in_thread
from chatplatform.inference import gateway
from chatplatform.inference.endpoints import endpoint_choice, endpoint_watch, engines_in_use, registry
from chatplatform.inference.endpoints.circuit_breaker import FAILURES
from chatplatform.inference.endpoints.endpoint_choice import state_of
from chatplatform.inference.endpoints.endpoint_services import (
    EndpointSpec,
    add_endpoint,
    change_endpoint,
    remove_endpoint,
    switch_endpoint,
)
from chatplatform.inference.endpoints.outbound import OutboundTransport
from chatplatform.inference.endpoints.registry import from_row
from chatplatform.inference.models import EngineEndpoint
from chatplatform.privacy.clearance import PrivacyRefused
from chatplatform.testing.fixtures import TOKEN, ScriptedEngineProcess
from tests.integration.inference.conftest import SAMPLING, Asker, calls, text_of

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])

ADMIN = Actor.system("test")
CLOUD = EndpointSpec(
    name="Cloud",
    url="https://llm.example.org/v1",
    kind="openai",
    place="outside",
    chat_model="large",
    key="sk-secret",
)


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    registry.forget()
    registry._register.rows = ()
    endpoint_choice._states.clear()


@pytest.fixture
def second() -> Iterator[ScriptedEngineProcess]:
    engine = ScriptedEngineProcess()
    yield engine
    engine.stop()


def beside(engine: ScriptedEngineProcess, **changes: object) -> EndpointSpec:
    spec = EndpointSpec(
        name="Second",
        url=engine.url,
        kind="ours",
        place="machine",
        order="beside",
        chat_model="chat",
        quick_model="quick",
        key=TOKEN,
    )
    return replace(spec, **changes)  # type: ignore[arg-type]


async def added(spec: EndpointSpec) -> EngineEndpoint:
    row = await in_thread(add_endpoint)(spec, actor=ADMIN)
    await registry.refresh()
    return row


async def ask(asker: Asker, question: str, *, so_far: str = "") -> list[gateway.ModelEvent]:
    cleared = await asker.ask(question, so_far=so_far)
    return [event async for event in gateway.stream(cleared, sampling=SAMPLING)]


def codes(prefix: str) -> list[str]:
    found = AuditEvent.objects.filter(code__startswith=prefix).order_by("id")
    return list(found.values_list("code", flat=True))


def test_an_engine_outside_is_off_until_somebody_says_that_prompts_may_leave(asker: Asker) -> None:
    row = add_endpoint(CLOUD, actor=ADMIN)
    assert not row.is_on
    assert [each.is_own for each in registry.endpoints()] == [True]
    with pytest.raises(InvalidInput):
        switch_endpoint(row.id, True, actor=ADMIN)
    switch_endpoint(row.id, True, prompts_may_leave=True, actor=ADMIN)
    assert [each.name for each in registry.endpoints()] == ["llm", "Cloud"]
    assert gateway.destination() == from_row(row).destination  # type: ignore[union-attr]
    assert codes("inference.engine") == ["inference.engine.added", "inference.engine.switched"]


async def test_the_privacy_gate_asks_for_itself_and_each_time(asker: Asker) -> None:
    row = await added(CLOUD)
    await in_thread(switch_endpoint)(row.id, True, prompts_may_leave=True, actor=ADMIN)
    await registry.refresh()
    cleared = await asker.ask("Hello")
    assert (cleared.destination.name, cleared.destination.is_local) == ("Cloud", False)
    # switched off by another process: what is known here is old, and the gate refuses all the same
    await in_thread(EngineEndpoint.objects.filter(id=row.id).update)(is_on=False)
    assert gateway.destination().name == "Cloud"
    with pytest.raises(PrivacyRefused):
        await asker.ask("Hello")


def test_another_address_drops_permission_and_key(asker: Asker) -> None:
    row = add_endpoint(CLOUD, actor=ADMIN)
    switch_endpoint(row.id, True, prompts_may_leave=True, actor=ADMIN)
    same = change_endpoint(row.id, replace(CLOUD, key=None, chat_model="other"), actor=ADMIN)
    assert (same.is_on, bool(same.sealed_key)) == (True, True)
    moved = change_endpoint(
        row.id, replace(CLOUD, key=None, url="https://elsewhere.example.org/v1"), actor=ADMIN
    )
    assert (moved.is_on, moved.sealed_key) == (False, None)
    remove_endpoint(row.id, actor=ADMIN)
    with pytest.raises(NotFound):
        remove_endpoint(row.id, actor=ADMIN)


def test_the_key_is_sealed_for_its_address_alone(asker: Asker) -> None:
    row = add_endpoint(CLOUD, actor=ADMIN)
    assert b"sk-secret" not in bytes(row.sealed_key or b"")
    assert from_row(row).key == "sk-secret"  # type: ignore[union-attr]
    assert "sk-secret" not in repr(from_row(row)) + repr(CLOUD)
    row.url = "https://evil.example.org/v1"
    assert from_row(row) is None
    assert not AuditEvent.objects.filter(details__contains="sk-secret").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ftp://llm.example.org"},
        {"url": "https://"},
        {"url": "https://me:word@llm.example.org/v1"},
        {"url": "https://llm.example.org/v1?key=1"},
        {"url": "https://llm.example.org:99999/v1"},
        {"url": "http://llm.example.org/v1"},
        {"url": "https://127.0.0.1/v1"},
        {"url": "unix:///run/engine.sock"},
        {"url": "https://llm.example.org/v1\n"[:-1] + "\x00"},
        {"place": "machine"},
        {"place": "moon"},
        {"kind": "robot"},
        {"order": "never"},
        {"name": " "},
        {"name": "x" * 61},
        {"chat_model": ""},
        {"context_tokens": -1},
        {"key": "sk-秘密"},
        {"key": "x" * 3000},
    ],
)
def test_what_is_no_engine_is_refused(wrong: dict[str, object], asker: Asker) -> None:
    with pytest.raises(InvalidInput):
        add_endpoint(replace(CLOUD, **wrong), actor=ADMIN)  # type: ignore[arg-type]
    assert not EngineEndpoint.objects.exists()


def test_names_are_given_once(asker: Asker) -> None:
    add_endpoint(CLOUD, actor=ADMIN)
    with pytest.raises(Conflict):
        add_endpoint(CLOUD, actor=ADMIN)


async def test_equals_share_the_load(
    asker: Asker, scripted_engine: ScriptedEngineProcess, second: ScriptedEngineProcess
) -> None:
    await added(beside(second))
    running = []
    for engine_chats in (1, 2, 3):
        running += [asyncio.create_task(ask(asker, "Hello [[hold=1 tokens=2]]")) for _ in range(2)]
        for engine in (scripted_engine, second):
            await engine.until("chats", engine_chats)
    for engine in (scripted_engine, second):
        engine.release()
    assert {text_of(events) for events in await asyncio.gather(*running)} == {"w0 w1"}
    assert [engine.state()["chats"] for engine in (scripted_engine, second)] == [3, 3]


@pytest.mark.parametrize(("order", "first"), [("before", "Second"), ("after", "llm")])
async def test_the_order_decides_who_is_asked_first(
    order: str,
    first: str,
    asker: Asker,
    scripted_engine: ScriptedEngineProcess,
    second: ScriptedEngineProcess,
) -> None:
    await added(beside(second, order=order))
    assert {gateway.destination().name for _ in range(5)} == {first}
    assert gateway.destination("embedding").name == "encoder"


async def test_another_engine_takes_over_before_the_first_word(
    asker: Asker, scripted_engine: ScriptedEngineProcess, second: ScriptedEngineProcess
) -> None:
    await added(beside(second, order="before"))
    cleared = await asker.ask("Hello [[tokens=5]]")
    second.kill()
    events = [event async for event in gateway.stream(cleared, sampling=SAMPLING)]
    assert text_of(events) == "w0 w1 w2 w3 w4"
    assert sum(isinstance(event, gateway.Started) for event in events) == 1
    found = [(call.destination, call.state, call.error_code) for call in await in_thread(calls)()]
    assert found == [("Second", "failed", "engine_unreachable"), ("llm", "completed", "")]
    assert (await in_thread(codes)("inference.model_call")).count("inference.model_call.opened") == 2


@pytest.mark.parametrize("code", ["queue_full", "model_loading", "unauthorized", "internal_error"])
async def test_an_engine_that_cannot_now_is_left_for_another(
    code: str, asker: Asker, scripted_engine: ScriptedEngineProcess, second: ScriptedEngineProcess
) -> None:
    await added(beside(second, order="before", key="wrong" if code == "unauthorized" else TOKEN))
    # the scripted engines say the same; so only the second one is told to refuse
    question = "Hello" if code == "unauthorized" else f"Hello [[error={code}]]"
    if code == "unauthorized":
        assert text_of(await ask(asker, question))
        assert state_of(registry.endpoints()[1]).breaker.state == "open"
    else:
        with pytest.raises(PlatformError):
            await ask(asker, question)
    assert (scripted_engine.state()["chats"], len(await in_thread(calls)())) == (1, 2)


async def test_what_the_request_is_at_fault_for_is_asked_once(
    asker: Asker, scripted_engine: ScriptedEngineProcess, second: ScriptedEngineProcess
) -> None:
    await added(beside(second, order="before"))
    with pytest.raises(gateway.ContextOverflow):
        await ask(asker, "Hello [[error=context_length_exceeded]]")
    assert scripted_engine.state()["chats"] == 0


async def test_after_the_first_word_the_caller_continues_the_answer_at_the_other_engine(
    asker: Asker, scripted_engine: ScriptedEngineProcess, second: ScriptedEngineProcess
) -> None:
    await added(beside(second, order="before"))
    question = "Hello [[tokens=30 die_after=10]]"
    said: list[gateway.ModelEvent] = []

    async def read() -> None:
        async for event in gateway.stream(await asker.ask(question), sampling=SAMPLING):
            said.append(event)

    with pytest.raises(gateway.EngineUnavailable):
        await read()
    assert scripted_engine.state()["chats"] == 0
    so_far = text_of(said)
    rest = text_of(await ask(asker, question, so_far=so_far))
    assert so_far + rest == " ".join(f"w{number}" for number in range(30))


async def test_the_circuit_opens_and_closes_again(
    asker: Asker, scripted_engine: ScriptedEngineProcess, second: ScriptedEngineProcess
) -> None:
    row = await added(beside(second, order="before"))
    endpoint = registry.endpoints()[1]
    state = state_of(endpoint)
    second.kill()
    for _ in range(FAILURES):
        assert text_of(await ask(asker, "Hello [[tokens=1]]")) == "w0"
    assert state.breaker.state == "open"
    assert gateway.destination().name == "llm"
    assert text_of(await ask(asker, "Hello [[tokens=1]]")) == "w0"
    assert len(await in_thread(calls)()) == 2 * FAILURES + 1

    state.breaker._open_until = 0.0  # the pause is over
    assert state.breaker.state == "half_open"
    await endpoint_watch.look()
    assert state.breaker.state == "open"
    second.restart()
    state.breaker._open_until = 0.0
    await endpoint_watch.look()
    assert state.breaker.state == "closed"
    assert gateway.destination().name == row.name


async def test_nobody_is_asked_while_every_engine_elsewhere_rests(
    asker: Asker, scripted_engine: ScriptedEngineProcess
) -> None:
    row = await added(replace(CLOUD, chat_model="only-there"))
    await in_thread(switch_endpoint)(row.id, True, prompts_may_leave=True, actor=ADMIN)
    await registry.refresh()
    cloud = registry.endpoints()[1]
    state_of(cloud).breaker.failed(for_certain=True)
    cleared = await asker.ask("Hello")
    assert cleared.destination.name == "llm"
    scripted_engine.kill()
    with pytest.raises(gateway.EngineUnavailable):
        await ask(asker, "Hello")
    assert [call.destination for call in await in_thread(calls)()] == ["llm"]
    assert await in_thread(codes)("privacy.egress") == []


async def test_what_leaves_the_machine_goes_through_the_door_and_on_record(
    asker: Asker,
    scripted_engine: ScriptedEngineProcess,
    second: ScriptedEngineProcess,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    monkeypatch.setattr(engines_in_use, "OutboundTransport", partial(OutboundTransport, resolve=resolve))
    url = f"http://llm.internal:{second.port}/v1"
    row = await added(beside(second, url=url, place="network", order="before"))
    await in_thread(switch_endpoint)(row.id, True, prompts_may_leave=True, actor=ADMIN)
    await registry.refresh()
    question = "Hello [[hold=1 tokens=3]]"
    running = asyncio.create_task(ask(asker, question))
    await second.until("chats", 1)
    # the engine has not said a word yet, and another connection sees both records
    (call,) = await in_thread(calls)()
    assert (call.destination, call.is_local, call.state) == ("Second", False, "open")
    (leaving,) = await in_thread(list)(AuditEvent.objects.filter(code="privacy.egress.requested"))
    assert '"host":"llm.internal"' in leaving.details
    assert leaving.actor_id == str(asker.person_id)
    second.release()
    assert text_of(await running) == "w0 w1 w2"
    assert scripted_engine.state()["requests"] == 0


async def test_a_public_address_needs_tls_and_no_name_leads_inside(
    asker: Asker, second: ScriptedEngineProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    monkeypatch.setattr(engines_in_use, "OutboundTransport", partial(OutboundTransport, resolve=resolve))
    row = await added(replace(CLOUD, url=f"https://llm.example.org:{second.port}/v1", order="before"))
    await in_thread(switch_endpoint)(row.id, True, prompts_may_leave=True, actor=ADMIN)
    await registry.refresh()
    cloud = registry.endpoints()[1]
    with pytest.raises(gateway.EngineRefused) as caught:
        await endpoint_watch.ask(cloud, engines_in_use.HEALTH)
    assert caught.value.code == "engine_address_not_permitted"
    assert second.state()["requests"] == 0


async def test_tokens_are_estimated_when_somebody_elses_engine_may_answer(
    scripted_engine: ScriptedEngineProcess, second: ScriptedEngineProcess, asker: Asker
) -> None:
    assert await gateway.count_texts(["one"]) == [1]
    await added(beside(second, kind="llama_server", context_tokens=64))
    asked = scripted_engine.state()["requests"]
    assert await gateway.count_texts(["one"]) is None
    assert scripted_engine.state()["requests"] == asked


async def test_a_server_that_would_cut_a_prompt_silently_is_not_sent_a_longer_one(
    scripted_engine: ScriptedEngineProcess, second: ScriptedEngineProcess, asker: Asker
) -> None:
    await added(beside(second, kind="ollama", context_tokens=64, order="before"))
    with pytest.raises(gateway.ContextOverflow) as caught:
        await ask(asker, "tent " * 200)
    assert caught.value.context_tokens == 64
    assert second.state()["chats"] == 0
    assert await in_thread(calls)() == []
