"""The documents that wait for an index, as windows of chunks: enough to be embedded well together, and to be lost."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from django.db.models import F, QuerySet

from chatplatform.knowledge.collection_secret import key_of
from chatplatform.knowledge.ingestion.planning import Draft, Plan, plan
from chatplatform.knowledge.models import Document, Index, IndexEntry
from chatplatform.knowledge.problems import Problem
from chatplatform.privacy.errors import ContentErased, ContentUnreadable

logger = logging.getLogger(__name__)

WINDOW: Final = 128
"""Chunks: two requests to the encoder, sorted by length. What a crash loses is two windows."""
MOST_DOCUMENTS: Final = 64
FETCHED: Final = 32
LARGE_CHARS: Final = 100_000
"""A document with more is embedded for a minute or longer."""
ALONE_FROM: Final = 3
MOST_BEGUN: Final = 8
"""So often a document may be begun and not be done, because the process ended each time: then it is the cause."""


@dataclass(slots=True)
class Window:
    """Drafts with the plan that each belongs to, and the plans that are complete with them."""

    drafts: list[tuple[Plan, Draft]] = field(default_factory=list)
    complete: list[Plan] = field(default_factory=list)

    @property
    def plans(self) -> list[Plan]:
        found = {id(plan): plan for plan, _draft in self.drafts} | {id(plan): plan for plan in self.complete}
        return list(found.values())

    @property
    def is_empty(self) -> bool:
        return not self.drafts and not self.complete


Failed = Callable[[IndexEntry, Problem], None]


def open_entries(index: Index) -> QuerySet[IndexEntry]:
    """What waits for the index and could be put into it now."""
    return IndexEntry.objects.filter(
        index=index, state=IndexEntry.State.WAITING, document__state=Document.State.READ
    )


class Windows:
    """All that waits for an index, once. `begun` are the entries that were looked at; `failed` is told of documents
    that cannot be planned."""

    def __init__(self, index: Index, *, failed: Failed, goes_on: Callable[[], bool]) -> None:
        self.begun: set[int] = set()
        self._index = index
        self._failed = failed
        self._goes_on = goes_on
        self._key = key_of(index.collection, "names")

    def __iter__(self) -> Iterator[Window]:
        window = Window()
        for entry in self._entries():
            found = self._planned(entry)
            if found is None:
                continue
            is_alone = entry.attempts >= ALONE_FROM
            if is_alone and not window.is_empty:
                yield window
                window = Window()
            for number, draft in enumerate(found.new, start=1):
                window.drafts.append((found, draft))
                if len(window.drafts) == WINDOW:
                    yield window
                    window = Window()
                    if number < len(found.new) and not self._goes_on():
                        return  # the next job finds what is done, and lets small documents go first
            window.complete.append(found)
            if is_alone or len(window.complete) == MOST_DOCUMENTS:
                yield window
                window = Window()
        if not window.is_empty:
            yield window

    def _entries(self) -> Iterator[IndexEntry]:
        """Small documents before large ones, which would hold them up for long."""
        waiting = open_entries(self._index)
        yield from self._in_order(waiting.filter(document__characters__lt=LARGE_CHARS))
        yield from self._in_order(waiting.filter(document__characters__gte=LARGE_CHARS))

    def _in_order(self, waiting: QuerySet[IndexEntry]) -> Iterator[IndexEntry]:
        last = 0
        while self._goes_on():
            rows = waiting.filter(pk__gt=last).select_related("document", "index__collection")
            fetched = list(rows.order_by("pk")[:FETCHED])
            if not fetched:
                return
            last = fetched[-1].pk
            for entry in fetched:
                if not self._goes_on():
                    return
                self.begun.add(entry.pk)
                if entry.attempts >= MOST_BEGUN:
                    self._failed(entry, Problem.INDEX_FAULT)
                    continue
                # committed before anything is done: a process that dies of the document has counted
                IndexEntry.objects.filter(pk=entry.pk).update(attempts=F("attempts") + 1)
                yield entry

    def _planned(self, entry: IndexEntry) -> Plan | None:
        try:
            return plan(entry, self._key)
        except (ContentErased, ContentUnreadable):
            self._failed(entry, Problem.UNREADABLE)
        except (ValueError, RecursionError, LookupError) as error:
            # no trace: what was looked up in vain may be a word of the document
            logger.error(
                "document %s could not be cut into chunks: %s", entry.document_id, type(error).__name__
            )
            self._failed(entry, Problem.INDEX_FAULT)
        return None
