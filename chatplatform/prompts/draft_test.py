"""Trying out a draft: a question to the real model with a text that is not saved, through every gate of a turn.

The words are the tester's own: they are cleared on their behalf, the call is recorded and audited, and nothing of it
is kept. A draft has no version, so no passport can name it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from chatplatform.common.actors import Actor
from chatplatform.common.errors import InvalidInput, TooMany
from chatplatform.common.threads import in_thread
from chatplatform.inference import gateway
from chatplatform.inference.events import ModelEvent, Sampling
from chatplatform.inference.models import ModelCall
from chatplatform.privacy.clearance import clear
from chatplatform.privacy.prompt import Prompt, PromptMessage
from chatplatform.privacy.subjects import Subject
from chatplatform.prompts.assembly import Counted, assemble
from chatplatform.prompts.lengths import counted_tokens, estimated_tokens
from chatplatform.prompts.queries import CHAT_MODEL
from chatplatform.prompts.releases import MAX_PROMPT_CHARS
from chatplatform.prompts.text_format import opening_messages

PURPOSE = "prompt_test"
MAX_MESSAGES = 40
MAX_MESSAGE_CHARS = 32_000
ANSWER_TOKENS = 1024
RUNNING_TESTS_A_PERSON = 3


@dataclass(frozen=True, slots=True)
class Draft:
    """What is tried: the text of a prompt, and a talk that ends with the tester's question."""

    text: str = field(repr=False)
    talk: tuple[PromptMessage, ...] = field(repr=False)
    model: str = CHAT_MODEL
    sampling: Sampling = field(default_factory=Sampling)


def checked_draft(text: str, talk: Sequence[PromptMessage]) -> Draft:
    """Raises InvalidInput when the draft is empty or too long, or the talk does not end with a question."""
    if not text.strip() or "\x00" in text or len(text) > MAX_PROMPT_CHARS:
        raise InvalidInput(
            "prompt_text_invalid",
            _("Write a prompt of 1 to %(limit)s characters.") % {"limit": f"{MAX_PROMPT_CHARS:,}"},
        )
    if len(talk) > MAX_MESSAGES:
        raise _too_long()
    if not talk or talk[-1].role != "user" or not talk[-1].content.strip():
        raise InvalidInput("message_empty", _("Type a message first."))
    if any(len(message.content) > MAX_MESSAGE_CHARS for message in talk):
        raise InvalidInput("message_too_long", _("This message is too long for a test. Shorten it."))
    return Draft(text, tuple(message for message in talk if message.content.strip()))


async def answer_draft(
    draft: Draft, *, workspace_id: UUID, person_id: UUID, actor: Actor
) -> AsyncGenerator[ModelEvent]:
    """Stream the model's answer; closing the generator cancels the call.

    Raises InvalidInput for examples that are no pairs or a talk that does not fit, and what the gateway raises.
    """
    await in_thread(_check_running)(actor)
    window = settings.ENVIRONMENT.context_tokens
    reserve = min(ANSWER_TOKENS, window // 4)
    opening = opening_messages(draft.text)
    counted = await _counted((*opening, *draft.talk), draft.model)
    assembled = assemble(counted[: len(opening)], counted[len(opening) :], budget_tokens=window - reserve)
    if assembled.left_out is not None:  # a tester is to see what the whole talk gives
        raise _too_long()
    cleared = await in_thread(clear)(
        Prompt(assembled.messages),
        subject=Subject.person(person_id),
        workspace_id=workspace_id,
        actor=actor,
        purpose=PURPOSE,
        destination=gateway.destination(draft.model),
    )
    sampling = replace(draft.sampling, max_tokens=min(draft.sampling.max_tokens, reserve))
    async with aclosing(gateway.stream(cleared, model=draft.model, sampling=sampling)) as events:
        async for event in events:
            yield event


def _too_long() -> InvalidInput:
    return InvalidInput("test_too_long", _("This test has become long. Begin a new one to go on testing."))


async def _counted(messages: Sequence[PromptMessage], model: str) -> list[Counted]:
    lengths = await counted_tokens(messages, model=model)
    if lengths is None:
        lengths = [estimated_tokens(message) for message in messages]
    return [Counted(message, tokens) for message, tokens in zip(messages, lengths, strict=True)]


def _check_running(actor: Actor) -> None:
    """Raises TooMany while the tester has several answers running: people's chats come first."""
    running = ModelCall.objects.filter(state=ModelCall.State.OPEN, purpose=PURPOSE, actor_id=actor.id)
    if running.count() >= RUNNING_TESTS_A_PERSON:
        raise TooMany(
            "too_many_tests", _("Several of your tests are running. Stop one first."), retry_after_s=5
        )
