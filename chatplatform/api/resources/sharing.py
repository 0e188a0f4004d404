"""Links to conversations: one's own, and what those may do who answer for the workspace."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from ninja import Field, Query, Router, Schema, Status

from chatplatform.accounts.permissions import Permission
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.cursors import at_moment, cursor
from chatplatform.api.documentation import CHANGES, FINDS, READS_BODY, answers, example
from chatplatform.api.schemas import Body, Moment, NextCursor, Page
from chatplatform.sharing import queries, shares
from chatplatform.sharing.limits import EXPIRY_DAYS, USUAL_EXPIRY_DAYS
from chatplatform.sharing.models import Audience
from chatplatform.sharing.policy import Policy, set_policy, sharing_policy

router = Router(tags=["Sharing"])
ACCESS = Access(Permission.CHAT)
MANAGES = Access(Permission.SHARING_MANAGE)
DAYS = ", ".join(str(days) for days in EXPIRY_DAYS)


class LinkOut(Schema):
    """An open link of yours. `opened` counts how often others opened it; `snapshot_at` is when it was last brought up
    to date."""

    id: UUID
    conversation_id: UUID
    title: str
    url: str
    audience: Audience
    shows_name: bool
    messages: int
    opened: int
    created_at: Moment
    snapshot_at: Moment
    expires_at: Moment


class LinkList(Schema):
    items: list[LinkOut]


class NewLink(Body):
    """For whom and for how long."""

    audience: Audience = Field(..., description="`workspace`: members alone. `public`: anyone with the link.")
    days: int = Field(
        USUAL_EXPIRY_DAYS, description=f"How long it lives: {DAYS}, as far as the policy permits."
    )
    shows_name: bool = Field(False, description="Show your name on the page.")


class LinkChange(Body):
    """What is left out stays as it is; the snapshot is always taken anew."""

    days: int | None = Field(None, description=f"How long it lives from now on: {DAYS}.")
    shows_name: bool | None = Field(None, description="Show your name on the page.")


class PolicyOut(Schema):
    """Which links members may make. What is not permitted any more has ended for good."""

    workspace_links: bool
    public_links: bool
    longest_days: int


class NewPolicy(Body):
    workspace_links: bool
    public_links: bool
    longest_days: int = Field(EXPIRY_DAYS[-1], description=f"One of {DAYS}.")


class WorkspaceLinkOut(Schema):
    """An open link of somebody: neither what it shows nor where."""

    id: UUID
    owner_id: UUID
    audience: Audience
    messages: int
    created_at: Moment
    snapshot_at: Moment
    expires_at: Moment


class WorkspaceLinkList(Schema):
    items: list[WorkspaceLinkOut]
    next: NextCursor


@router.get("links", response=answers(LinkList), auth=ACCESS, summary="List your links")
def list_links(request: ApiRequest) -> dict[str, Any]:
    """Your open links, newest first."""
    return {"items": [_out(link) for link in queries.own_links(request.caller.id)]}


@router.post(
    "conversations/{uuid:conversation_id}/links",
    response=answers(LinkOut, status=201, errors=CHANGES),
    auth=ACCESS,
    summary="Share a conversation by link",
    openapi_extra=example({"audience": "workspace", "days": 30}),
)
def make_link(request: ApiRequest, conversation_id: UUID, body: NewLink) -> Status[LinkOut]:
    """A link to the branch that the conversation shows now; what is said later is not shown until you update it."""
    made = shares.make_share(
        conversation_id,
        shares.Wish(body.audience, body.days, body.shows_name),
        actor=request.caller.actor,
    )
    return Status(201, _out(queries.own_link(request.caller.id, made.id)))


@router.get(
    "links/{uuid:link_id}", response=answers(LinkOut, errors=FINDS), auth=ACCESS, summary="Get a link"
)
def get_link(request: ApiRequest, link_id: UUID) -> LinkOut:
    return _out(queries.own_link(request.caller.id, link_id))


@router.patch(
    "links/{uuid:link_id}",
    response=answers(LinkOut, errors=CHANGES),
    auth=ACCESS,
    summary="Bring a link up to date",
    openapi_extra=example({"days": 30}),
)
def update_link(request: ApiRequest, link_id: UUID, body: LinkChange) -> LinkOut:
    """The same link shows what the conversation shows now."""
    shares.update_share(link_id, days=body.days, shows_name=body.shows_name, actor=request.caller.actor)
    return _out(queries.own_link(request.caller.id, link_id))


@router.delete(
    "links/{uuid:link_id}",
    response=answers(None, status=204, errors=CHANGES),
    auth=ACCESS,
    summary="Revoke a link",
)
def revoke_link(request: ApiRequest, link_id: UUID) -> Status[None]:
    """It opens nothing from now on, and what it showed is destroyed."""
    shares.revoke_share(link_id, actor=request.caller.actor)
    return Status(204, None)


@router.get("sharing/policy", response=answers(PolicyOut), auth=ACCESS, summary="What may be shared")
def get_policy(request: ApiRequest) -> PolicyOut:
    return _policy(sharing_policy())


@router.put(
    "sharing/policy",
    response=answers(PolicyOut, errors=READS_BODY),
    auth=MANAGES,
    summary="Decide what may be shared",
    openapi_extra=example({"workspace_links": True, "public_links": False, "longest_days": 90}),
)
def put_policy(request: ApiRequest, body: NewPolicy) -> PolicyOut:
    """A kind of link that is not permitted any more ends for everybody, for good."""
    set_policy(Policy(body.workspace_links, body.public_links, body.longest_days), actor=request.caller.actor)
    return _policy(sharing_policy())


@router.get(
    "sharing/links", response=answers(WorkspaceLinkList), auth=MANAGES, summary="List everybody's links"
)
def list_workspace_links(request: ApiRequest, page: Query[Page]) -> dict[str, Any]:
    """The open links of the workspace, newest first."""
    found = queries.links_of_workspace(after=at_moment(page.after), limit=page.limit + 1)
    shown = found[: page.limit]
    more = cursor(shown[-1].created_at, shown[-1].id) if len(found) > len(shown) else None
    return {"items": [_of_workspace(link) for link in shown], "next": more}


@router.delete(
    "sharing/links/{uuid:link_id}",
    response=answers(None, status=204, errors=CHANGES),
    auth=MANAGES,
    summary="Revoke anybody's link",
)
def revoke_workspace_link(request: ApiRequest, link_id: UUID) -> Status[None]:
    shares.revoke_share_of_workspace(link_id, actor=request.caller.actor)
    return Status(204, None)


def _out(link: queries.OwnLink) -> LinkOut:
    return LinkOut(
        id=link.id,
        conversation_id=link.conversation_id,
        title=link.title,
        url=f"{settings.PUBLIC_URL}{link.path}",
        audience=link.audience,
        shows_name=link.shows_name,
        messages=link.messages,
        opened=link.opened,
        created_at=link.created_at,
        snapshot_at=link.snapshot_at,
        expires_at=link.expires_at,
    )


def _of_workspace(link: queries.LinkOfWorkspace) -> WorkspaceLinkOut:
    return WorkspaceLinkOut(
        id=link.id,
        owner_id=link.owner_id,
        audience=link.audience,
        messages=link.messages,
        created_at=link.created_at,
        snapshot_at=link.snapshot_at,
        expires_at=link.expires_at,
    )


def _policy(policy: Policy) -> PolicyOut:
    return PolicyOut(
        workspace_links=policy.workspace_links,
        public_links=policy.public_links,
        longest_days=policy.longest_days,
    )
