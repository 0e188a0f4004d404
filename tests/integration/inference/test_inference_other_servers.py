"""The client before servers that are not ours, and before servers that misbehave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from chatplatform.common.errors import PlatformError
from chatplatform.inference.errors import ContextOverflow, EngineRefused, EngineUnavailable, QueueFull
from chatplatform.inference.events import Completed, ModelEvent, Sampling, Started, TextDelta
from chatplatform.inference.protocol.chat_request import ChatRequest
from chatplatform.inference.protocol.dialects import DIALECTS, Kind
from chatplatform.inference.protocol.openai_client import EngineClient
from chatplatform.privacy.prompt import Prompt, PromptMessage

Serve = Callable[..., Awaitable[list[dict[str, object]]]]

# As llama-server sends it: no counts at the start, usage and timings at the end, a role chunk with null content.
LLAMA_SERVER = [
    {"choices": [{"index": 0, "delta": {"role": "assistant", "content": None}}], "model": "qwen.gguf"},
    {"choices": [{"index": 0, "delta": {"content": "帐篷"}, "finish_reason": None}], "model": "qwen.gguf"},
    {"choices": [{"index": 0, "delta": {"content": " 😀"}, "finish_reason": None}], "model": "qwen.gguf"},
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "system_fingerprint": "b9999"},
    {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}, "timings": {}},
]


VLLM_TOO_LONG = (
    "This model's maximum context length is 4096 tokens. However, you requested 20064 tokens "
    "(20000 in the messages, 64 in the completion). Please reduce the length of the messages or completion."
)


def sse(*chunks: object, done: bool = True) -> bytes:
    lines = "".join(f"data: {json.dumps(chunk, ensure_ascii=False)}\r\n\r\n" for chunk in chunks)
    return (lines + ("data: [DONE]\n\n" if done else "")).encode()


@asynccontextmanager
async def server(
    body: bytes, *, status: int = 200, cut_every: int = 0
) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that answers everything with `body` and hangs up; gives its address and what it was sent."""
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        seen.append(await reader.readexactly(length))
        writer.write(b"HTTP/1.1 %d Status\r\nRetry-After: 7\r\nConnection: close\r\n\r\n" % status)
        step = cut_every or len(body) or 1
        for start in range(0, len(body), step):
            writer.write(body[start : start + step])
            await writer.drain()
            await asyncio.sleep(0)
        writer.close()

    listener = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with listener:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1", seen


async def ask(url: str, *, kind: Kind = "openai", continued: str = "") -> list[ModelEvent]:
    messages = [PromptMessage("user", "Which tent?")]
    if continued:
        messages.append(PromptMessage("assistant", continued))
    request = ChatRequest(
        request_id="r1",
        model="chat",
        prompt=Prompt(tuple(messages), continue_final=bool(continued)),
        sampling=Sampling(stop=("END",), seed=3),
        priority="interactive",
        cache_owner="o1",
    )
    return [event async for event in EngineClient(url, "secret", DIALECTS[kind]).chat(request)]


@pytest.mark.parametrize("cut_every", [0, 1, 7])
async def test_a_stream_of_another_server_is_understood_wherever_it_is_cut(cut_every: int) -> None:
    async with server(sse(*LLAMA_SERVER), cut_every=cut_every) as (url, _):
        events = await ask(url)
    assert isinstance(events[0], Started)
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "帐篷 😀"
    completed = events[-1]
    assert isinstance(completed, Completed)
    assert (completed.model, completed.model_sha256) == ("qwen.gguf", "")
    assert (completed.prompt_tokens, completed.completion_tokens) == (9, 3)


async def test_a_server_without_usage_and_done_is_understood() -> None:
    async with server(sse(*LLAMA_SERVER[:4], done=False)) as (url, _):
        completed = (await ask(url))[-1]
    assert isinstance(completed, Completed)
    assert completed.completion_tokens == 2


STANDARD = {
    "model", "messages", "stream", "stream_options", "temperature", "top_p", "max_tokens", "seed", "stop",
}  # fmt: skip
SAMPLERS = {"top_k", "min_p", "repeat_penalty"}


