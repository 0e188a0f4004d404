"""Names beside ids on the console's pages."""

from __future__ import annotations

from collections.abc import Iterable

from chatplatform.accounts.names import names_of
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import Person


def names_for(person: Person, ids: Iterable[str]) -> dict[str, str]:
    """Names of members by id, as far as `person` may see members; nothing for others."""
    if not person.may(Permission.MEMBERS_READ):
        return {}
    return names_of(ids, person.workspace_id)
