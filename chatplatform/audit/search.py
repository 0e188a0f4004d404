"""Finding events in a log of any length: every page takes about the same time, whatever the filter.

No count and no offset. One condition alone is answered by an index that has the ids in order. Of several, one
that is rare is answered first and the others are asked of its few events; when none is rare, a window of the
newest ids is looked through, and the page says how far it came.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from chatplatform.audit.catalogue import catalogue
from chatplatform.audit.models import AuditEvent

RARE = 2000
WINDOW = 50_000
# ids follow the clock but for transactions that overlap; none lasts nearly so long
OVERLAP = timedelta(minutes=10)

Events = QuerySet[AuditEvent]


class Search:
    """What is looked for in one workspace (none: in what belongs to no workspace)."""

    def __init__(
        self,
        workspace_id: UUID | None,
        *,
        code: str | None,
        conditions: list[Q],
        bounds: Q,
    ) -> None:
        self._all = AuditEvent.objects.filter(bounds, workspace_id=workspace_id)
        self._codes = codes_of(code) if code else None
        self._conditions = conditions

    def newest_ids(self, *, before: int | None, limit: int) -> tuple[list[int], int | None]:
        """The newest matching ids, and below which id to look on: None when there is nothing older."""
        rows = self._all if before is None else self._all.filter(id__lt=before)
        if len(self._conditions) + (self._codes is not None) < 2:
            return self._page(_newest(self._among(rows), self._codes, limit + 1), limit)
        rare = self._rare_ids(rows)
        if rare is not None:
            found = self._among(rows, with_codes=True).filter(id__in=rare).order_by("-id")
            return self._page(list(found.values_list("id", flat=True)[: limit + 1]), limit)
        return self._window(rows, limit)

    def _page(self, ids: list[int], limit: int) -> tuple[list[int], int | None]:
        return ids[:limit], ids[limit - 1] if len(ids) > limit else None

    def _among(self, rows: Events, *, with_codes: bool = False) -> Events:
        for condition in self._conditions:
            rows = rows.filter(condition)
        if with_codes and self._codes is not None:
            rows = rows.filter(code__in=self._codes)
        return rows

    def _rare_ids(self, rows: Events) -> list[int] | None:
        """The ids of all events that fulfil one of the conditions, if one is rare."""
        for condition in self._conditions:
            ids = _newest(rows.filter(condition), None, RARE + 1)
            if len(ids) <= RARE:
                return ids
        ids = _newest(rows, self._codes, RARE + 1) if self._codes is not None else []
        return ids if self._codes is not None and len(ids) <= RARE else None

    def _window(self, rows: Events, limit: int) -> tuple[list[int], int | None]:
        newest = rows.order_by("-id").values_list("id", flat=True).first()
        if newest is None:
            return [], None
        end = newest - WINDOW
        found = self._among(rows.filter(id__gt=end), with_codes=True).order_by("-id")
        ids, further = self._page(list(found.values_list("id", flat=True)[: limit + 1]), limit)
        if further is None and rows.filter(id__lte=end).order_by("-id").values_list("id").first():
            further = end + 1
        return ids, further


def codes_of(group: str) -> list[str]:
    """A code itself, and the declared ones that begin with it and a dot."""
    return [group, *(event.code for event in catalogue() if event.code.startswith(f"{group}."))]


def _newest(rows: Events, codes: list[str] | None, limit: int) -> list[int]:
    """One question for each code, since no index has the ids of several codes in order."""
    if codes is None:
        return list(rows.order_by("-id").values_list("id", flat=True)[:limit])
    found: list[int] = []
    for code in codes:
        found += rows.filter(code=code).order_by("-id").values_list("id", flat=True)[:limit]
    return sorted(found, reverse=True)[:limit]
