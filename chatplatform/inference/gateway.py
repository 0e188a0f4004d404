"""The only door to models. A call happens when its prompt was cleared and its record is committed, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Literal, TypeVar
from uuid import UUID

from django.conf import settings

from chatplatform.common import measured
from chatplatform.common.actors import Actor
from chatplatform.common.errors import PlatformError
from chatplatform.common.threads import in_thread
from chatplatform.inference import model_stream
from chatplatform.inference.cache_owners import cache_owner
from chatplatform.inference.endpoints import endpoint_choice, engines_in_use, registry
from chatplatform.inference.endpoints.engines_in_use import EngineRole
from chatplatform.inference.endpoints.outbound import Cause
from chatplatform.inference.endpoints.registry import Endpoint
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
    ReasoningDelta,
    Sampling,
    Started,
    TextDelta,
    TokenLogprob,
    ToolCallPart,
)
from chatplatform.inference.model_calls import CallResult, close_abandoned_calls, open_call
from chatplatform.inference.model_stream import Question
from chatplatform.inference.protocol.prometheus_text import figures
from chatplatform.inference.protocol.token_estimate import estimate_tokens
from chatplatform.privacy.clearance import ClearedPrompt, Destination, clear, require_cleared
from chatplatform.privacy.prompt import Prompt, PromptMessage
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
    "ReasoningDelta",
    "RecordUnavailable",
    "Reranked",
    "Sampling",
    "Started",
    "TextDelta",
    "TokenLogprob",
    "ToolCallPart",
    "close_abandoned_calls",
    "count_texts",
    "count_tokens",
    "destination",
    "embed",
    "embeddings",
    "engine_figures",
    "engine_status",
    "forget",
    "rerank",
    "served_model",
    "stream",
    "warm",
]

EMBED_BATCH = 64


@dataclass(frozen=True, slots=True)
class Embedded:
    """A vector for each text, in order; `tokens` is what was read for all of them. `cut_tokens` is what was not read of
    each, because it is too long for the model: of questions only, as a passage that is too long is refused."""

    vectors: list[list[float]] = field(repr=False)
    tokens: int
    cut_tokens: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Reranked:
    """A score for each text, in order: the higher, the better it answers."""

    scores: list[float]
    tokens: int


EncodedT = TypeVar("EncodedT", Embedded, Reranked)


def destination(model: str = "chat") -> Destination:
    """Where a prompt for this model goes, to be named when it is cleared: the engine that would be asked now.
    "embedding" and "reranker" are the encoder."""
    if engines_in_use.role_of(model) == "encoder":
        return engines_in_use.encoder_destination()
    chosen = endpoint_choice.choose(model)
    return (chosen or registry.own_endpoint()).destination


async def stream(
    cleared: ClearedPrompt,
    *,
    model: str = "chat",
    sampling: Sampling,
    priority: Priority = "interactive",
    turn_id: UUID | None = None,
    apart: UUID | None = None,
) -> AsyncGenerator[ModelEvent]:
    """Ask a model, by alias ("chat", "quick") or id, and stream its answer, which ends with Completed.

    An engine that fails before its first word is left for another, for which the prompt is cleared and the call
    recorded anew. Closing the generator cancels the call. What is read for a conversation `apart` is never used for
    another one, and engines of ours never write it down. Outside a turn, raises QuotaExceeded at a limit of the
    person who acts. Raises EngineUnavailable (retryable) when no engine is up, or one dies or is loading; QueueFull;
    ContextOverflow; EngineRefused; RecordUnavailable or AuditUnavailable when the call cannot be recorded, in which
    case nothing was sent; KeysUnavailable without a master key.
    """
    require_cleared(cleared)
    await registry.refresh()
    endpoint = _cleared_for(cleared, model)
    question = Question(model, sampling, priority, turn_id, apart)
    must_continue = cleared.prompt.continue_final
    tried: list[str] = []
    started = False
    if (must_continue and not endpoint_choice.can_continue(endpoint)) or not endpoint_choice.may_ask(
        endpoint
    ):
        better = await _another(cleared, model, [endpoint.id], must_continue=must_continue)
        if better is not None:
            cleared, endpoint = better
        elif not endpoint_choice.may_ask(endpoint):
            raise EngineUnavailable("engine_resting")
    while True:
        tried.append(endpoint.id)
        spoken = False
        try:
            async with aclosing(model_stream.answer(cleared, endpoint, question)) as events:
                async for event in events:
                    if isinstance(event, Started):
                        if started:  # of an engine that failed before: nobody has to hear it twice
                            continue
                        started = True
                    spoken = spoken or isinstance(event, TextDelta | ReasoningDelta | ToolCallPart)
                    yield event
            return
        except PlatformError as error:
            if spoken or not endpoint_choice.is_the_engines(error):
                raise
            following = await _another(cleared, model, tried, must_continue=must_continue)
            if following is None:
                raise
            cleared, endpoint = following
            measured.ENGINE_FAILOVERS.add()


def _cleared_for(cleared: ClearedPrompt, model: str) -> Endpoint:
    found = registry.endpoints()
    for endpoint in found:
        if endpoint.destination == cleared.destination and endpoint.serves(model):
            return endpoint
    raise EngineRefused("not_cleared_for_destination")


async def _another(
    cleared: ClearedPrompt, model: str, tried: Sequence[str], *, must_continue: bool
) -> tuple[ClearedPrompt, Endpoint] | None:
    """The next engine that is well, with the prompt cleared for it; None when there is none, or none that it may
    be sent to."""
    found = endpoint_choice.choose(model, besides=tried, must_continue=must_continue)
    if found is None or not endpoint_choice.may_ask(found):
        return None
    try:
        again = await in_thread(clear)(
            cleared.prompt,
            subject=cleared.subject,
            workspace_id=cleared.workspace_id,
            actor=cleared.actor,
            purpose=cleared.purpose,
            destination=found.destination,
        )
    except PlatformError:
        return None
    return again, found


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
    cleared = await in_thread(clear)(
        Prompt(tuple(PromptMessage("user", text) for text in texts)),
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
    return await _closing(
        call_id, cleared, "embedding", lambda: _embed(texts, kind, Cause(purpose, actor, workspace_id))
    )


async def rerank(
    question: str,
    texts: Sequence[str],
    *,
    subject: Subject,
    workspace_id: UUID,
    actor: Actor,
    purpose: str,
) -> Reranked:
    """How well each text answers the question, by the encoder's reranker. Cleared and recorded like any call; raises
    the same errors, and PrivacyRefused."""
    if not texts:
        return Reranked([], 0)
    cleared = await in_thread(clear)(
        Prompt(tuple(PromptMessage("user", text) for text in (question, *texts))),
        subject=subject,
        workspace_id=workspace_id,
        actor=actor,
        purpose=purpose,
        destination=destination("reranker"),
    )
    call_id = await in_thread(open_call)(
        cleared, kind="reranking", model="reranker", priority="interactive", turn_id=None
    )
    return await _closing(
        call_id, cleared, "reranker", lambda: _rerank(question, texts, Cause(purpose, actor, workspace_id))
    )


async def _closing(
    call_id: UUID, cleared: ClearedPrompt, model: str, ask: Callable[[], Awaitable[EncodedT]]
) -> EncodedT:
    """Ask the encoder, and close the record of the call however it ends."""
    result = CallResult("cancelled")
    began = monotonic()
    try:
        found = await ask()
        result = CallResult("completed", model=model, prompt_tokens=found.tokens)
    except PlatformError as error:
        engines_in_use.forget("encoder")
        result = CallResult("failed", error_code=error.code)
        raise
    finally:
        ended = replace(result, total_s=monotonic() - began)
        await asyncio.shield(model_stream.close(call_id, cleared, ended))
    return found


async def _rerank(question: str, texts: Sequence[str], cause: Cause) -> Reranked:
    engine = await engines_in_use.engine("encoder", cause)
    # another server lists what it likes: it is asked for what the operator named
    name = "reranker" if engine.client.extended else settings.ENVIRONMENT.reranker
    return Reranked(*await engine.client.rerank(question, texts, model=name))


async def _embed(texts: Sequence[str], kind: Literal["query", "passage"], cause: Cause) -> Embedded:
    engine = await engines_in_use.engine("encoder", cause)
    name = engine.model_name("embedding")
    vectors: list[list[float]] = []
    cut: list[int] = []
    total = 0
    for start in range(0, len(texts), EMBED_BATCH):
        found, tokens, not_read = await engine.client.embed(
            texts[start : start + EMBED_BATCH], model=name, input_type=kind
        )
        vectors += found
        cut += not_read
        total += tokens
    return Embedded(vectors, total, tuple(cut))


async def count_tokens(messages: Sequence[PromptMessage], *, model: str = "chat") -> int:
    """How long the messages are for this model, in tokens.

    Counted by an engine of ours on this machine, if no other may answer; estimated, rather too high, in any other
    case: nothing that was not cleared leaves the machine. Raises EngineUnavailable, EngineRefused.
    """
    engine = await _counting_engine(model)
    if engine is None:
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


async def forget(subject: Subject, *, actor: Actor, apart: UUID | None = None) -> int:
    """Have every engine of ours forget what it has read for `subject`, or for their conversation `apart`; how many
    were told.

    All are told before the first failure is raised: EngineUnavailable or EngineRefused. One that is switched off is
    told if it answers.
    """
    owner = await in_thread(cache_owner)(subject, apart)
    cause = Cause("engine.forget", actor, None)
    told = 0
    failure: PlatformError | None = None
    for endpoint, is_on in await in_thread(registry.ours)():
        try:
            client = await engines_in_use.client_at(endpoint, cause)
            if client.extended:
                await client.forget(owner)
                told += 1
        except PlatformError as error:
            if endpoint.is_own:
                engines_in_use.forget("llm")
            failure = failure or (error if is_on else None)
    if failure is not None:
        raise failure
    return told


async def served_model(model: str = "chat") -> EngineModel | None:
    """What is known of the model that would answer now: its hash, window and measured speeds, a few minutes old.

    None when its engine does not say. Raises EngineUnavailable, EngineRefused.
    """
    await registry.refresh()
    chosen = endpoint_choice.choose(model)
    if chosen is not None and not chosen.is_own:
        return EngineModel(chosen.model_name(model), context_tokens=chosen.context_tokens or None)
    engine = await engines_in_use.engine("llm")
    name = engine.model_name(model)
    return next((found for found in engine.models if name == found.id or name in found.aliases), None)


async def _counting_engine(model: str) -> engines_in_use.Engine | None:
    """The settings' engine, if it is ours, on this machine, and the only one that may answer."""
    own = registry.own_endpoint()
    if not own.is_local or any(each.serves(model) for each in registry.endpoints() if not each.is_own):
        return None
    engine = await engines_in_use.engine("llm")
    return engine if engine.client.extended else None


async def engine_figures(role: engines_in_use.EngineRole = "llm") -> EngineFigures:
    """How busy the settings' engine is, asked now. Never raises, and waits for two seconds at most."""
    return figures(await engines_in_use.metrics(role))


async def engine_status(role: engines_in_use.EngineRole = "llm") -> EngineStatus:
    """How the settings' engine is, asked now; a minute ago, if it is not on this machine. Never raises for an engine
    that is down."""
    return await engines_in_use.status(role)
