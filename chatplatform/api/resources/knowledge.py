"""Collections: what is searched, who may search it, and which assistants answer from it."""

from __future__ import annotations

from typing import Any, Literal, cast
from uuid import UUID

from ninja import Field, Router, Schema, Status

from chatplatform.accounts.permissions import Permission
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.documentation import CHANGES, FINDS, READS_BODY, answers, example
from chatplatform.api.schemas import Body, Moment, Text
from chatplatform.knowledge import collections as services
from chatplatform.knowledge import queries
from chatplatform.knowledge.collections import Grant
from chatplatform.knowledge.queries import CollectionView
from chatplatform.prompts.assistant_details import assistant_details

router = Router(tags=["Knowledge"])
READ = Access(Permission.KNOWLEDGE_READ)
MANAGE = Access(Permission.KNOWLEDGE_MANAGE)
MANAGE_ASSISTANTS = Access(Permission.ASSISTANTS_MANAGE)

AccessWord = Literal["everybody", "chosen"]
Level = Literal["search", "edit"]
Use = Literal["help", "only"]
RoleName = Literal["owner", "administrator", "prompt_editor", "support_agent", "member"]
COLLECTION = "knowledge/collections/{uuid:collection_id}"


class StatesOut(Schema):
    """How many documents are in each state."""

    waiting: int = 0
    reading: int = 0
    indexing: int = 0
    ready: int = 0
    failed: int = 0


class CollectionOut(Schema):
    """Documents that are searched together. `access` says who may search: everybody of the workspace, or those with a
    grant. `size` is in bytes, `chunks` are the passages that can be found."""

    id: UUID
    name: str
    description: str
    access: AccessWord
    may_search: bool
    may_edit: bool
    may_manage: bool
    documents: int
    states: StatesOut
    size: int
    chunks: int
    assistants: list[str] = Field(..., description="Names of the assistants that answer from it.")
    encoder: str = Field(..., description="The embedding model; empty until the first document.")
    created_at: Moment


class CollectionList(Schema):
    items: list[CollectionOut]


class CollectionIn(Body):
    name: Text = Field(..., max_length=1_000)
    description: Text = Field("", max_length=1_000)
    access: AccessWord = "everybody"


class CollectionChange(Body):
    name: Text | None = Field(None, max_length=1_000)
    description: Text | None = Field(None, max_length=1_000)


class GrantBody(Body):
    """A right for exactly one of: a role, a group, a person (by `user_id`)."""

    role: RoleName | None = None
    group_id: UUID | None = None
    user_id: UUID | None = None
    level: Level = "search"


class AccessBody(Body):
    access: AccessWord
    grants: list[GrantBody] = Field([], max_length=services.MOST_GRANTS)


class GrantOut(Schema):
    role: RoleName | None
    group_id: UUID | None
    user_id: UUID | None
    level: Level


class AccessOut(Schema):
    """Who may search the collection, and who may change its documents beside those whose role says so."""

    access: AccessWord
    grants: list[GrantOut]


class AssistantKnowledgeBody(Body):
    """`help`: the model may answer also where no passage fits; `only`: then the answer is that it does not know."""

    collection_ids: list[UUID] = Field(..., max_length=services.MOST_COLLECTIONS_OF_AN_ASSISTANT)
    use: Use = "help"


class AssistantKnowledgeOut(Schema):
    collection_ids: list[UUID]
    use: Use


@router.get("knowledge/collections", response=answers(CollectionList), auth=READ, summary="List collections")
def list_collections(request: ApiRequest) -> dict[str, Any]:
    """Those that you may search, by name; who manages collections also sees that others are there."""
    return {"items": [_out(view) for view in queries.collection_list(request.caller.id)]}


@router.post(
    "knowledge/collections",
    response=answers(CollectionOut, status=201, errors=READS_BODY),
    auth=MANAGE,
    summary="Make a collection",
    openapi_extra=example({"name": "Help centre", "access": "everybody"}),
)
def create_collection(request: ApiRequest, body: CollectionIn) -> Status[CollectionOut]:
    """Who makes one for chosen people may search and change it."""
    made = services.create_collection(
        body.name, body.description, access=body.access, actor=request.caller.actor
    )
    return Status(201, _out(queries.collection_view(request.caller.id, made)))


