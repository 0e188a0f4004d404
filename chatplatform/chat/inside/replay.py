"""Asking a model again what it was asked for an answer: the same prompt, model, seed and sampling, once more.

Nothing of it is stored but that it was done. The answer may differ all the same: other work that an engine computes
together with this one changes the last digits, and then, rarely, a word; and what a model's name stands for may have
been changed.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from chatplatform.audit.services import Target, record
from chatplatform.chat.content import text_of
from chatplatform.chat.inside.audit_events import ANSWER_REPLAYED
from chatplatform.chat.inside.models import SentPrompt
from chatplatform.chat.inside.queries import own_turn
from chatplatform.chat.inside.rebuilding import contents_of_sent, rebuild
from chatplatform.chat.models import Turn
from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict, NotFound
from chatplatform.common.threads import in_thread
from chatplatform.inference import gateway
from chatplatform.inference.gateway import ModelEvent, Sampling
from chatplatform.privacy.clearance import ClearedPrompt, clear
from chatplatform.privacy.subjects import Subject

PURPOSE = "replay"


@dataclass(frozen=True, slots=True)
class Replay:
    """What is asked again; `before` is the answer that was given then."""

    cleared: ClearedPrompt
    model: str
    sampling: Sampling
    before: str = field(repr=False)


def prepare(turn_id: UUID, *, actor: Actor) -> Replay:
    """Rebuild and clear what the turn sent, and write down that it is sent again. The caller asks who may.

    Raises NotFound for a turn that is not the actor's, Conflict where it still runs or cannot be rebuilt to the byte,
    and what `clear` raises.
    """
    person_id = UUID(actor.id)
    turn = own_turn(person_id, turn_id)
    if turn.state in Turn.UNFINISHED:
        raise Conflict("turn_running", _("This answer is still being written. Wait for its end."))
    sent = _first_of_answer(turn)
    if sent is None:
        raise NotFound("prompt_not_kept", _("What was sent for this answer was not written down."))
    rebuilt = rebuild(sent, turn)
    if not rebuilt.is_proven:
        raise Conflict(
            "prompt_not_proven",
            _("What was sent for this answer cannot be rebuilt any more, so it cannot be sent again."),
        )
    cleared = clear(
        rebuilt.prompt(),
        subject=Subject.person(turn.owner_id),
        workspace_id=turn.workspace_id,
        actor=actor,
        purpose=PURPOSE,
        destination=gateway.destination(sent.asked_model),
    )
    with transaction.atomic():
        record(
            ANSWER_REPLAYED,
            actor=actor,
            workspace_id=turn.workspace_id,
            target=Target("turn", str(turn.id)),
            details={
                "request": sent.number,
                "model": sent.asked_model[:200],
                "prompt_commitment": sent.commitment,
            },
        )
    return Replay(
        cleared,
        sent.asked_model,
        sampling_of(sent.sampling),
        text_of(turn.answer, Subject.person(turn.owner_id)),
    )


async def answer_again(turn_id: UUID, *, actor: Actor) -> AsyncGenerator[Replay | ModelEvent]:
    """First what is replayed, then what the model says. Closing it cancels the call. Raises what `prepare` and the
    gateway raise; QuotaExceeded at a limit of the person's."""
    replay = await in_thread(prepare)(turn_id, actor=actor)
    yield replay
    stream = gateway.stream(replay.cleared, model=replay.model, sampling=replay.sampling)
    async with aclosing(stream) as events:
        async for event in events:
            yield event


def sampling_of(stored: Mapping[str, Any]) -> Sampling:
    """As it was stored with the request; what is not known any more is left out."""
    known: dict[str, Any] = {
        name: _frozen(value) for name, value in stored.items() if name in Sampling.__dataclass_fields__
    }
    return Sampling(**known)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(each) for each in value) if isinstance(value, list) else value


def _first_of_answer(turn: Turn) -> SentPrompt | None:
    """The request that began the answer; those after it only went on from there."""
    for row in SentPrompt.objects.filter(turn=turn).order_by("-number"):
        if not contents_of_sent(row, turn).continue_final:
            return row
    return None
