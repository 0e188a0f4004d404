"""Who may change documents over the API: by the role's right or by a grant, and a token only with the scope for it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest

from chatplatform.accounts.api_tokens import Scope
from chatplatform.accounts.permissions import Permission
from chatplatform.api.callers import Access, ApiRequest, Caller
from chatplatform.api.errors import Unauthorized
from chatplatform.knowledge import editors
from chatplatform.knowledge.web_pages.editors import require_editor_of as require_editor_of_its_site


class EditorAccess(Access):
    """For routes that change documents. A grant needs no right of the role, so the route itself asks `may_edit`."""

    def __init__(self) -> None:
        super().__init__(Permission.KNOWLEDGE_EDIT)

    def __call__(self, request: HttpRequest) -> Any:
        caller: Caller | None = getattr(request, "caller", None)
        if caller is None:
            raise Unauthorized
        if caller.token is not None and Scope.KNOWLEDGE_WRITE not in caller.token.scopes:
            return super().__call__(request)
        return caller


def require_editor(request: ApiRequest, collection_id: UUID) -> None:
    """Raises NotAllowed."""
    by_role = request.caller.may(Permission.KNOWLEDGE_EDIT)
    editors.require_editor(request.caller.id, collection_id, by_role=by_role)


def require_editor_of(request: ApiRequest, document_id: UUID) -> None:
    """Raises NotAllowed."""
    by_role = request.caller.may(Permission.KNOWLEDGE_EDIT)
    editors.require_editor_of(request.caller.id, document_id, by_role=by_role)


def require_editor_of_site(request: ApiRequest, site_id: UUID) -> None:
    """Raises NotAllowed."""
    by_role = request.caller.may(Permission.KNOWLEDGE_EDIT)
    require_editor_of_its_site(request.caller.id, site_id, by_role=by_role)
