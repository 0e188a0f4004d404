"""What templates know of the console."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.http import HttpRequest

from chatplatform.accounts.person import person_of
from chatplatform.console.navigation import Entry, Section, current_entry, sections_for


class ConsoleMenu:
    """The console as the person of a request finds it; worked out when a template asks, without the database."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @cached_property
    def sections(self) -> list[Section]:
        person = person_of(self._request)
        return sections_for(person) if person else []

    @cached_property
    def current(self) -> Entry | None:
        return current_entry(self.sections, self._request.path)

    @property
    def is_open(self) -> bool:
        """Whether there is any page for this person."""
        return bool(self.sections)


def console(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `console`."""
    return {"console": ConsoleMenu(request)}
