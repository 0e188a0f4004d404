"""Members of the workspace, invitations, groups."""

from __future__ import annotations

from typing import Any, Literal, cast
from uuid import UUID

from ninja import Field, Query, Router, Schema, Status

from chatplatform.accounts import groups as group_services
from chatplatform.accounts import invitations, queries
from chatplatform.accounts import members as services
from chatplatform.accounts.models import Role
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.queries import GroupView, MemberView
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.cursors import InvalidCursor, at_text, cursor
from chatplatform.api.documentation import CHANGES, FINDS, answers, example
from chatplatform.api.schemas import Body, Moment, NextCursor, Page, Text

router = Router(tags=["Members"])
group_router = Router(tags=["Groups"])
READ = Access(Permission.MEMBERS_READ)
MANAGE = Access(Permission.MEMBERS_MANAGE)
MANAGE_GROUPS = Access(Permission.GROUPS_MANAGE)

RoleName = Literal["owner", "administrator", "prompt_editor", "support_agent", "member"]


class MemberOut(Schema):
    """A member. `id` is of the membership; `groups` are names; `last_seen_at` is exact to ten minutes."""

    id: UUID
    user_id: UUID
    name: str
    email: str
    role: RoleName
    suspended_at: Moment | None
    last_seen_at: Moment | None
    groups: list[str]


class MemberList(Schema):
    items: list[MemberOut]
    next: NextCursor


class MemberFilter(Page):
    search: Text = Field("", max_length=200, description="Part of a name or an address.")
    role: RoleName | None = None
    group_id: UUID | None = None
    suspended: bool | None = None


class RoleIn(Body):
    role: RoleName


class InvitationOut(Schema):
    """`email` is empty for an invitation that whoever holds the link may accept, once."""

    id: UUID
    email: str
    role: RoleName
    groups: list[str]
    created_at: Moment
    expires_at: Moment


class InvitationList(Schema):
    items: list[InvitationOut]


class InvitedOut(Schema):
    """`url` is for the invited person alone."""

    id: UUID
    url: str


class NewInvitation(Body):
    email: Text = Field("", max_length=254, description="Empty: whoever holds the link, once.")
    role: RoleName = "member"
    group_ids: list[UUID] = Field(default=[], max_length=100)
    expires_in_s: int = Field(invitations.DEFAULT_TTL_S, ge=60, le=invitations.LONGEST_TTL_S)


class GroupOut(Schema):
    id: UUID
    name: str
    description: str
    external_name: str
    members: int


class GroupList(Schema):
    items: list[GroupOut]


class GroupIn(Body):
    """`external_name` is what the identity provider calls the group."""

    name: Text = Field(..., min_length=1, max_length=100)
    description: Text = Field("", max_length=300)
    external_name: Text = Field("", max_length=255)


class GroupMembers(Body):
    member_ids: list[UUID] = Field(..., max_length=10_000)


@router.get("members", response=answers(MemberList), auth=READ, summary="List members")
def list_members(request: ApiRequest, wanted: Query[MemberFilter]) -> dict[str, Any]:
    """Members by address."""
    found = queries.members(
        search=wanted.search,
        after=_id(wanted.after),
        limit=wanted.limit + 1,
        role=Role(wanted.role) if wanted.role else None,
        group_id=wanted.group_id,
        suspended=wanted.suspended,
    )
    shown = found[: wanted.limit]
    more = cursor(shown[-1].membership_id) if len(found) > len(shown) else None
    return {"items": [_member(view) for view in shown], "next": more}


@router.get(
    "members/{uuid:member_id}", response=answers(MemberOut, errors=FINDS), auth=READ, summary="Get a member"
)
def get_member(request: ApiRequest, member_id: UUID) -> MemberOut:
    return _member(queries.member(member_id))


@router.put(
    "members/{uuid:member_id}/role",
    response=answers(MemberOut, errors=CHANGES),
    auth=MANAGE,
    summary="Change a role",
    openapi_extra=example({"role": "prompt_editor"}),
)
def change_role(request: ApiRequest, member_id: UUID, body: RoleIn) -> MemberOut:
    """A workspace keeps an owner, and nobody gives more than they have."""
    services.change_role(member_id, Role(body.role), actor=request.caller.actor)
    return _member(queries.member(member_id))


@router.post(
    "members/{uuid:member_id}/suspend",
    response=answers(MemberOut, errors=CHANGES),
    auth=MANAGE,
    summary="Suspend a member",
)
def suspend(request: ApiRequest, member_id: UUID) -> MemberOut:
    """Ends their sessions, sockets, streams and tokens within two seconds. What they have stays."""
    services.suspend(member_id, actor=request.caller.actor)
    return _member(queries.member(member_id))


@router.post(
    "members/{uuid:member_id}/reinstate",
    response=answers(MemberOut, errors=CHANGES),
    auth=MANAGE,
    summary="Reinstate a member",
)
def reinstate(request: ApiRequest, member_id: UUID) -> MemberOut:
    services.reinstate(member_id, actor=request.caller.actor)
    return _member(queries.member(member_id))


