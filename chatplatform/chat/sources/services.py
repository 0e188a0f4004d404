"""Keeping the sources of a turn."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from chatplatform.chat.models import Turn
from chatplatform.chat.sources.content import sealed_source
from chatplatform.chat.sources.models import TurnSource
from chatplatform.chat.sources.passages import Kind, Source
from chatplatform.privacy.subjects import Subject


def keep_sources(turn_id: UUID, sources: Sequence[Source], *, kind: Kind | None = None) -> None:
    """Keep what a turn may cite, in the place of what was kept for it before; inside its workspace scope. With a `kind`
    only what was kept of this one gives way: files and documents are kept by whom they come from.

    Raises ValueError for a number that comes twice. A turn that is gone keeps nothing.
    """
    if len({source.number for source in sources}) != len(sources):
        raise ValueError("two sources have the same number")
    with transaction.atomic():
        turn = Turn.objects.select_for_update().filter(id=turn_id).first()
        if turn is None:
            return
        owner = Subject.person(turn.owner_id)
        before = TurnSource.objects.filter(turn=turn)
        (before.filter(kind=kind) if kind is not None else before).delete()
        TurnSource.objects.bulk_create(
            TurnSource(
                workspace_id=turn.workspace_id,
                turn=turn,
                number=source.number,
                kind=source.kind,
                document_id=source.document_id,
                content=sealed_source(owner, turn.id, source),
            )
            for source in sources
        )
