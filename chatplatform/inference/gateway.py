"""The only door to models. A call happens when its prompt was cleared and its record is committed, or not at all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Literal
from uuid import UUID

from django.db import DatabaseError

from chatplatform.common import measured
from chatplatform.common.actors import Actor
from chatplatform.common.errors import PlatformError
from chatplatform.common.threads import in_thread
from chatplatform.inference import engines_in_use
from chatplatform.inference.chat_request import ChatRequest
from chatplatform.inference.engines_in_use import EngineRole
from chatplatform.inference.errors import (
    ContextOverflow,
    EngineRefused,
    EngineUnavailable,
    QueueFull,
    RecordUnavailable,
)
from chatplatform.inference.events import (
    Completed,
    EngineFigures,
    EngineModel,
    EngineStatus,
    ModelEvent,
    Priority,
    Queued,
    Sampling,
    Started,
    TextDelta,
    ToolCallPart,
)
from chatplatform.inference.model_calls import CallResult, close_abandoned_calls, close_call, open_call
from chatplatform.inference.prometheus_text import figures
from chatplatform.inference.token_estimate import estimate_tokens
from chatplatform.privacy.clearance import ClearedPrompt, Destination, clear, require_cleared
from chatplatform.privacy.prompt import Prompt, PromptMessage
from chatplatform.privacy.pseudonyms import pseudonym
from chatplatform.privacy.subjects import Subject

__all__ = [
    "Completed",
    "ContextOverflow",
    "Embedded",
    "EngineFigures",
    "EngineModel",
    "EngineRefused",
    "EngineRole",
    "EngineStatus",
    "EngineUnavailable",
    "ModelEvent",
    "QueueFull",
    "Queued",
    "RecordUnavailable",
    "Sampling",
    "Started",
    "TextDelta",
    "ToolCallPart",
    "close_abandoned_calls",
    "count_texts",
    "count_tokens",
    "destination",
    "embed",
    "embeddings",
    "engine_figures",
    "engine_status",
    "served_model",
    "stream",
    "warm",
]

logger = logging.getLogger(__name__)

EMBED_BATCH = 64


@dataclass(frozen=True, slots=True)
class Embedded:
    """A vector for each text, in order; `tokens` is what was read for all of them."""

    vectors: list[list[float]] = field(repr=False)
    tokens: int


def destination(model: str = "chat") -> Destination:
    """Where prompts for this model go, to be named when they are cleared. "embedding" is the encoder."""
    return engines_in_use.destination_of(engines_in_use.role_of(model))


async def stream(
    cleared: ClearedPrompt,
    *,
    model: str = "chat",
    sampling: Sampling,
    priority: Priority = "interactive",
    turn_id: UUID | None = None,
) -> AsyncGenerator[ModelEvent]:
    """Ask a model, by alias ("chat", "quick") or id, and stream its answer, which ends with Completed.

    Closing the generator cancels the call. Outside a turn, raises QuotaExceeded at a limit of the person who acts.
    Raises EngineUnavailable (retryable) when the engine is down, dies
    or is loading; QueueFull; ContextOverflow; EngineRefused; RecordUnavailable or AuditUnavailable when the
    call cannot be recorded, in which case nothing was sent; KeysUnavailable without a master key.
    """
    _require_destination(require_cleared(cleared), model)
    cache_owner, call_id = await in_thread(_prepare)(cleared, model, priority, turn_id)
    result = CallResult("cancelled")
    began = monotonic()
    completed: Completed | None = None
    try:
        engine = await engines_in_use.engine("llm")
        request = ChatRequest(
            request_id=str(call_id),
            model=engine.model_name(model),
            prompt=cleared.prompt,
            sampling=sampling,
            priority=priority,
            cache_owner=cache_owner,
        )
        async with aclosing(engine.client.chat(request)) as events:
            async for event in events:
                result = _noted(result, event, began)
                if isinstance(event, Completed):
                    completed = event
                else:
                    yield event
    except PlatformError as error:
        if isinstance(error, EngineUnavailable | EngineRefused):
            engines_in_use.forget("llm")
        result = replace(result, state="failed", error_code=error.code)
        raise
    finally:
        # closed even when the task is cancelled a second time while it waits for this
        await asyncio.shield(_close(call_id, cleared, replace(result, total_s=monotonic() - began)))
    if completed is not None:
        yield completed


def _require_destination(cleared: ClearedPrompt, model: str) -> None:
    if cleared.destination != destination(model):
        raise EngineRefused("not_cleared_for_destination")


def _prepare(
    cleared: ClearedPrompt, model: str, priority: Priority, turn_id: UUID | None
) -> tuple[str, UUID]:
    owner = pseudonym(cleared.subject, purpose="engine-cache")
    return owner, open_call(cleared, kind="chat", model=model, priority=priority, turn_id=turn_id)


def _noted(result: CallResult, event: ModelEvent, began: float) -> CallResult:
    """What is known of the call after `event`."""
    match event:
        case Started():
            return replace(
                result,
                model=event.model,
                model_sha256=event.model_sha256,
                prompt_tokens=event.prompt_tokens,
                cached_tokens=event.cached_tokens,
            )
        case TextDelta():
            first_token_s = result.first_token_s or monotonic() - began
            said = (result.completion_tokens or 0) + event.tokens
            return replace(result, completion_tokens=said, first_token_s=first_token_s)
        case Completed():
            return CallResult(
                "completed",
                model=event.model,
                model_sha256=event.model_sha256,
                finish_reason=event.finish_reason,
                prompt_tokens=event.prompt_tokens,
                cached_tokens=event.cached_tokens,
                completion_tokens=event.completion_tokens,
                first_token_s=event.first_token_s,
            )
        case ToolCallPart():
            return replace(result, first_token_s=result.first_token_s or monotonic() - began)
        case Queued():
            return result


def _close(call_id: UUID, cleared: ClearedPrompt, result: CallResult) -> Awaitable[None]:
    return asyncio.ensure_future(_closed(call_id, cleared, result))


async def _closed(call_id: UUID, cleared: ClearedPrompt, result: CallResult) -> None:
    """Close the record. What was answered is not taken back if that fails: the row stays open, and is closed
    as abandoned later."""
    measured.MODEL_CALLS.add(state=result.state)
    measured.TOKENS.add(result.prompt_tokens or 0, kind="prompt")
    measured.TOKENS.add(result.cached_tokens or 0, kind="cached")
    measured.TOKENS.add(result.completion_tokens or 0, kind="completion")
    try:
        await in_thread(close_call)(
            call_id, workspace_id=cleared.workspace_id, actor=cleared.actor, result=result
        )
    except (DatabaseError, PlatformError) as error:
        logger.warning("model call %s could not be closed: %s", call_id, type(error).__name__)


async def embed(
    texts: Sequence[str],
    *,
    kind: Literal["query", "passage"],
    subject: Subject,
    workspace_id: UUID,
    actor: Actor,
    purpose: str,
) -> list[list[float]]:
    """A vector for each text, in order, from the embedding model. Cleared and recorded like any call; raises
    the same errors, and PrivacyRefused."""
    found = await embeddings(
        texts, kind=kind, subject=subject, workspace_id=workspace_id, actor=actor, purpose=purpose
    )
    return found.vectors


async def embeddings(
    texts: Sequence[str],
    *,
    kind: Literal["query", "passage"],
    subject: Subject,
    workspace_id: UUID,
    actor: Actor,
    purpose: str,
) -> Embedded:
    """The same, with the number of tokens that were read."""
    if not texts:
        return Embedded([], 0)
    prompt = Prompt(tuple(PromptMessage("user", text) for text in texts))
    cleared = await in_thread(clear)(
        prompt,
        subject=subject,
        workspace_id=workspace_id,
        actor=actor,
        purpose=purpose,
        destination=destination("embedding"),
    )
    call_id = await in_thread(open_call)(
        cleared,
        kind="embedding",
        model="embedding",
        priority="interactive" if kind == "query" else "background",
        turn_id=None,
    )
    result = CallResult("cancelled")
    began = monotonic()
    try:
        vectors, tokens = await _embed(texts, kind)
        result = CallResult("completed", model="embedding", prompt_tokens=tokens)
    except PlatformError as error:
        engines_in_use.forget("encoder")
        result = CallResult("failed", error_code=error.code)
        raise
    finally:
        await asyncio.shield(_close(call_id, cleared, replace(result, total_s=monotonic() - began)))
    return Embedded(vectors, tokens)


async def _embed(texts: Sequence[str], kind: Literal["query", "passage"]) -> tuple[list[list[float]], int]:
    engine = await engines_in_use.engine("encoder")
    name = engine.model_name("embedding")
    vectors: list[list[float]] = []
    total = 0
    for start in range(0, len(texts), EMBED_BATCH):
        found, tokens = await engine.client.embed(
            texts[start : start + EMBED_BATCH], model=name, input_type=kind
        )
        vectors += found
        total += tokens
    return vectors, total


async def count_tokens(messages: Sequence[PromptMessage], *, model: str = "chat") -> int:
    """How long the messages are for this model, in tokens.

    Counted by an engine on this machine; estimated, rather too high, for any other: nothing that was not
    cleared leaves the machine. Raises EngineUnavailable, EngineRefused.
    """
    if not destination(model).is_local:
        return estimate_tokens(messages)
    engine = await engines_in_use.engine("llm")
    if not engine.client.extended:
        return estimate_tokens(messages)
    try:
        return await engine.client.tokenize(messages, model=engine.model_name(model))
    except EngineUnavailable:
        engines_in_use.forget("llm")
        raise


async def count_texts(texts: Sequence[str], *, model: str = "chat") -> list[int] | None:
    """How many tokens each text has for this model, without what a template puts around it: one request.

    None where no engine on this machine counts: nothing that was not cleared leaves the machine. Raises
    EngineUnavailable, EngineRefused.
    """
    if not texts:
        return []
    engine = await _counting_engine(model)
    if engine is None:
        return None
    try:
        return await engine.client.count_texts(texts, model=engine.model_name(model))
    except EngineUnavailable:
        engines_in_use.forget("llm")
        raise


async def warm(messages: Sequence[PromptMessage], *, model: str = "chat") -> bool | None:
    """Let an engine of ours, on this machine, read the platform's own messages before anybody asks.

    Whether it had read them already; None where there is no such engine. The messages hold nothing of a person, as
    nothing is cleared or recorded for them. Raises EngineUnavailable, EngineRefused.
    """
    engine = await _counting_engine(model)
    if engine is None:
        return None
    return await engine.client.warm(messages, model=engine.model_name(model))


async def served_model(model: str = "chat") -> EngineModel | None:
    """What the engine says of a model: its hash, window and measured speeds, a few minutes old at most.

    None when it does not say. Raises EngineUnavailable, EngineRefused.
    """
    engine = await engines_in_use.engine("llm")
    name = engine.model_name(model)
    return next((found for found in engine.models if name == found.id or name in found.aliases), None)


async def _counting_engine(model: str) -> engines_in_use.Engine | None:
    """The engine, if it is ours and on this machine."""
    if not destination(model).is_local:
        return None
    engine = await engines_in_use.engine("llm")
    return engine if engine.client.extended else None


async def engine_figures(role: engines_in_use.EngineRole = "llm") -> EngineFigures:
    """How busy an engine is, asked now. Never raises, and waits for two seconds at most."""
    return figures(await engines_in_use.bare_client(role).metrics())


async def engine_status(role: engines_in_use.EngineRole = "llm") -> EngineStatus:
    """How an engine is, asked now. Never raises for an engine that is down."""
    status = await engines_in_use.bare_client(role).status()
    if status.ready:
        engines_in_use.remember(role, status.models, status.dialect)
    else:
        engines_in_use.forget(role)
    return status