@router.delete(
    "members/{uuid:member_id}",
    response=answers(None, status=204, errors=CHANGES),
    auth=MANAGE,
    summary="Remove a member",
)
def remove_member(request: ApiRequest, member_id: UUID) -> Status[None]:
    """Ends the membership, its places in groups and its tokens."""
    services.remove_member(member_id, actor=request.caller.actor)
    return Status(204, None)


@router.get("invitations", response=answers(InvitationList), auth=READ, summary="List open invitations")
def list_invitations(request: ApiRequest) -> dict[str, Any]:
    return {
        "items": [
            InvitationOut(
                id=view.id,
                email=view.email,
                role=cast(RoleName, view.role.value),
                groups=list(view.groups),
                created_at=view.created_at,
                expires_at=view.expires_at,
            )
            for view in queries.open_invitations()
        ]
    }


@router.post(
    "invitations",
    response=answers(InvitedOut, status=201, errors=CHANGES),
    auth=MANAGE,
    summary="Invite somebody",
    openapi_extra=example({"email": "kim@example.org", "role": "member"}),
)
def invite(request: ApiRequest, body: NewInvitation) -> Status[InvitedOut]:
    """Gives a link that works once. With an address, only for that person; it is mailed where mail is set up."""
    made = invitations.invite(
        email=body.email,
        role=Role(body.role),
        group_ids=body.group_ids,
        expires_in_s=body.expires_in_s,
        actor=request.caller.actor,
    )
    return Status(201, InvitedOut(id=made.invitation_id, url=made.url))


@router.delete(
    "invitations/{uuid:invitation_id}",
    response=answers(None, status=204, errors=CHANGES),
    auth=MANAGE,
    summary="Take an invitation back",
)
def revoke_invitation(request: ApiRequest, invitation_id: UUID) -> Status[None]:
    invitations.revoke_invitation(invitation_id, actor=request.caller.actor)
    return Status(204, None)


@group_router.get("groups", response=answers(GroupList), auth=READ, summary="List groups")
def list_groups(request: ApiRequest) -> dict[str, Any]:
    return {"items": [_group(view) for view in queries.groups()]}


@group_router.post(
    "groups",
    response=answers(GroupOut, status=201, errors=CHANGES),
    auth=MANAGE_GROUPS,
    summary="Make a group",
    openapi_extra=example({"name": "Support"}),
)
def create_group(request: ApiRequest, body: GroupIn) -> Status[GroupOut]:
    made = group_services.create_group(
        body.name, body.description, body.external_name, actor=request.caller.actor
    )
    return Status(201, _group(queries.group(made.id)))


@group_router.get(
    "groups/{uuid:group_id}", response=answers(GroupOut, errors=FINDS), auth=READ, summary="Get a group"
)
def get_group(request: ApiRequest, group_id: UUID) -> GroupOut:
    return _group(queries.group(group_id))


@group_router.put(
    "groups/{uuid:group_id}",
    response=answers(GroupOut, errors=CHANGES),
    auth=MANAGE_GROUPS,
    summary="Change a group",
    openapi_extra=example({"name": "Support"}),
)
def change_group(request: ApiRequest, group_id: UUID, body: GroupIn) -> GroupOut:
    group_services.change_group(
        group_id,
        name=body.name,
        description=body.description,
        external_name=body.external_name,
        actor=request.caller.actor,
    )
    return _group(queries.group(group_id))


@group_router.put(
    "groups/{uuid:group_id}/members",
    response=answers(GroupOut, errors=CHANGES),
    auth=MANAGE_GROUPS,
    summary="Set the members of a group",
    openapi_extra=example({"member_ids": []}),
)
def set_members(request: ApiRequest, group_id: UUID, body: GroupMembers) -> GroupOut:
    """Makes exactly these the group's members; one unknown id, and nothing changes."""
    group_services.set_members(group_id, body.member_ids, actor=request.caller.actor)
    return _group(queries.group(group_id))


@group_router.delete(
    "groups/{uuid:group_id}",
    response=answers(None, status=204, errors=CHANGES),
    auth=MANAGE_GROUPS,
    summary="Delete a group",
)
def delete_group(request: ApiRequest, group_id: UUID) -> Status[None]:
    """Its people stay members of the workspace."""
    group_services.delete_group(group_id, actor=request.caller.actor)
    return Status(204, None)


def _id(after: str | None) -> UUID | None:
    text = at_text(after)
    try:
        return UUID(text) if text else None
    except ValueError:
        raise InvalidCursor from None


def _member(view: MemberView) -> MemberOut:
    return MemberOut(
        id=view.membership_id,
        user_id=view.user_id,
        name=view.name,
        email=view.email,
        role=cast(RoleName, view.role.value),
        suspended_at=view.suspended_at,
        last_seen_at=view.last_seen_at,
        groups=list(view.groups),
    )


def _group(view: GroupView) -> GroupOut:
    return GroupOut(
        id=view.id,
        name=view.name,
        description=view.description,
        external_name=view.external_name,
        members=view.members,
    )
