"""A turn that was just begun, as the process that holds its lease runs it and shows it."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from chatplatform.chat import queries, turns
from chatplatform.chat.beginning import Submitted
from chatplatform.chat.models import Turn
from chatplatform.chat.protocol import Accepted
from chatplatform.chat.turns import TurnWork, Unfinished


class Begun(NamedTuple):
    """`work` is None for a repetition, and where the run has to find out itself what is wrong."""

    submitted: Submitted
    frame: Accepted
    work: TurnWork | None


def begun(submitted: Submitted, client_id: UUID) -> Begun:
    """Read what is needed to run and to show it; in a thread, in the turn's workspace scope."""
    turn, replaced = submitted.turn, submitted.replaced_message_id
    frame = queries.accepted(turn, client_id=client_id, replaces_message_id=replaced)
    return Begun(submitted, frame, turns.fresh_work(turn) if submitted.is_new else None)


def unfinished(turn: Turn) -> Unfinished:
    return Unfinished(turn.id, turn.workspace_id, turn.conversation_id, turn.owner_id)
