"""What to call people beside their ids, for those who may see the members of the workspace."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Q

from chatplatform.accounts.models import Membership


def names_of(person_ids: Iterable[str], workspace_id: UUID) -> dict[str, str]:
    """Names (else e-mail addresses) of those who have a place in the workspace, by id as text.

    What is no person's id is left out, and so is whoever is not, or no longer, of this workspace.
    """
    wanted = {found for text in person_ids if (found := _uuid(text)) is not None}
    if not wanted:
        return {}
    rows = Membership.objects.filter(workspace_id=workspace_id, user_id__in=wanted)
    return {
        str(user_id): name or email
        for user_id, name, email in rows.values_list("user_id", "user__display_name", "user__email")
    }


def people_named(words: str, workspace_id: UUID, *, limit: int = 20) -> list[UUID]:
    """Ids of members whose name or e-mail address contains `words`."""
    called = Q(user__display_name__icontains=words) | Q(user__email__icontains=words)
    rows = Membership.objects.filter(called, workspace_id=workspace_id).order_by("user__email")
    return list(rows.values_list("user_id", flat=True)[:limit])


def places_of(person_ids: Iterable[UUID], workspace_id: UUID) -> dict[UUID, UUID]:
    """The membership ids of those who have a place in the workspace, by person."""
    rows = Membership.objects.filter(workspace_id=workspace_id, user_id__in=list(person_ids))
    return dict(rows.values_list("user_id", "public_id"))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
