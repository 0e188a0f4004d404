"""Folders, tags, order among conversations, and the search through them."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from ninja import Field, Router, Schema, Status
from pydantic import AwareDatetime

from chatplatform.accounts.permissions import Permission
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.cursors import at_moment, cursor
from chatplatform.api.documentation import CHANGES, READS_BODY, answers, example
from chatplatform.api.schemas import Body, Moment, NextCursor, Text
from chatplatform.chat.organising import folders as folder_services
from chatplatform.chat.organising import limits, queries, services
from chatplatform.chat.organising.search import Hit, search_conversations
from chatplatform.chat.organising.services import Act, Order
from chatplatform.chat.organising.wishes import Filters
from chatplatform.text_search.terms import MOST_CHARS

router = Router(tags=["Order"])
search_router = Router(tags=["Search"])
ACCESS = Access(Permission.CHAT)


class FolderOut(Schema):
    """A folder of yours. `conversations` counts those in it that are not archived."""

    id: UUID
    name: str
    instructions: str
    conversations: int


class FolderList(Schema):
    items: list[FolderOut]


class NewFolder(Body):
    name: Text = Field(..., min_length=1, max_length=limits.NAME_CHARS)
    instructions: Text = Field(
        "",
        max_length=limits.INSTRUCTIONS_CHARS,
        description="What assistants are told in the conversations of this folder.",
    )


class FolderChange(Body):
    """What is left out stays as it is."""

    name: Text | None = Field(None, min_length=1, max_length=limits.NAME_CHARS)
    instructions: Text | None = Field(
        None, max_length=limits.INSTRUCTIONS_CHARS, description="An empty text takes them away."
    )


class TagOut(Schema):
    """A tag of yours. `conversations` counts those marked with it that are not archived."""

    id: UUID
    name: str
    conversations: int


class TagList(Schema):
    items: list[TagOut]


class TagName(Body):
    name: Text = Field(..., min_length=1, max_length=limits.NAME_CHARS)


class OrderIn(Body):
    """One act on one conversation or many. If one of them is not found, nothing is changed."""

    conversation_ids: list[UUID] = Field(..., min_length=1, max_length=limits.CONVERSATIONS_AT_ONCE)
    act: Act
    folder_id: UUID | None = Field(
        None, description="Where `move` puts them; null takes them out of their folder."
    )
    tag_id: UUID | None = Field(None, description="What `tag` and `untag` are about.")


class OrderOut(Schema):
    """`changed` are the conversations that were not so before."""

    changed: list[UUID]


class SearchIn(Body):
    """What to find: words, and phrases in quotation marks; all must be there. `folder:Travel` and the like may be
    written among them. Without a word, `titles` lists the conversations that pass the filters."""

    query: Text = Field("", max_length=MOST_CHARS)
    where: Literal["messages", "titles"] = "messages"
    assistant_id: UUID | None = None
    folder_id: UUID | None = None
    tag_id: UUID | None = None
    pinned: bool | None = None
    archived: bool | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = Field(None, description="Excluded.")
    after: str | None = Field(None, max_length=400, description="The `next` of the page before.")
    limit: int = Field(20, ge=1, le=100, description="How many items at most.")


class PieceOut(Schema):
    text: str
    is_hit: bool


class HitOut(Schema):
    """`pieces`, one after the other, are the place in the text, with what was looked for marked. A title has no
    `message_id`. `is_shown` is false for a message on a branch that the conversation does not show now."""

    conversation_id: UUID
    title: str
    message_id: UUID | None
    role: Literal["user", "assistant"] | None
    is_shown: bool
    at: Moment
    pieces: list[PieceOut]


class HitList(Schema):
    """`is_cut`: the search took too long and stopped before the page was full; go on with `next`. `is_catching_up`:
    conversations from before the last upgrade may still be missing."""

    items: list[HitOut]
    next: NextCursor
    is_cut: bool
    is_catching_up: bool


# ---------------------------------------------------------------- folders


@router.get("folders", response=answers(FolderList), auth=ACCESS, summary="List folders")
def list_folders(request: ApiRequest) -> dict[str, Any]:
    """Your folders, by name."""
    return {"items": queries.folders(request.caller.id)}


@router.post(
    "folders",
    response=answers(FolderOut, status=201, errors=READS_BODY),
    auth=ACCESS,
    summary="Make a folder",
    openapi_extra=example({"name": "Travel", "instructions": "Answer briefly."}),
)
def create_folder(request: ApiRequest, body: NewFolder) -> Status[queries.FolderView]:
    folder = folder_services.create_folder(
        body.name, instructions=body.instructions, actor=request.caller.actor
    )
    return Status(201, queries.folder_view(request.caller.id, folder.id))


@router.get(
    "folders/{uuid:folder_id}",
    response=answers(FolderOut, errors=(404,)),
    auth=ACCESS,
    summary="Get a folder",
)
def get_folder(request: ApiRequest, folder_id: UUID) -> queries.FolderView:
    return queries.folder_view(request.caller.id, folder_id)


@router.patch(
    "folders/{uuid:folder_id}",
    response=answers(FolderOut, errors=CHANGES),
    auth=ACCESS,
    summary="Change a folder",
    openapi_extra=example({"instructions": "Answer briefly."}),
)
def change_folder(request: ApiRequest, folder_id: UUID, body: FolderChange) -> queries.FolderView:
    """Give it another name, other instructions, or both. Instructions hold from the next answer on."""
    folder_services.change_folder(
        folder_id, name=body.name, instructions=body.instructions, actor=request.caller.actor
    )
    return queries.folder_view(request.caller.id, folder_id)


@router.delete(
    "folders/{uuid:folder_id}",
    response=answers(None, status=204, errors=CHANGES),
    auth=ACCESS,
    summary="Delete a folder",
)
def delete_folder(request: ApiRequest, folder_id: UUID) -> Status[None]:
    """Its conversations stay."""
    folder_services.delete_folder(folder_id, actor=request.caller.actor)
    return Status(204, None)


# ---------------------------------------------------------------- tags


@router.get("tags", response=answers(TagList), auth=ACCESS, summary="List tags")
def list_tags(request: ApiRequest) -> dict[str, Any]:
    """Your tags, by name."""
    return {"items": queries.tags(request.caller.id)}


@router.post(
    "tags",
    response=answers(TagOut, status=201, errors=READS_BODY),
    auth=ACCESS,
    summary="Make a tag",
    openapi_extra=example({"name": "work"}),
)
def create_tag(request: ApiRequest, body: TagName) -> Status[queries.TagView]:
    """A tag of this name that is there already is given as it is."""
    tag = folder_services.create_tag(body.name, actor=request.caller.actor)
    return Status(201, queries.tag_view(request.caller.id, tag.id))


@router.patch(
    "tags/{uuid:tag_id}",
    response=answers(TagOut, errors=CHANGES),
    auth=ACCESS,
    summary="Rename a tag",
    openapi_extra=example({"name": "work"}),
)
def rename_tag(request: ApiRequest, tag_id: UUID, body: TagName) -> queries.TagView:
    folder_services.rename_tag(tag_id, body.name, actor=request.caller.actor)
    return queries.tag_view(request.caller.id, tag_id)


@router.delete(
    "tags/{uuid:tag_id}",
    response=answers(None, status=204, errors=CHANGES),
    auth=ACCESS,
    summary="Delete a tag",
)
def delete_tag(request: ApiRequest, tag_id: UUID) -> Status[None]:
    """Takes it from all conversations, which stay."""
    folder_services.delete_tag(tag_id, actor=request.caller.actor)
    return Status(204, None)


# ---------------------------------------------------------------- order and search


@router.post(
    "conversations/order",
    response=answers(OrderOut, errors=CHANGES),
    auth=ACCESS,
    summary="Order conversations",
    openapi_extra=example({"conversation_ids": ["5a6f4a5e-6d7c-4e0a-9a53-0c2f6f1d2b11"], "act": "archive"}),
)
def order_conversations(request: ApiRequest, body: OrderIn) -> OrderOut:
    """Pin, archive, move, tag or delete one conversation or up to 500 at once, and undo it. Deleting is for good."""
    order = Order(body.act, folder_id=body.folder_id, tag_id=body.tag_id)
    changed = services.organise(body.conversation_ids, order, actor=request.caller.actor)
    return OrderOut(changed=list(changed.ids))


@search_router.post(
    "search",
    response=answers(HitList, errors=CHANGES),
    auth=ACCESS,
    summary="Search conversations",
    openapi_extra=example({"query": "tent", "limit": 5}),
)
def search(request: ApiRequest, body: SearchIn) -> HitList:
    """Messages or titles of yours, newest first. By POST, so that what you look for is in no log."""
    filters = Filters(
        assistant_id=body.assistant_id,
        folder_id=body.folder_id,
        tag_id=body.tag_id,
        pinned=body.pinned,
        archived=body.archived,
        since=body.since,
        until=body.until,
    )
    found = search_conversations(
        request.caller.id,
        body.query,
        where=body.where,
        filters=filters,
        limit=body.limit,
        after=at_moment(body.after),
    )
    return HitList(
        items=[_hit(hit) for hit in found.hits],
        next=cursor(*found.after) if found.after else None,
        is_cut=found.is_cut,
        is_catching_up=found.is_catching_up,
    )


def _hit(hit: Hit) -> HitOut:
    return HitOut(
        conversation_id=hit.conversation.id,
        title=hit.conversation.title,
        message_id=hit.message_id,
        role=hit.role,
        is_shown=hit.is_shown,
        at=hit.at,
        pieces=[PieceOut(text=piece.text, is_hit=piece.is_hit) for piece in hit.pieces],
    )
