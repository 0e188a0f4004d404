"""One request for several answers, over a scheduler without a model, as its client sees it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from chatplatform.inference.engines.llamacpp.answer_call import AnswerCall, Wanted
from chatplatform.inference.engines.llamacpp.answer_text import AnswerText
from chatplatform.inference.engines.llamacpp.completion import ChatShape, TextShape
from chatplatform.inference.engines.llamacpp.generation import Event, Sink
from chatplatform.inference.engines.llamacpp.http import ClientGone, HttpError, Message
from chatplatform.inference.engines.llamacpp.reasoning_text import ReasoningText
from chatplatform.inference.engines.llamacpp.scheduler import Scheduler
from tests.unit.llamacpp.collecting import Desk, request
from tests.unit.llamacpp.fake_context import END, ByteVocabulary, FakeContext


class Client:
    """Collects what is sent; `leave` closes the connection."""

    def __init__(self) -> None:
        self.body = b""
        self._left = asyncio.Event()

    def leave(self) -> None:
        self._left.set()

    async def receive(self) -> Message:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.body += message.get("body", b"")

    @property
    def chunks(self) -> list[dict[str, Any]]:
        lines = self.body.decode().split("\n\n")
        return [json.loads(line[6:]) for line in lines if line.startswith("data: {")]

    @property
    def whole(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed


def _says(text: str) -> FakeContext:
    def next_token(held: Any) -> int:
        asked = len(held) - list(reversed(held)).index(ord("?"))
        data = text.encode()
        return data[len(held) - asked] if len(held) - asked < len(data) else END

    return FakeContext(next_token=next_token)


@asynccontextmanager
async def _scheduler(context: FakeContext) -> AsyncIterator[Scheduler]:
    loop = asyncio.get_running_loop()

    def deliver(events: list[tuple[Sink, Event]]) -> None:
        for sink, event in events:
            loop.call_soon_threadsafe(sink, event)

    scheduler = Scheduler(context, ByteVocabulary(), context_tokens=256, deliver=deliver)
    scheduler.start()
    try:
        yield scheduler
    finally:
        context.let()
        await asyncio.to_thread(scheduler.stop)


def _call(
    scheduler: Scheduler,
    count: int,
    *,
    stream: bool,
    shape: Callable[..., ChatShape | TextShape] = ChatShape,
    prompts: tuple[str, ...] = ("Q?",),
    logprobs: int | None = None,
) -> AnswerCall:
    wanted = [
        Wanted(
            request(prompt, max_tokens=40, logprobs=logprobs), AnswerText(reasoning=ReasoningText()), place
        )
        for place, prompt in enumerate(prompts)
        for _ in range(count)
    ]
    made = shape("m", "0" * 64, ByteVocabulary().piece, logprobs=logprobs is not None)
    return AnswerCall(scheduler, wanted, made, stream=stream, with_usage=True)


async def test_each_choice_is_streamed_under_its_number_and_usage_is_added_up() -> None:
    async with _scheduler(_says("Yes.")) as scheduler:
        client = Client()
        call = _call(scheduler, 3, stream=True)
        await call.serve(client.receive, client.send)
    texts = {0: "", 1: "", 2: ""}
    reasons = []
    for chunk in client.chunks:
        for choice in chunk["choices"]:
            texts[choice["index"]] += choice["delta"].get("content", "")
            reasons += [choice["finish_reason"]] if choice["finish_reason"] else []
    assert texts == dict.fromkeys(range(3), "Yes.")
    assert reasons == ["stop"] * 3
    assert client.chunks[-1]["usage"]["prompt_tokens"] == 2
    assert client.chunks[-1]["usage"]["completion_tokens"] == 12
    assert client.body.endswith(b"data: [DONE]\n\n")
    assert call.finished is not None


async def test_thinking_comes_apart_from_the_answer() -> None:
    async with _scheduler(_says("<think>Hm.</think>Yes.")) as scheduler:
        whole, streamed = Client(), Client()
        await _call(scheduler, 1, stream=False).serve(whole.receive, whole.send)
        await _call(scheduler, 1, stream=True).serve(streamed.receive, streamed.send)
    message = whole.whole["choices"][0]["message"]
    assert (message["reasoning_content"], message["content"]) == ("Hm.", "Yes.")
    assert whole.whole["usage"]["completion_tokens_details"]["reasoning_tokens"] == 18
    deltas = [choice["delta"] for chunk in streamed.chunks for choice in chunk["choices"]]
    assert "".join(delta.get("reasoning_content", "") for delta in deltas) == "Hm."
    assert "".join(delta.get("content", "") for delta in deltas) == "Yes."


async def test_probabilities_are_told_in_both_shapes() -> None:
    async with _scheduler(_says("Yes.")) as scheduler:
        chat, text = Client(), Client()
        await _call(scheduler, 1, stream=False, logprobs=2).serve(chat.receive, chat.send)
        await _call(scheduler, 1, stream=False, logprobs=2, shape=TextShape).serve(text.receive, text.send)
    content = chat.whole["choices"][0]["logprobs"]["content"]
    assert [one["token"] for one in content] == list("Yes.")
    assert content[0]["bytes"] == [ord("Y")]
    assert [one["token"] for one in content[0]["top_logprobs"]] == ["Y", "Z"]
    older = text.whole["choices"][0]["logprobs"]
    assert older["tokens"] == list("Yes.")
    assert older["token_logprobs"] == [one["logprob"] for one in content]
    assert set(older["top_logprobs"][0]) == {"Y", "Z"}


async def test_several_prompts_count_each_once() -> None:
    async with _scheduler(_says("Yes.")) as scheduler:
        client = Client()
        call = _call(scheduler, 2, stream=False, shape=TextShape, prompts=("Q?", "Who?"))
        await call.serve(client.receive, client.send)
    assert [choice["text"] for choice in client.whole["choices"]] == ["Yes."] * 4
    assert client.whole["usage"]["prompt_tokens"] == 6


async def test_a_client_that_leaves_frees_all_choices() -> None:
    context = _says("Yes.")
    context.hold()
    async with _scheduler(context) as scheduler:
        client = Client()
        task = asyncio.create_task(_call(scheduler, 3, stream=True).serve(client.receive, client.send))
        await asyncio.to_thread(context.decoding.wait)
        client.leave()
        with pytest.raises(ClientGone):
            await task
        context.let()
        await asyncio.to_thread(Desk(scheduler, context).until_idle)


async def test_what_cannot_be_queued_whole_is_not_queued_at_all() -> None:
    context = FakeContext()
    context.hold()
    async with _scheduler(context) as scheduler:
        with pytest.raises(HttpError) as refused:
            _call(scheduler, 1, stream=False, prompts=("Q?", "x" * 300))
        assert refused.value.code == "context_length_exceeded"
        context.let()
        await asyncio.to_thread(Desk(scheduler, context).until_idle)
