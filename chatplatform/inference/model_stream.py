"""One call of one engine: recorded, sent, read to its end, and closed in the record."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from dataclasses import dataclass, replace
from time import monotonic
from uuid import UUID

from django.db import DatabaseError

from chatplatform.common import measured
from chatplatform.common.errors import PlatformError
from chatplatform.common.threads import in_thread
from chatplatform.inference.cache_owners import cache_owner
from chatplatform.inference.endpoints import engines_in_use
from chatplatform.inference.endpoints.endpoint_choice import in_use
from chatplatform.inference.endpoints.outbound import Cause
from chatplatform.inference.endpoints.registry import Endpoint
from chatplatform.inference.errors import ContextOverflow, EngineRefused, EngineUnavailable
from chatplatform.inference.events import (
    Completed,
    ModelEvent,
    Priority,
    Queued,
    ReasoningDelta,
    Sampling,
    Started,
    TextDelta,
    ToolCallPart,
)
from chatplatform.inference.model_calls import CallResult, close_call, open_call
from chatplatform.inference.protocol.chat_request import ChatRequest
from chatplatform.inference.protocol.token_estimate import estimate_tokens
from chatplatform.privacy.clearance import ClearedPrompt

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, of whichever engine. What is read `apart` is kept under a name of its own, and never written
    down."""

    model: str
    sampling: Sampling
    priority: Priority
    turn_id: UUID | None
    apart: UUID | None = None


async def answer(
    cleared: ClearedPrompt, endpoint: Endpoint, question: Question
) -> AsyncGenerator[ModelEvent]:
    """Stream the answer of this engine, for which the prompt was cleared. Raises what `gateway.stream` does."""
    _require_room(cleared, endpoint)
    owner, call_id = await in_thread(_prepare)(cleared, question)
    result = CallResult("cancelled")
    began = monotonic()
    completed: Completed | None = None
    cause = Cause(cleared.purpose, cleared.actor, cleared.workspace_id)
    try:
        with in_use(endpoint):
            client, name = await engines_in_use.engine_at(endpoint, question.model, cause)
            request = ChatRequest(
                request_id=str(call_id),
                model=name,
                prompt=cleared.prompt,
                sampling=question.sampling,
                priority=question.priority,
                cache_owner=owner,
                no_store=question.apart is not None,
            )
            async with aclosing(client.chat(request)) as events:
                async for event in events:
                    result = _noted(result, event, began)
                    if isinstance(event, Completed):
                        completed = event
                    else:
                        yield event
    except PlatformError as error:
        if endpoint.is_own and isinstance(error, EngineUnavailable | EngineRefused):
            engines_in_use.forget("llm")
        result = replace(result, state="failed", error_code=error.code)
        raise
    finally:
        # closed even when the task is cancelled a second time while it waits for this
        await asyncio.shield(close(call_id, cleared, replace(result, total_s=monotonic() - began)))
    if completed is not None:
        yield completed


def _require_room(cleared: ClearedPrompt, endpoint: Endpoint) -> None:
    """Refuse what is too long for a server that may cut it without a word, as Ollama does. Where the row says how
    much it reads, that is compared with an estimate, which is rather too high."""
    if not endpoint.context_tokens:
        return
    tokens = estimate_tokens(cleared.prompt.messages)
    if tokens > endpoint.context_tokens:
        raise ContextOverflow(prompt_tokens=tokens, context_tokens=endpoint.context_tokens)


def _prepare(cleared: ClearedPrompt, question: Question) -> tuple[str, UUID]:
    owner = cache_owner(cleared.subject, question.apart)
    return owner, open_call(
        cleared, kind="chat", model=question.model, priority=question.priority, turn_id=question.turn_id
    )


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
        case TextDelta() | ReasoningDelta():
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


def close(call_id: UUID, cleared: ClearedPrompt, result: CallResult) -> Awaitable[None]:
    """Close the record of a call, in a task of its own, which may be shielded."""
    return asyncio.ensure_future(_closed(call_id, cleared, result))


async def _closed(call_id: UUID, cleared: ClearedPrompt, result: CallResult) -> None:
    """What was answered is not taken back if this fails: the row stays open, and is closed as abandoned later."""
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
