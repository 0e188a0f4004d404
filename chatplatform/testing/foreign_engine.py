"""Fakes of servers that are not ours: what llama-server, vLLM, Ollama and an OpenAI cloud say and refuse, each in its
own words. For tests of the client; the answers are those of the scripted engine.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from chatplatform.inference.protocol.dialects import Kind
from chatplatform.testing.scripted_http import STREAM_END, Request, piece, read_request, stream_head, whole
from chatplatform.testing.scripted_protocol import Messages, messages_of, prompt_tokens, wanted_call
from chatplatform.testing.scripted_replies import Directives, directives, reply, tokens_of

KEY = "foreign"
MODEL = "foreign-model"
CONTEXT = 2048
OWNERS = {"llama_server": "llamacpp", "vllm": "vllm", "ollama": "library", "openai": "system"}
# a cloud refuses what it does not know; the others pass over it
STANDARD = {
    "model", "messages", "stream", "stream_options", "temperature", "top_p", "max_tokens", "seed", "stop",
    "frequency_penalty", "presence_penalty", "tools", "tool_choice", "response_format",
}  # fmt: skip


class Refused(Exception):
    def __init__(self, status: int, body: object) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


@dataclass
class ForeignEngine:
    """One server; `seen` are the bodies of the chats that it was asked, `left` counts clients that went away."""

    kind: Kind
    url: str = ""
    seen: list[dict[str, Any]] = field(default_factory=list)
    left: int = 0
    _serving: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = field(default_factory=dict)

    async def close(self) -> None:
        """Hang up on everybody."""
        for task, writer in self._serving.items():
            writer.transport.abort()
            if task is not None:
                await asyncio.wait([task])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._serving[asyncio.current_task()] = writer
        with contextlib.suppress(ConnectionError):
            while request := await read_request(reader):
                try:
                    await self._respond(request, reader, writer)
                except Refused as refusal:
                    writer.write(whole(refusal.status, refusal.body))
                await writer.drain()
        writer.close()

    async def _respond(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        # Ollama has no keys of its own
        if self.kind != "ollama" and request.headers.get("authorization") != f"Bearer {KEY}":
            raise Refused(401, self._error("Invalid API key", 401, "invalid_api_key", "authentication_error"))
        if (request.method, request.path) == ("GET", "/v1/models"):
            writer.write(whole(200, {"object": "list", "data": [self._model()]}))
            return
        if (request.method, request.path) != ("POST", "/v1/chat/completions"):
            raise Refused(404, self._error("Not Found", 404, "not_found", "not_found_error"))
        body = json.loads(request.body)
        self.seen.append(body)
        await self._chat(body, reader, writer)

    def _model(self) -> dict[str, Any]:
        entry: dict[str, Any] = {"id": MODEL, "object": "model", "owned_by": OWNERS[self.kind]}
        match self.kind:
            case "llama_server":
                entry["meta"] = {"n_ctx_train": CONTEXT, "n_params": 1}
            case "vllm":
                entry |= {"root": MODEL, "max_model_len": CONTEXT}
        return entry

    def _error(self, message: str, status: int, code: str, kind: str) -> object:
        match self.kind:
            case "llama_server":
                return {"error": {"code": status, "message": message, "type": kind}}
            case "vllm":
                words = {"message": message, "type": kind, "param": None, "code": status}
                return {"error": words}
            case "ollama":
                return {"error": {"message": message, "type": "api_error", "param": None, "code": None}}
            case _:
                return {"error": {"message": message, "type": kind, "param": None, "code": code}}

    def _check(self, body: dict[str, Any], messages: Messages) -> None:
        if self.kind == "openai" and (unknown := set(body) - STANDARD):
            words = f"Unrecognized request argument supplied: {sorted(unknown)[0]}"
            raise Refused(400, self._error(words, 400, "unknown_parameter", "invalid_request_error"))
        if self.kind != "llama_server" and body["model"] != MODEL:
            words = f"The model `{body['model']}` does not exist."
            raise Refused(404, self._error(words, 404, "model_not_found", "NotFoundError"))
        if body.get("continue_final_message") and body.get("add_generation_prompt", True):
            words = "Cannot set both continue_final_message and add_generation_prompt to True."
            raise Refused(400, self._error(words, 400, "", "BadRequestError"))
        length = prompt_tokens(messages)
        if length >= CONTEXT:
            raise self._too_long(length)

    def _too_long(self, length: int) -> Refused:
        match self.kind:
            case "llama_server":
                words = "the request exceeds the available context size, try increasing it"
                refusal: dict[str, Any] = {
                    "code": 400,
                    "message": words,
                    "type": "exceed_context_size_error",
                    "n_prompt_tokens": length,
                    "n_ctx": CONTEXT,
                }
                return Refused(400, {"error": refusal})
            case "ollama":
                words = f"the input length exceeds the context length of only {CONTEXT}"
            case _:
                words = (
                    f"This model's maximum context length is {CONTEXT} tokens. However, your messages "
                    f"resulted in {length} tokens. Please reduce the length of the messages."
                )
        return Refused(400, self._error(words, 400, "context_length_exceeded", "invalid_request_error"))

    def _trouble(self, wanted: str) -> Refused:
        """What `[[error=…]]` asks for, as this server would say it."""
        status, words, code = {
            "rate_limit": (429, "Rate limit reached", "rate_limit_exceeded"),
            "loading": (503, "Loading model", "unavailable"),
            "broken": (500, "canary: the words of a prompt", "internal_error"),
        }[wanted]
        if wanted == "rate_limit" and self.kind == "ollama":
            status, words = 503, "server busy, please try again. maximum pending requests exceeded"
        return Refused(status, self._error(words, status, code, "server_error"))

    async def _chat(
        self, body: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        messages = messages_of(body)
        question = next(text for role, text in reversed(messages) if role == "user")
        wanted = directives(question, Directives(tokens=16))
        if wanted.error:
            raise self._trouble(wanted.error)
        self._check(body, messages)
        call = wanted_call(body, question)
        tokens = [] if call else tokens_of(self._rest(body, messages, reply(question, wanted)))
        finish = "tool_calls" if call else "length" if body["max_tokens"] < len(tokens) else "stop"
        tokens = tokens[: body["max_tokens"]]
        gone = asyncio.create_task(self._watch(reader))
        try:
            writer.write(stream_head())
            await self._stream(writer, tokens, wanted, finish, call, prompt_tokens(messages))
        finally:
            gone.cancel()
            await asyncio.wait([gone])

    def _rest(self, body: dict[str, Any], messages: Messages, text: str) -> str:
        """What is left to say, where the server goes on with a last message of the assistant's."""
        role, said = messages[-1]
        goes_on = {
            "llama_server": True,
            "ollama": True,
            "vllm": bool(body.get("continue_final_message")),
        }.get(self.kind, False)
        return text[len(said) :] if role == "assistant" and goes_on and text.startswith(said) else text

    async def _stream(
        self,
        writer: asyncio.StreamWriter,
        tokens: list[str],
        wanted: Directives,
        finish: str,
        call: dict[str, Any] | None,
        read: int,
    ) -> None:
        def send(delta: dict[str, Any], reason: str | None = None, **more: Any) -> None:
            choices = [{"index": 0, "delta": delta, "finish_reason": reason}]
            chunk = {"object": "chat.completion.chunk", "model": MODEL, "choices": choices, **more}
            writer.write(piece(f"data: {json.dumps(chunk)}\n\n".encode()))

        send({"role": "assistant", "content": None if self.kind == "llama_server" else ""})
        for number, token in enumerate(tokens):
            if number == wanted.cut_after:
                await writer.drain()
                writer.transport.abort()
                raise ConnectionResetError
            send({"content": token})
            await writer.drain()
            await asyncio.sleep(wanted.delay_ms / 1000)
        if call:
            send({"tool_calls": [call]})
        usage: dict[str, Any] = {"prompt_tokens": read, "completion_tokens": len(tokens)}
        if self.kind in {"vllm", "openai"}:
            usage["prompt_tokens_details"] = {"cached_tokens": 4}
        if self.kind == "llama_server":  # a build that tells its timings alone
            timings = {"cache_n": 4, "prompt_n": read - 4, "predicted_n": len(tokens)}
            send({}, finish, timings=timings)
        else:
            send({}, finish)
            ending = {"object": "chat.completion.chunk", "model": MODEL, "choices": [], "usage": usage}
            writer.write(piece(f"data: {json.dumps(ending)}\n\n".encode()))
        writer.write(piece(b"data: [DONE]\n\n") + STREAM_END)

    async def _watch(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            await reader.read(1)
        self.left += 1


@asynccontextmanager
async def foreign_engine(kind: Kind) -> AsyncIterator[ForeignEngine]:
    """A fake that runs in this loop."""
    engine = ForeignEngine(kind)
    listener = await asyncio.start_server(engine.serve, "127.0.0.1", 0)
    async with listener:
        engine.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1"
        yield engine
        await engine.close()
