"""Asking a process how it is."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

ANSWER_LIMIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Health:
    """`alive`: it answers. `ready`: it can do its work. `detail`: what it says of itself, for people. `lacking`: what
    is wrong with something that it does besides."""

    alive: bool
    ready: bool
    detail: str = ""
    serving: str | None = None
    lacking: str = ""


NO_ANSWER = Health(alive=False, ready=False)
Probe = Callable[[], Coroutine[None, None, Health]]


async def fetch(url: str, *, token: str = "", limit_s: float = ANSWER_LIMIT_S) -> httpx.Response | None:
    """GET from a process on this machine; None when there is no answer in time."""
    import httpx  # costs a fifth of a second: not before the first child runs

    # without the usual certificates, which take longer to read than the answer to come
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        async with httpx.AsyncClient(
            verify=context, trust_env=False, timeout=limit_s, headers=headers
        ) as client:
            return await client.get(url)
    except httpx.HTTPError:
        return None


def http_probe(url: str, *, limit_s: float = ANSWER_LIMIT_S) -> Probe:
    """Ready when `url` answers with 200; alive when it answers at all."""

    async def ask() -> Health:
        answer = await fetch(url, limit_s=limit_s)
        if answer is None:
            return NO_ANSWER
        return Health(alive=True, ready=answer.status_code == 200)

    return ask


def engine_probe(base_url: str, *, token: str) -> Probe:
    """Health of an engine of ours, by its /health, and which model it serves for chat, by its /v1/models."""

    async def ask() -> Health:
        answer = await fetch(f"{base_url}/health")
        if answer is None:
            return NO_ANSWER
        try:
            said = answer.json()
            ready, detail = said["status"] == "ready", str(said.get("detail") or "")
        except (ValueError, KeyError, TypeError):
            return Health(alive=True, ready=False, detail="it answers, but not as an engine does")
        serving = await _serving(base_url, token) if ready else None
        return Health(True, ready, detail, serving, _lacking(said))

    return ask


def _lacking(said: Any) -> str:
    """What the encoder says of its reranker, where one is named and not ready."""
    reranker = said.get("reranker")
    if not isinstance(reranker, dict) or reranker.get("status") == "ready":
        return ""
    return str(reranker.get("detail") or "The reranker is being loaded.")


async def _serving(base_url: str, token: str) -> str | None:
    answer = await fetch(f"{base_url}/v1/models", token=token)
    if answer is None or answer.status_code != 200:
        return None
    models = answer.json()["data"]
    return next((str(model["id"]) for model in models if "chat" in model.get("aliases", ())), None)