@pytest.mark.parametrize(
    ("kind", "further", "to_continue"),
    [
        ("openai", set(), set()),
        ("ollama", set(), set()),
        ("llama_server", SAMPLERS, set()),
        (
            "vllm",
            {"top_k", "min_p", "repetition_penalty"},
            {"continue_final_message", "add_generation_prompt"},
        ),
        ("ours", SAMPLERS | {"cache_owner", "priority", "request_id"}, {"continue_final_message"}),
    ],
)
async def test_each_server_is_sent_what_it_knows_and_nothing_else(
    kind: Kind, further: set[str], to_continue: set[str]
) -> None:
    async with server(sse(*LLAMA_SERVER)) as (url, seen):
        await ask(url, kind=kind)
        with suppress(EngineRefused):  # one that begins again says something else here
            await ask(url, kind=kind, continued="The")
    plain, continued = (json.loads(body) for body in seen[:2])
    assert set(plain) == STANDARD | further
    assert set(continued) == STANDARD | further | to_continue
    assert len(continued["messages"]) == (1 if kind == "openai" else 2)


@pytest.mark.parametrize("chunks", [0, 1, 3])
async def test_a_stream_that_ends_too_early_is_a_dead_engine(chunks: int) -> None:
    async with server(sse(*LLAMA_SERVER[:chunks], done=False)) as (url, _):
        with pytest.raises(EngineUnavailable) as caught:
            await ask(url)
    assert caught.value.code == "engine_died"


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"error": {"code": 400, "type": "exceed_context_size_error", "n_ctx": 9}}, ContextOverflow),
        (400, {"error": {"code": "context_length_exceeded"}}, ContextOverflow),
        (400, {"object": "error", "message": "no"}, EngineRefused),
        (401, "no", EngineRefused),
        (404, {"error": "model 'chat' not found"}, EngineRefused),
        (429, "", QueueFull),
        (500, "<html>", EngineUnavailable),
        (503, {"error": {"code": 503, "type": "unavailable_error"}}, EngineUnavailable),
        (200, "<html>this is no stream", EngineUnavailable),
        (307, "", EngineRefused),
        (204, "", EngineRefused),
        (400, {"error": {"code": 400, "type": "BadRequestError", "message": VLLM_TOO_LONG}}, ContextOverflow),
        (400, {"object": "error", "type": "BadRequestError", "message": VLLM_TOO_LONG}, ContextOverflow),
        (429, {"error": {"code": "insufficient_quota", "type": "insufficient_quota"}}, EngineRefused),
        (422, {"error": {"code": "grammar_left"}}, EngineRefused),
        (503, {"error": "server busy, please try again. maximum pending requests exceeded"}, QueueFull),
        (503, {"error": {"message": "Loading model", "code": 503}}, EngineUnavailable),
        (400, "[" * 100_000, EngineRefused),
    ],
)
async def test_refusals_of_other_servers(status: int, body: object, error: type[PlatformError]) -> None:
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    async with server(raw, status=status) as (url, _):
        with pytest.raises(error) as caught:
            await ask(url)
    if error is QueueFull:
        assert caught.value.retry_after_s == 7
    if body is not None and VLLM_TOO_LONG in raw.decode():
        assert isinstance(caught.value, ContextOverflow)
        assert (caught.value.prompt_tokens, caught.value.context_tokens) == (20000, 4096)


@pytest.mark.parametrize(
    "chunk",
    [
        "text",
        5,
        None,
        [],
        {"choices": 3},
        {"choices": ["x"]},
        {"choices": [{"delta": 7}]},
        {"usage": {"prompt_tokens": "x"}},
        {"usage": {"prompt_tokens": float("inf")}},
        {"choices": [{"delta": {"content": ["x"]}}]},
        {"choices": [{"delta": {"tool_calls": [{"index": "x"}]}}]},
    ],
)
async def test_a_malformed_stream_is_refused_and_not_a_crash(chunk: object) -> None:
    async with server(sse(LLAMA_SERVER[0], chunk, *LLAMA_SERVER[3:])) as (url, _):
        with pytest.raises(EngineRefused) as caught:
            await ask(url)
    assert caught.value.code == "engine_not_understood"


async def test_an_error_in_the_middle_of_a_stream() -> None:
    broken = {"error": {"message": "the words of a prompt: canary", "type": "server_error"}}
    async with server(sse(*LLAMA_SERVER[:2], broken)) as (url, _):
        with pytest.raises(EngineUnavailable) as caught:
            await ask(url)
    assert "canary" not in f"{caught.value} {caught.value.message}"


async def test_nobody_listens() -> None:
    with pytest.raises(EngineUnavailable) as caught:
        await ask("http://127.0.0.1:9/v1")
    assert caught.value.code == "engine_unreachable"