@router.get(COLLECTION, response=answers(CollectionOut, errors=FINDS), auth=READ, summary="Get a collection")
def get_collection(request: ApiRequest, collection_id: UUID) -> CollectionOut:
    return _out(queries.collection_view(request.caller.id, collection_id))


@router.patch(
    COLLECTION,
    response=answers(CollectionOut, errors=CHANGES),
    auth=MANAGE,
    summary="Rename a collection",
    openapi_extra=example({"name": "Help centre"}),
)
def change_collection(request: ApiRequest, collection_id: UUID, body: CollectionChange) -> CollectionOut:
    """Changes what is given."""
    services.change_collection(
        collection_id, name=body.name, description=body.description, actor=request.caller.actor
    )
    return _out(queries.collection_view(request.caller.id, collection_id))


@router.delete(
    COLLECTION,
    response=answers(None, status=204, errors=CHANGES),
    auth=MANAGE,
    summary="Delete a collection",
)
def delete_collection(request: ApiRequest, collection_id: UUID) -> Status[None]:
    """With its documents, their passages and vectors. From now on nobody finds it; a job removes what it held."""
    services.delete_collection(collection_id, actor=request.caller.actor)
    return Status(204, None)


@router.get(
    f"{COLLECTION}/access",
    response=answers(AccessOut, errors=FINDS),
    auth=MANAGE,
    summary="Get who may search",
)
def get_access(request: ApiRequest, collection_id: UUID) -> AccessOut:
    return _access(queries.collection_view(request.caller.id, collection_id))


@router.put(
    f"{COLLECTION}/access",
    response=answers(AccessOut, errors=CHANGES),
    auth=MANAGE,
    summary="Set who may search",
    openapi_extra=example({"access": "chosen", "grants": [{"role": "support_agent", "level": "edit"}]}),
)
def set_access(request: ApiRequest, collection_id: UUID, body: AccessBody) -> AccessOut:
    """These and nobody else, from the next search on."""
    grants = [Grant(grant.role or "", grant.group_id, grant.user_id, grant.level) for grant in body.grants]
    services.set_access(collection_id, body.access, grants, actor=request.caller.actor)
    return _access(queries.collection_view(request.caller.id, collection_id))


@router.get(
    "assistants/{uuid:assistant_id}/knowledge",
    response=answers(AssistantKnowledgeOut, errors=FINDS),
    auth=MANAGE_ASSISTANTS,
    summary="Get an assistant's collections",
)
def get_assistant_knowledge(request: ApiRequest, assistant_id: UUID) -> AssistantKnowledgeOut:
    """From which collections it answers, for readers who may search them, and how."""
    assistant_details(assistant_id)
    return _use(assistant_id)


@router.put(
    "assistants/{uuid:assistant_id}/knowledge",
    response=answers(AssistantKnowledgeOut, errors=CHANGES),
    auth=MANAGE_ASSISTANTS,
    summary="Choose an assistant's collections",
    openapi_extra=example({"collection_ids": [], "use": "only"}),
)
def set_assistant_knowledge(
    request: ApiRequest, assistant_id: UUID, body: AssistantKnowledgeBody
) -> AssistantKnowledgeOut:
    """These and no others, from the next answer on."""
    services.set_assistant(assistant_id, body.collection_ids, body.use, actor=request.caller.actor)
    return _use(assistant_id)


def _out(view: CollectionView) -> CollectionOut:
    return CollectionOut(
        id=view.id,
        name=view.name,
        description=view.description,
        access=cast(AccessWord, view.access),
        may_search=view.may_search,
        may_edit=view.may_edit,
        may_manage=view.may_manage,
        documents=view.documents,
        states=StatesOut(**{str(state): count for state, count in view.states.items()}),
        size=view.size,
        chunks=view.chunks,
        assistants=list(view.assistants),
        encoder=view.encoder,
        created_at=view.created_at,
    )


def _access(view: CollectionView) -> AccessOut:
    return AccessOut(
        access=cast(AccessWord, view.access),
        grants=[
            GrantOut(
                role=cast(RoleName, grant.role) if grant.role else None,
                group_id=grant.group_id,
                user_id=grant.person_id,
                level=cast(Level, grant.level),
            )
            for grant in view.grants
        ],
    )


def _use(assistant_id: UUID) -> AssistantKnowledgeOut:
    found = queries.assistant_use(assistant_id)
    return AssistantKnowledgeOut(collection_ids=list(found.collection_ids), use=cast(Use, found.use))
