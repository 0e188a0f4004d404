"""The filter of the audit page, as it stands in the address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _

from chatplatform.accounts.names import people_named
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import Person
from chatplatform.audit.catalogue import catalogue
from chatplatform.audit.queries import EventFilter

OUTCOMES = ("ok", "refused", "failed")
WORD_CHARS = 100
# of an address that asks for nobody: ids are never empty
NOBODY = "-"


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """What was typed (`words`), what it means (`matching`), and what could not be understood (`problems`)."""

    words: Mapping[str, str]
    matching: EventFilter
    problems: Mapping[str, str]

    @property
    def is_filtered(self) -> bool:
        return any(self.words.values())

    def address(self, **more: str) -> str:
        given = {**self.words, **more}
        return "?" + urlencode({name: value for name, value in given.items() if value})


def parse_filter(given: Mapping[str, str], person: Person) -> AuditQuery:
    """Understand `?code=&outcome=&actor=&target=&from=&to=`. What is not understood is named, and not applied."""
    names = ("code", "outcome", "actor", "target", "from", "to")
    words = {name: _word(given.get(name, "")) for name in names}
    problems: dict[str, str] = {}
    if words["outcome"] not in OUTCOMES:
        words["outcome"] = ""
    if words["code"] and words["code"] not in _known_codes():
        words["code"] = ""
    since, until = _day(words, "from", problems), _day(words, "to", problems)
    matching = EventFilter(
        code=words["code"] or None,
        outcome=words["outcome"] or None,
        actor_id=_person_or_id(words, "actor", person, problems),
        target_id=_person_or_id(words, "target", person, problems),
        since=since,
        until=until + timedelta(days=1) if until else None,
    )
    return AuditQuery(words, matching, problems)


def code_groups() -> list[tuple[str, list[tuple[str, str]]]]:
    """The catalogue for a select: each area with its codes and what they say."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for event in catalogue():
        groups.setdefault(event.code.partition(".")[0], []).append((event.code, str(event.summary)))
    return sorted(groups.items())


def _known_codes() -> set[str]:
    """Codes, and all their beginnings up to a dot."""
    known = set()
    for event in catalogue():
        parts = event.code.split(".")
        known |= {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
    return known


def _word(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable()).strip()[:WORD_CHARS]


def _day(words: Mapping[str, str], name: str, problems: dict[str, str]) -> datetime | None:
    if not words[name]:
        return None
    try:
        day = parse_date(words[name])
    except ValueError:
        day = None
    if day is None or not 1 < day.year < 9999:
        problems[name] = _("Write the day like 2026-01-31.")
        return None
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _person_or_id(
    words: Mapping[str, str], name: str, person: Person, problems: dict[str, str]
) -> str | None:
    """An id as it is; else the one member with this name or address, for those who may see members."""
    word = words[name]
    if not word:
        return None
    if _is_id(word) or not person.may(Permission.MEMBERS_READ):
        return word
    found = people_named(word, person.workspace_id, limit=2)
    if len(found) == 1:
        return str(found[0])
    if found:
        problems[name] = _("Several people are called that. Write more of the name, or the e-mail address.")
        return NOBODY
    return word  # ids of other things: they have many forms


def _is_id(word: str) -> bool:
    if ":" in word:
        return True
    try:
        UUID(word)
    except ValueError:
        return False
    return True
