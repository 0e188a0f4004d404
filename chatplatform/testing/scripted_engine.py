"""A fake engine: its own process, the same wire protocol, answers that a test can foretell.

    python -m chatplatform.testing.scripted_engine --port 8101 [--tokens 64 --delay-ms 0 --script FILE]

FILE is JSON, a list of `{"when": "piece of the question", "reply": "text"}`. `GET /test/state` tells what was
asked of it; `POST /test/release` lets go of answers that are held back. Directives in a question steer its
answer: see scripted_replies.Directives. It needs the standard library only, and passes the contract suite of
tests/contracts/engine like the real engine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chatplatform.testing.scripted_chat import SHA256, ScriptedChat, Seen
from chatplatform.testing.scripted_http import BadRequest, Request, read_request, whole
from chatplatform.testing.scripted_protocol import Refused, messages_of, parsed_body, prompt_tokens
from chatplatform.testing.scripted_replies import Directives, count, embedding
from chatplatform.testing.scripted_reranking import is_held, ranking


class ScriptedEngine:
    """The engine's state; `serve` answers one connection."""

    def __init__(
        self,
        *,
        token: str,
        default: Directives,
        script: list[tuple[str, str]],
        context: int,
        reading_tokens_s: float = 1000.0,
        says_context: int = 0,
        model_id: str = "scripted",
    ) -> None:
        self._token = token
        self._context = context
        self._reading_tokens_s = reading_tokens_s
        self._says_context = says_context or context
        self._model_id = model_id
        self._started_at = time.time()
        self._seen = Seen()
        self._chat = ScriptedChat(default=default, script=script, context=context, seen=self._seen)
        self._plain: dict[tuple[str, str], Callable[[dict[str, Any]], object]] = {
            ("GET", "/v1/models"): self._models,
            ("POST", "/v1/tokenize"): self._tokenize,
            ("POST", "/v1/warm"): self._warm,
            ("POST", "/v1/cancel"): self._cancel,
            ("POST", "/v1/forget"): self._forget,
            ("POST", "/v1/embeddings"): self._embeddings,
        }

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while request := await self._next(reader, writer):
                await self._respond(request, reader, writer)
        writer.close()

    async def _next(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request | None:
        try:
            return await read_request(reader)
        except (BadRequest, ValueError, asyncio.LimitOverrunError):
            writer.write(whole(400, Refused("invalid_request", "This is not a request.").body))
            return None

    async def _respond(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            if request.path == "/health":
                health = {"status": "ready", "detail": "", "started_at": self._started_at}
                writer.write(whole(200, health))
            elif request.path.startswith("/test/"):
                writer.write(whole(200, self._test(request.path)))
            else:
                await self._respond_to_client(request, reader, writer)
        except Refused as refusal:
            writer.write(whole(refusal.status, refusal.body))
        await writer.drain()

    async def _respond_to_client(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._seen.requests += 1
        if request.headers.get("authorization") != f"Bearer {self._token}":
            raise Refused("unauthorized", "The token is missing or wrong.")
        body = parsed_body(request.body) if request.method == "POST" else {}
        if (request.method, request.path) == ("POST", "/v1/chat/completions"):
            await self._chat.respond(body, reader, writer)
            return
        if (request.method, request.path) == ("GET", "/metrics"):
            writer.write(whole(200, self._metrics(), content_type="text/plain; version=0.0.4"))
            return
        if (request.method, request.path) == ("POST", "/v1/rerank"):
            writer.write(whole(200, await self._rerank(body)))
            return
        handler = self._plain.get((request.method, request.path))
        if handler is None:
            writer.write(whole(404, Refused("invalid_request", "There is no such address.").body))
            return
        writer.write(whole(200, handler(body)))

    def _test(self, path: str) -> object:
        if path == "/test/release":
            self._chat.release()
        return vars(self._seen)

    def _metrics(self) -> str:
        lines = [
            f"engine_requests_total {self._seen.requests}",
            f"engine_running_requests {self._chat.running}",
            f"engine_answers_total {self._seen.finished}",
        ]
        return "\n".join(lines) + "\n"

    def _models(self, body: dict[str, Any]) -> object:
        entry = {
            "id": self._model_id,
            "object": "model",
            "owned_by": "chatplatform",
            "aliases": ["chat", "quick", "embedding", "reranker"],
            "sha256": SHA256,
            "context_tokens": self._says_context,
            "reading_tokens_s": self._reading_tokens_s,
            "writing_tokens_s": 100.0,
        }
        return {"object": "list", "data": [entry]}

    def _tokenize(self, body: dict[str, Any]) -> object:
        self._seen.tokenized += 1
        if isinstance(body.get("text"), str):
            return {"tokens": count(body["text"])}
        if isinstance(body.get("texts"), list):
            counts = [count(str(text)) for text in body["texts"]]
            return {"tokens": sum(counts), "counts": counts}
        return {"tokens": prompt_tokens(messages_of(body))}

    def _warm(self, body: dict[str, Any]) -> object:
        messages = messages_of(body)
        self._seen.warmed.append(messages[0][1])
        return {"tokens": prompt_tokens(messages), "cached": self._chat.warm(messages)}

    def _cancel(self, body: dict[str, Any]) -> object:
        return {"cancelled": self._chat.cancel(str(body.get("request_id", "")))}

    def _forget(self, body: dict[str, Any]) -> object:
        owner = body.get("cache_owner")
        if not isinstance(owner, str) or not owner:
            raise Refused("invalid_request", "cache_owner is a text.")
        self._chat.forget(owner)
        return {}

    async def _rerank(self, body: dict[str, Any]) -> object:
        self._seen.reranked += 1
        self._seen.last_rerank = body
        if is_held(body):
            await self._chat.released()
        return ranking(body)

    def _embeddings(self, body: dict[str, Any]) -> object:
        texts = [body["input"]] if isinstance(body.get("input"), str) else body.get("input")
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
            raise Refused("invalid_request", "input is a text or a list of texts.")
        self._seen.last_embeddings = body
        counts = [count(text) for text in texts]
        if max(counts) > self._context and not body.get("truncate"):
            raise Refused(
                "context_length_exceeded",
                f"Text {counts.index(max(counts))} is longer than the model can read.",
                prompt_tokens=max(counts),
                context_tokens=self._context,
            )
        cut = [max(0, each - self._context) for each in counts]
        data = [
            {"object": "embedding", "index": index, "embedding": embedding(text), "cut_tokens": cut[index]}
            for index, text in enumerate(texts)
        ]
        tokens = sum(counts) - sum(cut)
        return {
            "object": "list",
            "model": "scripted",
            "data": data,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens, "cut_tokens": sum(cut)},
        }


async def run(engine: ScriptedEngine, host: str, port: int, ready: Callable[[int], None]) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is told the port, which the system chooses when it is 0."""
    server = await asyncio.start_server(engine.serve, host, port)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    ready(server.sockets[0].getsockname()[1])
    await ended.wait()
    server.close()


def _say_ready(port: int) -> None:
    sys.stdout.write(f"ready {port}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token", default=os.environ.get("CHATPLATFORM_ENGINE_TOKEN", "scripted"))
    parser.add_argument("--tokens", type=int, default=Directives().tokens)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    parser.add_argument("--context", type=int, default=8192)
    parser.add_argument("--says-context", type=int, default=0, help="told, though --context is what holds")
    parser.add_argument("--reading-tokens-s", type=float, default=1000.0)
    parser.add_argument("--model-id", default="scripted", help="the name of its model")
    parser.add_argument("--script", type=Path)
    options = parser.parse_args()
    script = json.loads(options.script.read_text(encoding="utf-8")) if options.script else []
    engine = ScriptedEngine(
        token=options.token,
        default=Directives(tokens=options.tokens, delay_ms=options.delay_ms),
        script=[(entry["when"], entry["reply"]) for entry in script],
        context=options.context,
        reading_tokens_s=options.reading_tokens_s,
        says_context=options.says_context,
        model_id=options.model_id,
    )
    asyncio.run(run(engine, options.host, options.port, _say_ready))


if __name__ == "__main__":
    main()
