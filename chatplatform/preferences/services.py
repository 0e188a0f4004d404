"""Reading and changing one's own preferences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import InvalidInput
from chatplatform.preferences import audit_events as events
from chatplatform.preferences.models import ChatPreferences
from chatplatform.preferences.shortcuts import BY_ID, SHORTCUTS, TAKEN, parse_keys, shown_keys


@dataclass(frozen=True, slots=True)
class Preferences:
    """`shortcuts` has the keys of every action, empty for none."""

    shortcuts: Mapping[str, str]
    shortcuts_on: bool = True
    notify: bool = False


def preferences_of(person_id: UUID) -> Preferences:
    row = ChatPreferences.objects.filter(user_id=person_id).first()
    own = row.shortcuts if row else {}
    keys = {shortcut.id: str(own.get(shortcut.id, shortcut.keys)) for shortcut in SHORTCUTS}
    return Preferences(keys, row.shortcuts_on, row.notify) if row else Preferences(keys)


def change_preferences(wanted: Preferences, *, workspace_id: UUID | None, actor: Actor) -> Preferences:
    """Keep all of them for the actor; actions that are not named keep their default keys.

    Raises InvalidInput for an action that there is not, for what are no keys, and for keys that two actions have.
    """
    keys = _checked(wanted.shortcuts)
    person_id = UUID(actor.id)
    before = preferences_of(person_id)
    after = Preferences(keys, wanted.shortcuts_on, wanted.notify)
    changed = [name for name in Preferences.__slots__ if getattr(before, name) != getattr(after, name)]
    if not changed:
        return before
    own = {name: value for name, value in keys.items() if value != BY_ID[name].keys}
    with transaction.atomic():
        ChatPreferences.objects.update_or_create(
            user_id=person_id,
            defaults={
                "shortcuts": own,
                "shortcuts_on": after.shortcuts_on,
                "notify": after.notify,
                "changed_at": now(),
            },
        )
        record(
            events.PREFERENCES_CHANGED,
            actor=actor,
            workspace_id=workspace_id,
            target=Target("person", actor.id),
            details={"changed": ",".join(changed)},
        )
    return after


def warnings_for(keys: Mapping[str, str]) -> dict[str, str]:
    """What is unwise about some of these keys, by action: the browser's own, or a bare letter."""
    return {
        name: _("Browsers and text fields use these keys themselves: they may not reach the page.")
        for name, value in keys.items()
        if value in TAKEN
    }


def _checked(given: Mapping[str, str]) -> dict[str, str]:
    unknown = set(given) - set(BY_ID)
    if unknown:
        raise InvalidInput("preferences.no_such_action", _("There is no such action: reload the page."))
    keys: dict[str, str] = {}
    for shortcut in SHORTCUTS:
        parsed = parse_keys(given[shortcut.id]) if shortcut.id in given else shortcut.keys
        if parsed is None:
            raise InvalidInput(
                "preferences.bad_keys",
                _("“%(action)s”: write keys like Ctrl+Shift+K, or leave it empty.")
                % {"action": shortcut.label},
            )
        keys[shortcut.id] = parsed
    taken: dict[str, str] = {}
    for name, value in keys.items():
        if value and value in taken:
            raise InvalidInput(
                "preferences.same_keys",
                _("“%(one)s” and “%(other)s” have the same keys, %(keys)s. Choose others for one of them.")
                % {"one": BY_ID[taken[value]].label, "other": BY_ID[name].label, "keys": shown_keys(value)},
            )
        taken[value] = name
    return keys
