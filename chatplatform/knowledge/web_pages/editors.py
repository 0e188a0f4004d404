"""Who passes the doors for changing sites: pages and API ask here first, the services ask again."""

from __future__ import annotations

from uuid import UUID

from chatplatform.knowledge.editors import require_editor
from chatplatform.knowledge.web_pages.models import WebSite


def require_editor_of(person_id: UUID, site_id: UUID, *, by_role: bool) -> None:
    """Raises NotAllowed, as `require_editor` does for the collection that the site is a source of."""
    found = WebSite.objects.filter(id=site_id).values_list("collection_id", flat=True).first()
    # an id of nothing is no collection's
    require_editor(person_id, found or site_id, by_role=by_role)
