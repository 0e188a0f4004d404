"""Who I am here, and what I may do."""

from __future__ import annotations

from uuid import UUID

from ninja import Router, Schema

from chatplatform.accounts.permissions import Permission
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.documentation import answers

router = Router(tags=["Me"])
ACCESS = Access()


class MeOut(Schema):
    """`permissions` is what this call may do: the token's scopes within the role's rights."""

    id: UUID
    email: str
    name: str
    workspace_id: UUID
    role: str
    token_id: UUID | None
    scopes: list[str]
    permissions: list[str]


@router.get("me", response=answers(MeOut), auth=ACCESS, summary="Who am I")
def me(request: ApiRequest) -> MeOut:
    """You, your workspace, and what this token may do. Works with any token."""
    caller = request.caller
    return MeOut(
        id=caller.id,
        email=caller.person.user.email,
        name=caller.person.user.display_name,
        workspace_id=caller.workspace_id,
        role=caller.person.role.value,
        token_id=caller.token_id,
        scopes=sorted(caller.token.scopes) if caller.token else [],
        permissions=sorted(permission for permission in Permission if caller.may(permission)),
    )
