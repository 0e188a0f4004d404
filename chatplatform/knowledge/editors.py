"""Who passes the doors for changing documents: pages and API ask here first, the services ask again."""

from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext as _

from chatplatform.common.errors import NotAllowed
from chatplatform.knowledge.models import Document
from chatplatform.knowledge.rights import may_edit


def require_editor(person_id: UUID, collection_id: UUID, *, by_role: bool) -> None:
    """Raises NotAllowed for who has neither their role's right (`by_role`) nor a grant for this collection.

    To them a collection that is there and one that is not look alike. Who passes may still be told NotFound.
    """
    if not by_role and not may_edit(person_id, collection_id):
        raise NotAllowed(
            "knowledge.not_allowed",
            _("You may not change the documents of this collection. Ask an administrator."),
        )


def require_editor_of(person_id: UUID, document_id: UUID, *, by_role: bool) -> None:
    """The same for the collection that a document is in."""
    found = Document.objects.filter(id=document_id).values_list("collection_id", flat=True).first()
    # an id of nothing is no collection's
    require_editor(person_id, found or document_id, by_role=by_role)
