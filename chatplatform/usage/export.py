"""Usage as CSV, for spreadsheets."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Literal
from uuid import UUID

from chatplatform.usage import queries
from chatplatform.usage.counters import NOBODY

By = Literal["day", "person", "assistant", "model"]

_PAGE = 500
# a spreadsheet takes a cell that begins so for a formula
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Echo:
    """A file that hands each line back."""

    def write(self, line: str) -> str:
        return line


def usage_csv(
    by: By, since: date, until: date, *, assistant_names: Mapping[UUID, str] | None = None
) -> Iterator[str]:
    """The report line by line, with a heading; UTF-8 with a byte order mark, which spreadsheets need for it.

    Give `assistant_names` for reports by assistant. The lines are read while they are taken: keep the workspace
    scope open until the last one. Raises InvalidInput for a bad range when the first line is taken.
    """
    writer = csv.writer(_Echo())
    yield "\ufeff" + writer.writerow([*_HEADINGS[by], "answers", "tokens_read", "tokens_written"])
    for names, use in _rows(by, since, until, assistant_names or {}):
        cells = [*map(_plain, names), use.turns, use.tokens_read, use.tokens_written]
        yield writer.writerow(cells)


_HEADINGS: Mapping[By, list[str]] = {
    "day": ["day"],
    "person": ["person_id", "name", "email"],
    "assistant": ["assistant_id", "name"],
    "model": ["model"],
}


def _rows(
    by: By, since: date, until: date, assistant_names: Mapping[UUID, str]
) -> Iterator[tuple[list[str], queries.Totals]]:
    match by:
        case "day":
            yield from (([use.day.isoformat()], use) for use in queries.by_day(since, until))
        case "model":
            yield from (([use.model], use) for use in queries.by_model(since, until, limit=_PAGE))
        case "assistant":
            for each in queries.by_assistant(since, until, limit=_PAGE):
                name = assistant_names.get(each.subject_id, "") if each.subject_id else ""
                yield [str(each.subject_id or ""), name], each
        case "person":
            after: tuple[int, UUID] | None = None
            while page := queries.by_person(since, until, after=after, limit=_PAGE):
                for use in page:
                    yield [str(use.user_id or ""), use.name, use.email], use
                after = (page[-1].tokens, page[-1].user_id or NOBODY)


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
