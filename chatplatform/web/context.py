"""What every template knows."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import get_language

from chatplatform.accounts.forms import OWN_NAMES
from chatplatform.accounts.person import person_of
from chatplatform.accounts.workspaces import workspaces_of
from chatplatform.preferences.services import preferences_of
from chatplatform.preferences.shortcuts import SHORTCUTS


def page(request: HttpRequest) -> dict[str, Any]:
    """Person, theme and language of the page; asks the database for the person's workspaces alone, when they show."""
    person = person_of(request)
    return {
        "person": person,
        "workspaces": SimpleLazyObject(lambda: workspaces_of(person.id)) if person else (),
        "theme": person.user.theme if person else "system",
        "language": get_language() or settings.LANGUAGE_CODE,
        "languages": OWN_NAMES,
        "shortcut_data": lambda: _shortcuts(person.id) if person else {},
    }


def _shortcuts(person_id: UUID) -> dict[str, Any]:
    """What the page's keys do, as static/js/shortcuts.js reads it."""
    own = preferences_of(person_id)
    return {
        "on": own.shortcuts_on,
        "items": [
            {"id": each.id, "label": str(each.label), "keys": own.shortcuts[each.id]} for each in SHORTCUTS
        ],
    }
