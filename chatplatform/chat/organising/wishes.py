"""What a person types into the search: words, and marks such as `folder:Travel`, in English and in Chinese.

A mark that names nothing is words like any others, so nothing is missed for want of a folder of that name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from django.utils.dateparse import parse_date

from chatplatform.chat.organising import queries
from chatplatform.prompts.queries import assistants
from chatplatform.text_search.folding import folded

_MARK: Final = re.compile(r'(?:(?<=\s)|^)([^\W\d_]+)[:：](?:"([^"]*)"|“([^”]*)”|(\S+))')
_KEYS: Final = {
    "folder": "folder",
    "文件夹": "folder",
    "tag": "tag",
    "标签": "tag",
    "assistant": "assistant",
    "助手": "assistant",
    "is": "is",
    "是": "is",
    "before": "before",
    "早于": "before",
    "after": "after",
    "晚于": "after",
}
_STATES: Final = {
    "pinned": "pinned",
    "置顶": "pinned",
    "archived": "archived",
    "归档": "archived",
    "已归档": "archived",
}


@dataclass(frozen=True, slots=True)
class Filters:
    """Which conversations and messages are looked at; None leaves it open. `until` is excluded."""

    assistant_id: UUID | None = None
    folder_id: UUID | None = None
    tag_id: UUID | None = None
    pinned: bool | None = None
    archived: bool | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def are_of_conversations(self) -> bool:
        wanted = (self.assistant_id, self.folder_id, self.tag_id, self.pinned, self.archived)
        return any(value is not None for value in wanted)

    @property
    def are_open(self) -> bool:
        return not self.are_of_conversations and self.since is None and self.until is None


@dataclass(frozen=True, slots=True)
class Wish:
    """`words` are what is left when the marks are taken out."""

    words: str = field(repr=False)
    filters: Filters


def wish(text: str, filters: Filters, *, person_id: UUID) -> Wish:
    """What this text wishes, beside the filters that were chosen."""
    words: list[str] = []
    at = 0
    for match in _MARK.finditer(text):
        key = _KEYS.get(folded(match.group(1)))
        value = next((group for group in match.groups()[1:] if group is not None), "")
        changed = _with(filters, key, value, person_id) if key else None
        if changed is not None:
            filters = changed
            words.append(text[at : match.start()])
            at = match.end()
    return Wish(" ".join((*words, text[at:])).strip(), filters)


def _with(filters: Filters, key: str, value: str, person_id: UUID) -> Filters | None:
    """The filters with one more; None where the value names nothing."""
    if key == "is":
        state = _STATES.get(folded(value))
        changed: dict[str, Any] = {state: True} if state else {}
        return replace(filters, **changed) if changed else None
    if key in ("before", "after"):
        day = _day(value)
        if day is None:
            return None
        moment = datetime.combine(day, time(), UTC)
        if key == "before":
            return replace(filters, until=moment)
        return replace(filters, since=moment + timedelta(days=1))
    found = _named(value, _NAMES[key](person_id))
    named: dict[str, Any] = {f"{key}_id": found}
    return replace(filters, **named) if found else None


def _day(value: str) -> date | None:
    try:
        return parse_date(value)
    except ValueError:
        return None


def _named(value: str, choices: Iterable[tuple[UUID, str]]) -> UUID | None:
    """The one with this name, or else the first whose name begins so."""
    wanted = folded(value)
    names = [(choice_id, folded(name)) for choice_id, name in choices]
    same = (choice_id for choice_id, name in names if name == wanted)
    similar = (choice_id for choice_id, name in names if wanted and name.startswith(wanted))
    return next(same, None) or next(similar, None)


_NAMES: Final[dict[str, Callable[[UUID], list[tuple[UUID, str]]]]] = {
    "folder": lambda person_id: [(view.id, view.name) for view in queries.folders(person_id)],
    "tag": lambda person_id: [(view.id, view.name) for view in queries.tags(person_id)],
    "assistant": lambda person_id: [(view.id, view.name) for view in assistants(reader_id=person_id)],
}
