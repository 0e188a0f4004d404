"""Reads the platform's own text before anyone asks, so that the first person does not wait for it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from chatplatform.inference.engines.llamacpp.chat_call import in_thread
from chatplatform.inference.engines.llamacpp.chat_template import TemplateFailed
from chatplatform.inference.engines.llamacpp.generation import (
    Event,
    Failed,
    Finished,
    GenerationRequest,
    Started,
)
from chatplatform.inference.engines.llamacpp.http import HttpError
from chatplatform.inference.engines.llamacpp.prompt_tokens import ChatMessage
from chatplatform.inference.engines.llamacpp.refusals import QueueFull, Stopped, TooLong
from chatplatform.inference.engines.llamacpp.sampling import SamplerSettings
from chatplatform.inference.engines.llamacpp.served_model import ServedModel


@dataclass(frozen=True)
class Warmed:
    """How many tokens are the platform's own, and whether they had been read before."""

    tokens: int
    cached: bool


async def warm(served: ServedModel, messages: Sequence[ChatMessage]) -> Warmed:
    """Read `messages`, all of them the platform's own, into the shared cache, after everyone who waits.

    Raises HttpError.
    """
    try:
        prompt = await in_thread(
            served.prompts.read, [*messages, ChatMessage("user", ".")], platform_messages=len(messages)
        )
    except TemplateFailed as error:
        raise HttpError(400, "invalid_request", str(error)) from None
    if not prompt.system_tokens:
        return Warmed(0, cached=False)
    events: asyncio.Queue[Event] = asyncio.Queue()
    request = GenerationRequest(
        tokens=prompt.tokens[: prompt.system_tokens + 1],
        system_tokens=prompt.system_tokens,
        owner=f"once {secrets.token_hex(8)}",
        keep=False,
        sampling=SamplerSettings(temperature=0),
        max_tokens=1,
        priority="background",
    )
    try:
        generation = served.scheduler.submit(request, events.put_nowait)
    except TooLong as error:
        raise HttpError(
            400, "context_length_exceeded", f"The messages have {error.prompt_tokens} tokens."
        ) from None
    except (QueueFull, Stopped):
        raise HttpError(503, "busy", "The engine is busy. Please try again later.") from None
    cached = False
    try:
        while True:
            match await events.get():
                case Started(cached_tokens=count):
                    cached = count >= prompt.system_tokens
                case Failed() as failed:
                    raise HttpError(failed.status, failed.code, failed.message)
                case Finished():
                    return Warmed(prompt.system_tokens, cached)
    finally:
        served.scheduler.cancel(generation)
