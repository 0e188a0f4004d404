"""The test chat beside the editor: one request for each question, answered as lines of JSON while the model speaks.

Closing the connection stops the model. Rights are checked for each question, and again every second of an answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, Literal
from uuid import UUID

from django.http import HttpResponseBase, StreamingHttpResponse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chatplatform.accounts.access import requires
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import Person, PersonRequest
from chatplatform.accounts.standing import Standing
from chatplatform.chat.markdown import render as render_markdown
from chatplatform.common.errors import InvalidInput, NotAllowed, PlatformError
from chatplatform.common.scope import workspace_scope
from chatplatform.common.threads import in_thread
from chatplatform.inference.events import Sampling
from chatplatform.inference.gateway import Completed, Queued, Started, TextDelta
from chatplatform.privacy.prompt import PromptMessage
from chatplatform.prompts import prompt_queries
from chatplatform.prompts.draft_test import Draft, answer_draft, checked_draft
from chatplatform.prompts.models import Assistant
from chatplatform.prompts.queries import CHAT_MODEL
from chatplatform.prompts.sampling import parse_sampling
from chatplatform.web.error_pages import expected_errors

logger = logging.getLogger(__name__)

CHECK_EVERY_S = 1.0
LINES_AHEAD = 64


@dataclass(frozen=True, slots=True)
class Profile:
    """How to answer: as an assistant does. `id` None is the platform's own model and sampling."""

    id: UUID | None
    name: str
    model: str
    sampling: Sampling


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Literal["user", "assistant"]
    content: str


class _Line(BaseModel):
    """One line of the answer; what is not set is not sent."""

    model_config = ConfigDict(frozen=True)

    type: Literal["queued", "started", "delta", "done", "error"]
    text: str | None = None
    html: str | None = None
    position: int | None = None
    model: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_s: float | None = None
    is_cut: bool | None = None
    code: str | None = None
    message: str | None = None


class _Question(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    talk: list[_Message] = Field(max_length=100)
    assistant_id: UUID | None = None


def test_profiles(prompt_id: UUID) -> list[Profile]:
    """The assistants that speak this prompt, to answer as they do."""
    rows = Assistant.objects.filter(prompt_id=prompt_id, archived_at__isnull=True).order_by("name")
    return [
        Profile(row.id, row.name, row.model or CHAT_MODEL, parse_sampling(row.sampling).resolved())
        for row in rows
    ]


@require_POST
@requires(Permission.PROMPTS_EDIT)
@expected_errors
def ask(request: PersonRequest, prompt_id: UUID) -> HttpResponseBase:
    """Body: JSON with the draft's `text`, the `talk` and the `assistant_id` to answer as. Answers lines of JSON."""
    prompt_queries.version_text(prompt_id)  # of this workspace, or not found
    draft = _draft(request.body, prompt_id)
    person = request.person
    standing = Standing(person.id, person.workspace_id, person.role, request.session.session_key or "")
    response = StreamingHttpResponse(
        _lines(draft, person, standing, translation.get_language()), content_type="application/x-ndjson"
    )
    response.headers["X-Accel-Buffering"] = "no"  # a proxy in front passes each line on at once
    return response


def _draft(body: bytes, prompt_id: UUID) -> Draft:
    try:
        question = _Question.model_validate_json(body)
    except ValidationError:
        raise InvalidInput("invalid_test", _("This test cannot be read. Reload the page.")) from None
    talk = [PromptMessage(message.role, message.content) for message in question.talk]
    draft = checked_draft(question.text.replace("\r\n", "\n"), talk)
    profiles = {profile.id: profile for profile in test_profiles(prompt_id)}
    chosen = profiles.get(question.assistant_id)
    if chosen is None:
        return draft
    return Draft(draft.text, draft.talk, chosen.model, chosen.sampling)


async def _lines(
    draft: Draft, person: Person, standing: Standing, language: str | None
) -> AsyncGenerator[bytes]:
    """The answer as lines; a task of its own holds scope and language, for this body runs after the middleware."""
    lines: asyncio.Queue[_Line | None] = asyncio.Queue(LINES_AHEAD)
    task = asyncio.create_task(_produce(lines, draft, person, standing, language))
    try:
        while (line := await lines.get()) is not None:
            yield line.model_dump_json(exclude_none=True).encode() + b"\n"
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _produce(
    lines: asyncio.Queue[_Line | None], draft: Draft, person: Person, standing: Standing, language: str | None
) -> None:
    with translation.override(language), workspace_scope(person.workspace_id):
        try:
            await _answer(lines, draft, person, standing)
        except PlatformError as error:
            await lines.put(_Line(type="error", code=error.code, message=str(error.message)))
        except Exception:
            logger.exception("a test of a draft failed")
            message = _("Something broke on our side. Try again.")
            await lines.put(_Line(type="error", code="internal", message=message))
        await lines.put(None)


async def _answer(
    lines: asyncio.Queue[_Line | None], draft: Draft, person: Person, standing: Standing
) -> None:
    said: list[str] = []
    checked_at = monotonic()
    events = answer_draft(draft, workspace_id=person.workspace_id, person_id=person.id, actor=person.actor)
    async with aclosing(events):
        async for event in events:
            if monotonic() - checked_at > CHECK_EVERY_S:
                if not await in_thread(standing.holds)():
                    raise NotAllowed("signed_out", _("You are signed out. Sign in again."))
                checked_at = monotonic()
            match event:
                case TextDelta():
                    said.append(event.text)
                    await lines.put(_Line(type="delta", text=event.text))
                case Queued():
                    await lines.put(_Line(type="queued", position=event.position))
                case Started():
                    await lines.put(_Line(type="started", model=event.model))
                case Completed():
                    await lines.put(
                        _Line(type="done", html=render_markdown("".join(said)), **_figures(event))
                    )


def _figures(event: Completed) -> dict[str, Any]:
    return {
        "model": event.model,
        "prompt_tokens": event.prompt_tokens,
        "completion_tokens": event.completion_tokens,
        "total_s": round(event.total_s, 2),
        "is_cut": event.finish_reason == "length",
    }
