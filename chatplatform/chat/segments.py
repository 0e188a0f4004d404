"""The text of a running answer, and of the thinking before it, durable before it is shown.

One thread of the process writes for all its turns: whatever has gathered while it was busy goes into one
transaction (group commit), so that the cost of a commit is shared. A segment is written only while the writer's
process holds the turn's lease; the unique sequence number is the second lock.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from time import monotonic
from typing import NamedTuple
from uuid import UUID

from django.db import close_old_connections, connection, transaction
from django.db.models import Max

from chatplatform.chat.models import Segment, Turn
from chatplatform.common import measured
from chatplatform.common.scope import all_workspaces
from chatplatform.privacy.content import decrypt_text, encrypt_text
from chatplatform.privacy.subjects import Subject


class LeaseLost(Exception):
    """Another process runs this turn now: stop, and write nothing more of it."""


@dataclass(frozen=True, slots=True, repr=False)
class _Append:
    turn_id: UUID
    workspace_id: UUID
    owner: Subject
    sequence: int
    text: str
    kind: Segment.Kind
    lease_owner: str
    done: Future[None]


def segment_context(turn_id: UUID, sequence: int) -> str:
    return f"segment:{turn_id}:{sequence}"


class Said(NamedTuple):
    """What is durable of a turn: the answer, the thinking before it, and the last sequence number (0: none)."""

    text: str
    thinking: str
    segment: int


def said_so_far(turn: Turn, owner: Subject, *, after: int = 0) -> Said:
    """What is durable of a turn past segment `after`."""
    segments = Segment.objects.filter(turn=turn, sequence__gt=after)
    last = 0
    texts: list[str] = []
    thoughts: list[str] = []
    for sequence, kind, content in segments.order_by("sequence").values_list("sequence", "kind", "content"):
        piece = decrypt_text(owner, bytes(content), context=segment_context(turn.id, sequence))
        (thoughts if kind == Segment.Kind.THINKING else texts).append(piece)
        last = sequence
    return Said("".join(texts), "".join(thoughts), last)


def joined_text(turn: Turn, owner: Subject) -> tuple[str, int]:
    """The durable text of a turn's answer, and its last sequence number (0 when there is none)."""
    segments = Segment.objects.filter(turn=turn)
    last: int | None = segments.aggregate(last=Max("sequence"))["last"]
    rows = segments.filter(kind=Segment.Kind.ANSWER).order_by("sequence").values_list("sequence", "content")
    text = "".join(
        decrypt_text(owner, bytes(content), context=segment_context(turn.id, sequence))
        for sequence, content in rows
    )
    return text, last or 0


class SegmentWriter:
    """The process's writer thread. `append` returns once the text is committed."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[_Append | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="segment-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Write what is queued, then end."""
        self._queue.put(None)
        self._thread.join(timeout=10)

    async def append(
        self,
        *,
        turn_id: UUID,
        workspace_id: UUID,
        owner: Subject,
        sequence: int,
        text: str,
        kind: Segment.Kind = Segment.Kind.ANSWER,
        lease_owner: str,
    ) -> None:
        """Commit `text` as segment `sequence` of the turn.

        Raises LeaseLost when the turn is somebody else's now, and database errors as they come.
        """
        done: Future[None] = Future()
        self._queue.put(_Append(turn_id, workspace_id, owner, sequence, text, kind, lease_owner, done))
        await asyncio.wrap_future(done)

    def _run(self) -> None:
        stopping = False
        while not stopping:
            batch: list[_Append] = []
            item: _Append | None = self._queue.get()
            while True:
                if item is None:
                    stopping = True
                else:
                    batch.append(item)
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    break
            if batch:
                close_old_connections()
                self._commit(batch)
        connection.close()

    def _commit(self, batch: list[_Append]) -> None:
        began = monotonic()
        try:
            held = _write(batch)
            measured.SEGMENT_COMMIT_SECONDS.observe(monotonic() - began)
        except Exception as error:  # noqa: BLE001 - every waiting turn must hear of it
            if len(batch) > 1:
                for item in batch:  # one turn's trouble is not its neighbours'
                    self._commit([item])
            else:
                batch[0].done.set_exception(error)
            return
        for item in batch:
            if item.turn_id in held:
                item.done.set_result(None)
            else:
                item.done.set_exception(LeaseLost())


def _write(batch: Iterable[_Append]) -> set[UUID]:
    """One transaction for the whole batch; gives the turns whose lease still holds (the others' are left out)."""
    items = list(batch)
    owners = {item.turn_id: item.lease_owner for item in items}
    with all_workspaces("one writer serves every turn of the process"), transaction.atomic():
        leases = Turn.objects.select_for_update().filter(id__in=owners, state__in=Turn.UNFINISHED)
        held = {
            turn_id for turn_id, owner in leases.values_list("id", "lease_owner") if owners[turn_id] == owner
        }
        Segment.objects.bulk_create(
            [
                Segment(
                    workspace_id=item.workspace_id,
                    turn_id=item.turn_id,
                    sequence=item.sequence,
                    kind=item.kind,
                    content=encrypt_text(
                        item.owner, item.text, context=segment_context(item.turn_id, item.sequence)
                    ),
                )
                for item in items
                if item.turn_id in held
            ]
        )
    return held
