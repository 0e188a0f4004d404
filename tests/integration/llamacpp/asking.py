"""Asking the engine, and what a stream of its told."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

CHAT = "/v1/chat/completions"


def body(question: str, *, system: str = "", **fields: Any) -> dict[str, Any]:
    messages = [{"role": "system", "content": system}] if system else []
    return {"messages": [*messages, {"role": "user", "content": question}], "temperature": 0, **fields}


@dataclass
class Streamed:
    """A whole stream, taken apart."""

    chunks: list[dict[str, Any]] = field(default_factory=list)
    places: list[dict[str, Any]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    error: dict[str, Any] | None = None
    done: bool = False
    first_text_s: float = 0.0

    @property
    def text(self) -> str:
        return "".join(self.texts)

    @property
    def finish_reason(self) -> str:
        return next(c["choices"][0]["finish_reason"] for c in reversed(self.chunks) if c["choices"])

    @property
    def usage(self) -> dict[str, Any]:
        return self.chunks[-1]["usage"]


async def ask(client: httpx.AsyncClient, request: dict[str, Any]) -> str:
    """The answer to a request that is not streamed."""
    response = await client.post(CHAT, json=request)
    assert response.status_code == 200, response.text
    return str(response.json()["choices"][0]["message"]["content"])


async def stream(client: httpx.AsyncClient, request: dict[str, Any]) -> Streamed:
    told, began, name = Streamed(), time.monotonic(), ""
    async with client.stream("POST", CHAT, json={**request, "stream": True}) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"].startswith("text/event-stream")
        async for line in response.aiter_lines():
            if line.startswith("event: "):
                name = line[7:]
            elif line == "data: [DONE]":
                told.done = True
            elif line.startswith("data: "):
                data = json.loads(line[6:])
                if name == "queue":
                    told.places.append(data)
                elif "error" in data:
                    told.error = data["error"]
                else:
                    told.chunks.append(data)
                    if data["choices"] and (text := data["choices"][0]["delta"].get("content")):
                        told.first_text_s = told.first_text_s or time.monotonic() - began
                        told.texts.append(text)
                name = ""
    return told
