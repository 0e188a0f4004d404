"""A replay as lines of JSON, told while the model speaks; whoever stops listening stops it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any
from uuid import UUID

from django.utils import translation
from django.utils.translation import gettext as _

from chatplatform.chat.inside.replay import Replay, answer_again
from chatplatform.common.actors import Actor
from chatplatform.common.errors import NotAllowed, PlatformError
from chatplatform.common.scope import workspace_scope
from chatplatform.inference.gateway import Completed, Queued, Started, TextDelta

logger = logging.getLogger(__name__)

CHECK_EVERY_S = 1.0
LINES_AHEAD = 64

Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ReplayWish:
    """Which answer, for whom. `holds` says every second whether they may still; `done` makes the last line of both
    answers."""

    turn_id: UUID
    workspace_id: UUID
    actor: Actor
    language: str | None
    holds: Callable[[], Awaitable[bool]]
    done: Callable[[str, str], Line]


async def replay_lines(wish: ReplayWish) -> AsyncGenerator[bytes]:
    """`before` with the earlier answer, `queued` and `started`, `delta` with text, then `done` or `error`.

    A task of its own holds scope and language: a response's body runs after the middleware.
    """
    lines: asyncio.Queue[Line | None] = asyncio.Queue(LINES_AHEAD)
    task = asyncio.create_task(_produce(lines, wish))
    try:
        while (line := await lines.get()) is not None:
            yield json.dumps(line, ensure_ascii=False).encode(errors="replace") + b"\n"
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _produce(lines: asyncio.Queue[Line | None], wish: ReplayWish) -> None:
    with translation.override(wish.language), workspace_scope(wish.workspace_id):
        try:
            await _answer(lines, wish)
        except PlatformError as error:
            await lines.put({"type": "error", "code": error.code, "message": str(error.message)})
        except Exception:
            logger.exception("a replay failed")
            message = _("Something broke on our side. Try again.")
            await lines.put({"type": "error", "code": "internal", "message": message})
        await lines.put(None)


async def _answer(lines: asyncio.Queue[Line | None], wish: ReplayWish) -> None:
    said: list[str] = []
    before = ""
    checked_at = monotonic()
    async with aclosing(answer_again(wish.turn_id, actor=wish.actor)) as events:
        async for event in events:
            if monotonic() - checked_at > CHECK_EVERY_S:
                if not await wish.holds():
                    raise NotAllowed("signed_out", _("You are signed out. Sign in again."))
                checked_at = monotonic()
            match event:
                case Replay():
                    before = event.before
                    await lines.put({"type": "before", "text": before})
                case TextDelta():
                    said.append(event.text)
                    await lines.put({"type": "delta", "text": event.text})
                case Queued():
                    await lines.put({"type": "queued", "position": event.position})
                case Started():
                    await lines.put({"type": "started", "model": event.model})
                case Completed():
                    await lines.put({"type": "done", **wish.done(before, "".join(said))})
