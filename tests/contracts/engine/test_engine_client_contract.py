"""What the platform's client gives, whichever server is behind it: our engines, fakes of the others, and a real
llama-server where CHATPLATFORM_TEST_LLAMA_SERVER names its program."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass

import pytest

from chatplatform.inference.errors import ContextOverflow, EngineRefused, EngineUnavailable, QueueFull
from chatplatform.inference.events import (
    Completed,
    ModelEvent,
    ReasoningDelta,
    Sampling,
    Started,
    TextDelta,
    ToolCallPart,
)
from chatplatform.inference.protocol.chat_request import ChatRequest
from chatplatform.inference.protocol.dialects import DIALECTS, Kind
from chatplatform.inference.protocol.openai_client import EngineClient
from chatplatform.privacy.prompt import Prompt, PromptMessage
from chatplatform.testing.foreign_engine import KEY, MODEL, ForeignEngine, foreign_engine
from tests.contracts.engine.conftest import CHAT_MODEL, REAL, EngineAddress, llama_servers, real, scripted

FOREIGN: tuple[Kind, ...] = ("llama_server", "vllm", "ollama", "openai")


@dataclass(frozen=True)
class Side:
    """A server as the client speaks to it. `real` ones answer what they like."""

    client: EngineClient
    model: str
    is_real: bool = False
    has_keys: bool = True
    checks_names: bool = True

    async def ask(
        self,
        question: str,
        *,
        so_far: str = "",
        thought: str = "",
        model: str = "",
        max_tokens: int = 16,
        tools: str = "",
    ) -> list[ModelEvent]:
        request = self.request(
            question, so_far=so_far, thought=thought, model=model, max_tokens=max_tokens, tools=tools
        )
        return [event async for event in self.client.chat(request)]

    def request(
        self,
        question: str,
        *,
        so_far: str = "",
        thought: str = "",
        model: str = "",
        max_tokens: int = 16,
        tools: str = "",
    ) -> ChatRequest:
        messages = [PromptMessage("system", "Be brief."), PromptMessage("user", question)]
        if so_far or thought:
            messages.append(PromptMessage("assistant", so_far, thinking=thought))
        return ChatRequest(
            request_id="contract",
            model=model or self.model,
            prompt=Prompt(
                tuple(messages),
                continue_final=bool(so_far or thought),
                tools=tools,
                tool_choice='"required"' if tools else "",
            ),
            sampling=Sampling(temperature=0, seed=1, max_tokens=max_tokens),
            priority="interactive",
            cache_owner="o1",
        )


@pytest.fixture(
    scope="module",
    params=["scripted", pytest.param("llamacpp", marks=REAL)] + (["llama-server"] if llama_servers() else []),
)
def started(request: pytest.FixtureRequest) -> Iterator[tuple[EngineAddress, Kind]]:
    """A server in a process of its own."""
    if request.param == "scripted":
        with scripted() as engine:
            yield engine, "ours"
    elif request.param == "llamacpp":
        with real("engine_llm", CHAT_MODEL, "--models", CHAT_MODEL, "--quick", CHAT_MODEL) as engine:
            yield engine, "ours"
    else:
        with llama_servers()[0]() as engine:
            yield engine, "llama_server"


@pytest.fixture
async def foreign(request: pytest.FixtureRequest) -> AsyncIterator[ForeignEngine]:
    async with foreign_engine(request.param) as engine:
        yield engine


@pytest.fixture
def own_side(started: tuple[EngineAddress, Kind]) -> Side:
    address, kind = started
    client = EngineClient(f"{address.url}/v1", address.token, DIALECTS[kind])
    return Side(client, "chat", is_real=not address.is_scripted, checks_names=kind == "ours")


def side_of(engine: ForeignEngine) -> Side:
    return Side(
        EngineClient(engine.url, KEY, DIALECTS[engine.kind]),
        MODEL,
        has_keys=engine.kind != "ollama",
        checks_names=engine.kind != "llama_server",
    )


def text_of(events: list[ModelEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def completed(events: list[ModelEvent]) -> Completed:
    assert isinstance(events[-1], Completed)
    return events[-1]


# without arguments: how long those get that a small model makes up depends on the machine's arithmetic
NONE = '{"type": "object", "properties": {}, "additionalProperties": false}'
TOOLS = f'[{{"type": "function", "function": {{"name": "clock", "parameters": {NONE}}}}}]'


async def streams(side: Side) -> None:
    events = await side.ask("Name three colours.")
    assert sum(isinstance(event, Started) for event in events) == 1
    assert text_of(events)
    end = completed(events)
    assert end.finish_reason in {"stop", "length"}
    assert end.prompt_tokens > 4
    assert 0 < end.completion_tokens <= 16
    assert end.cached_tokens >= 0
    assert end.first_token_s is not None


async def continues(side: Side) -> None:
    whole = text_of(await side.ask("Count. [[tokens=30]]", max_tokens=30))
    first = text_of(await side.ask("Count. [[tokens=30]]", max_tokens=15))
    assert whole.startswith(first)
    rest = text_of(await side.ask("Count. [[tokens=30]]", so_far=first, max_tokens=15))
    if side.is_real:  # how a prompt is cut into tokens may differ at the seam
        assert rest
        assert not rest.startswith(first)
    else:
        assert first + rest == whole


async def goes_on_thinking(side: Side) -> None:
    """What broke off in thinking is gone on with there; what was thought before an answer stays before it."""
    question = "Count. [[tokens=3 think=5]]"
    asked = await side.ask(question, thought="t0 t1 ")
    answered = await side.ask(question, thought="t0 t1 t2 t3 t4", so_far="w0 ")
    if not side.client.extended:
        assert completed(asked).completion_tokens
        return
    assert isinstance(first_said(asked), ReasoningDelta)
    assert isinstance(first_said(answered), TextDelta)
    if not side.is_real:
        assert "".join(event.text for event in asked if isinstance(event, ReasoningDelta)) == "t2 t3 t4"
        assert (text_of(asked), text_of(answered)) == ("w0 w1 w2", "w1 w2")


def first_said(events: list[ModelEvent]) -> ModelEvent:
    return next(event for event in events if isinstance(event, ReasoningDelta | TextDelta))


async def refuses(side: Side) -> None:
    with pytest.raises(ContextOverflow) as caught:
        await side.ask("tent " * 20_000)
    assert caught.value.context_tokens > 0
    if side.checks_names:
        with pytest.raises(EngineRefused) as unknown:
            await side.ask("Hello", model="nobody-has-this")
        assert unknown.value.code == "engine_model_unknown"
    if side.has_keys:
        stranger = Side(EngineClient(side.client.base_url, "wrong", side.client.dialect), side.model)
        with pytest.raises(EngineRefused) as refused:
            await stranger.ask("Hello")
        assert refused.value.code == "engine_unauthorized"


async def calls_a_tool(side: Side) -> None:
    events = await side.ask("What time is it?", tools=TOOLS, max_tokens=120)
    if side.is_real and not side.client.extended:
        # llama-server holds a model without a template for tools to nothing
        assert completed(events).completion_tokens
        return
    parts = [event for event in events if isinstance(event, ToolCallPart)]
    assert [part.name for part in parts if part.name] == ["clock"]
    assert completed(events).finish_reason == "tool_calls"


async def is_left(side: Side) -> None:
    request = side.request("Tell a story. [[tokens=10000 delay_ms=5]]", max_tokens=1500)
    async with asyncio.timeout(60):
        async with aclosing(side.client.chat(request)) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    break
        assert text_of(await side.ask("Hello"))


DOES = (streams, continues, goes_on_thinking, refuses, calls_a_tool, is_left)


@pytest.mark.parametrize("does", DOES, ids=lambda does: does.__name__)
async def test_our_engines_and_real_servers(own_side: Side, does: object) -> None:
    if does is refuses and own_side.client.extended and not own_side.is_real:
        own_side = Side(own_side.client, own_side.model, checks_names=False)  # it answers to any name
    await does(own_side)  # type: ignore[operator]


@pytest.mark.parametrize("does", DOES, ids=lambda does: does.__name__)
@pytest.mark.parametrize("foreign", FOREIGN, indirect=True)
async def test_servers_that_are_not_ours(foreign: ForeignEngine, does: object) -> None:
    await does(side_of(foreign))  # type: ignore[operator]
    assert not any({"cache_owner", "priority", "request_id"} & set(body) for body in foreign.seen)


@pytest.mark.parametrize("foreign", FOREIGN, indirect=True)
async def test_the_models_of_a_server_tell_its_kind(foreign: ForeignEngine) -> None:
    served = await side_of(foreign).client.models()
    assert ([model.id for model in served.models], served.dialect.kind) == ([MODEL], foreign.kind)
    expected = {"llama_server": 2048, "vllm": 2048}.get(foreign.kind)
    assert served.models[0].context_tokens == expected


@pytest.mark.parametrize("foreign", FOREIGN, indirect=True)
async def test_troubles_have_one_name_each(foreign: ForeignEngine) -> None:
    side = side_of(foreign)
    with pytest.raises(QueueFull):
        await side.ask("Hello [[error=rate_limit]]")
    with pytest.raises(EngineUnavailable) as loading:
        await side.ask("Hello [[error=loading]]")
    assert loading.value.code == "model_loading"
    with pytest.raises(EngineUnavailable) as broken:
        await side.ask("Hello [[error=broken]]")
    assert "canary" not in f"{broken.value} {broken.value.message}"
    with pytest.raises(EngineUnavailable) as cut:
        await side.ask("Hello [[tokens=10 cut_after=5]]")
    assert cut.value.code == "engine_died"


@pytest.mark.parametrize("foreign", ["llama_server", "vllm", "openai"], indirect=True)
async def test_what_was_cached_is_told(foreign: ForeignEngine) -> None:
    end = completed(await side_of(foreign).ask("Hello [[tokens=3]]"))
    assert (end.cached_tokens, end.completion_tokens) == (4, 3)


@pytest.mark.parametrize("foreign", FOREIGN, indirect=True)
async def test_leaving_ends_the_answer_there(foreign: ForeignEngine) -> None:
    await is_left(side_of(foreign))
    assert foreign.left >= 1
