"""Has the engine read the platform's own words before the first person asks.

Every conversation with an assistant begins with the released text of its prompt. Were it read when the first person
asks, it would cost that person seconds. So the openings of the assistants in use are read once an engine is ready, and
again when another text was released or the engine was started anew.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging

from chatplatform.common.errors import InvalidInput, PlatformError
from chatplatform.common.scope import all_workspaces
from chatplatform.common.threads import in_thread
from chatplatform.inference import gateway
from chatplatform.inference.errors import EngineRefused
from chatplatform.privacy.prompt import PromptMessage
from chatplatform.prompts.models import Assistant, PromptLabel
from chatplatform.prompts.queries import CHAT_MODEL
from chatplatform.prompts.text_format import opening_messages

logger = logging.getLogger(__name__)

# What is read takes room in the engine's cache: the first so many texts, those of default assistants before others.
MOST_OPENINGS = 8
READING_S = 180.0  # for one of them; all together stay within what the chore may take

Opening = tuple[str, tuple[PromptMessage, ...]]


def openings_in_use() -> list[Opening]:
    """Model and opening messages of the assistants in use, each text once."""
    with all_workspaces("what is the platform's own is read for every workspace alike"):
        rows = (
            Assistant.objects.filter(archived_at=None, prompt__labels__name=PromptLabel.PRODUCTION)
            .order_by("-is_default", "created_at")
            .values_list("model", "prompt__labels__version__text")
        )
        texts = list(dict.fromkeys((model or CHAT_MODEL, text) for model, text in rows))
    found: list[Opening] = []
    for model, text in texts:
        try:
            opening = opening_messages(text)
        except InvalidInput:
            continue
        if opening:
            found.append((model, opening))
    return found[:MOST_OPENINGS]


class Warmer:
    """Remembers what one engine was asked to read since it started. One for each process."""

    def __init__(self) -> None:
        self._started_at: float | None = None
        self._asked: set[tuple[str, str]] = set()

    async def warm(self) -> int:
        """Have what is new read, in the background; how many texts that were. Never raises for an engine that is
        down, busy, or knows nothing of it."""
        status = await gateway.engine_status()
        if not status.ready or status.started_at is None:
            return 0
        if status.started_at != self._started_at:
            self._started_at = status.started_at
            self._asked.clear()
        warmed = 0
        for model, opening in await in_thread(openings_in_use)():
            served = status.model(model)
            if (
                served is None or not served.context_tokens
            ):  # not here, or not loaded: nobody waits for it now
                continue
            key = (served.sha256, _digest(opening))
            if key in self._asked:
                continue
            try:
                async with asyncio.timeout(READING_S):
                    if await gateway.warm(opening, model=model) is None:
                        continue  # another server may answer as well: what it has read is its own affair
                warmed += 1
            except EngineRefused:
                pass  # it cannot, or the text is too long for it: asking again would not help
            except (PlatformError, TimeoutError) as error:
                logger.info("the engine could not read ahead now: %s", type(error).__name__)
                return warmed
            self._asked.add(key)
        return warmed


def _digest(opening: tuple[PromptMessage, ...]) -> str:
    text = "\0".join(f"{message.role}\0{message.content}" for message in opening)
    return hashlib.sha256(text.encode()).hexdigest()
