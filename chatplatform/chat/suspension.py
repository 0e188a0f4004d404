"""Answers of people who lost their place end: nobody may read them, and the machine is for the others.

What they said so far is kept, as after any stop. Signing out ends no answer: it waits in its conversation.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db import transaction
from django.dispatch import receiver

from chatplatform.accounts.queries import membership_of
from chatplatform.accounts.signals import place_lost
from chatplatform.audit.services import Target, record
from chatplatform.chat import audit_events as events
from chatplatform.chat.announcements import announce
from chatplatform.chat.models import Announcement, Turn
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.scope import all_workspaces, workspace_scope

_WATCH = Actor.system("access-watch")


@receiver(place_lost)
def stop_turns(sender: object, *, workspace_id: UUID, user_id: UUID, actor: Actor, **_: Any) -> None:
    """Stop what runs for a person in a workspace, in the transaction that shut them out."""
    with workspace_scope(workspace_id):
        for turn in Turn.objects.filter(
            owner_id=user_id, state__in=Turn.UNFINISHED, stop_requested_at=None
        ).select_related("conversation"):
            _stop(turn, actor)


def stop_turns_without_a_place(people: Collection[UUID]) -> None:
    """Stop the turns of these people where they have no active place: those that began while they were shut out."""
    with all_workspaces("a person's turns may run in any workspace"):
        turns = list(
            Turn.objects.filter(
                owner_id__in=people, state__in=Turn.UNFINISHED, stop_requested_at=None
            ).select_related("conversation")
        )
    for turn in turns:
        place = membership_of(turn.owner_id, turn.workspace_id)
        if place is None or not place.is_active:
            with workspace_scope(turn.workspace_id), transaction.atomic():
                _stop(turn, _WATCH)


def _stop(turn: Turn, actor: Actor) -> None:
    if not Turn.objects.filter(id=turn.id, state__in=Turn.UNFINISHED, stop_requested_at=None).update(
        stop_requested_at=now()
    ):
        return
    record(
        events.TURN_STOP_REQUESTED,
        actor=actor,
        workspace_id=turn.workspace_id,
        target=Target("turn", str(turn.id)),
    )
    announce(Announcement.Kind.STOP, turn.conversation, turn_id=turn.id)
