"""Who may search and change what. Retrieval takes a SearchScope, and only the functions here make one.

Rights are read from the rows each time they are asked for: one that was taken back holds for the next search.

- A collection for everybody is searched by every active member, one of chosen access by those with a grant: for
  themselves, their role or a group of theirs. A role's right alone opens no collection of chosen access.
- Documents are changed by who has `knowledge.edit` and may search the collection, or a grant that says so.
- `knowledge.manage` makes, names and deletes collections and says who may search them; it shows no document.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import InitVar, dataclass
from typing import NoReturn, final
from uuid import UUID
from weakref import WeakSet

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from chatplatform.accounts.models import GroupMembership
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.queries import MembershipView, membership_of
from chatplatform.common.actors import Actor, ActorKind
from chatplatform.common.errors import NotAllowed, NotFound
from chatplatform.common.scope import current_workspace_id
from chatplatform.knowledge.models import Collection, CollectionGrant, Document
from chatplatform.prompts.queries import may_use

_TOKEN = object()


@final
@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class SearchScope:
    """The collections that one person may search now, for one purpose. Kept for one search, never longer."""

    workspace_id: UUID
    person_id: UUID
    collection_ids: tuple[UUID, ...]
    token: InitVar[object]

    def __post_init__(self, token: object) -> None:
        if token is not _TOKEN:
            raise TypeError("a SearchScope is made by knowledge.rights and by nothing else")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a SearchScope cannot be copied, stored or sent: ask for it where it is used")


_issued: WeakSet[SearchScope] = WeakSet()


def require_scope(value: object) -> SearchScope:
    """`value`, if exactly this object was made here; TypeError otherwise. For whoever is about to search."""
    if not isinstance(value, SearchScope) or value not in _issued:
        raise TypeError("this is not a scope that rights were asked for")
    return value


def scope_of_assistant(person_id: UUID, assistant_id: UUID) -> SearchScope:
    """What of the assistant's collections this person may search; nothing where they may not use the assistant."""
    place = _place(person_id)
    if place is None or not may_use(assistant_id, reader_id=person_id):
        return _issue(person_id, ())
    found = _present().filter(searchable_by(place), assistants__assistant_id=assistant_id)
    return _issue(person_id, found.order_by("created_at", "id").values_list("id", flat=True))


def scope_of_collection(person_id: UUID, collection_id: UUID) -> SearchScope:
    """One collection alone. Raises NotFound where there is none that this person may search."""
    require_searchable(person_id, collection_id)
    return _issue(person_id, (collection_id,))


def require_searchable(person_id: UUID, collection_id: UUID) -> Collection:
    """The collection, if this person may search and read it; raises NotFound."""
    place = _place(person_id)
    found = None
    if place is not None:
        found = _present().filter(searchable_by(place), id=collection_id).first()
    if found is None:
        raise not_found()
    return found


def may_search(person_id: UUID, collection_id: UUID) -> bool:
    place = _place(person_id)
    return place is not None and _present().filter(searchable_by(place), id=collection_id).exists()


def may_edit(person_id: UUID, collection_id: UUID) -> bool:
    """Whether this person may add, change and delete the collection's documents."""
    place = _place(person_id)
    return place is not None and _present().filter(editable_by(place), id=collection_id).exists()


def may_manage(person_id: UUID) -> bool:
    """Whether this person may make and delete collections and say who searches them."""
    place = _place(person_id)
    return place is not None and place.may(Permission.KNOWLEDGE_MANAGE)


def require_edit(actor: Actor, collection_id: UUID) -> Collection:
    """The collection, for whoever is about to change its documents.

    Raises NotFound where the actor may not know of it, NotAllowed where they may only search it. The platform itself
    and its commands may change every one.
    """
    if actor.kind is ActorKind.SYSTEM:
        found = _present().filter(id=collection_id).first()
        if found is None:
            raise not_found()
        return found
    place = _place_of(actor)
    if place is None:
        raise not_found()
    found = _present().filter(editable_by(place), id=collection_id).first()
    if found is not None:
        return found
    if _present().filter(visible_to(place), id=collection_id).exists():
        raise NotAllowed(
            "knowledge.not_allowed",
            _("You may not change the documents of this collection. Ask an administrator."),
        )
    raise not_found()


def require_document_edit(document_id: UUID, actor: Actor, *, lock: bool = False) -> Document:
    """The document, where the actor may change those of its collection; `lock` holds its row until the transaction
    ends. Raises NotFound, NotAllowed."""
    rows = Document.objects.select_related("collection")
    if lock:
        rows = rows.select_for_update(of=("self",))
    document = rows.filter(id=document_id).first()
    if document is None:
        raise document_not_found()
    try:
        require_edit(actor, document.collection_id)
    except NotFound:
        raise document_not_found() from None
    return document


def document_not_found() -> NotFound:
    return NotFound("document_not_found", _("This document does not exist, or you may not see it."))


def require_manage(actor: Actor) -> None:
    """Raises NotAllowed. The platform itself and its commands may do everything."""
    if actor.kind is ActorKind.SYSTEM:
        return
    place = _place_of(actor)
    if place is None or not place.may(Permission.KNOWLEDGE_MANAGE):
        raise NotAllowed("knowledge.not_allowed", _("Your role does not permit this. Ask an administrator."))


def searchable_by(place: MembershipView) -> Q:
    """Collections that a member may search, for a filter of collections."""
    return Q(access=Collection.Access.EVERYBODY) | Q(Exists(_grants(place)))


def editable_by(place: MembershipView) -> Q:
    """Collections whose documents a member may change."""
    granted = Q(Exists(_grants(place).filter(level=CollectionGrant.Level.EDIT)))
    return granted | searchable_by(place) if place.may(Permission.KNOWLEDGE_EDIT) else granted


def visible_to(place: MembershipView) -> Q:
    """Collections that a member may know of: who manages them knows that each is there."""
    return Q() if place.may(Permission.KNOWLEDGE_MANAGE) else searchable_by(place)


def place_of(person_id: UUID) -> MembershipView:
    """The person's place in the open workspace; raises NotFound for whoever has none, or none any more."""
    place = _place(person_id)
    if place is None:
        raise not_found()
    return place


def not_found() -> NotFound:
    return NotFound("collection_not_found", _("This collection does not exist, or you may not search it."))


def _grants(place: MembershipView) -> QuerySet[CollectionGrant]:
    groups = GroupMembership.objects.filter(membership__user_id=place.user_id).values("group_id")
    theirs = Q(person_id=place.user_id) | Q(role=place.role) | Q(group_id__in=groups)
    return CollectionGrant.objects.filter(theirs, collection=OuterRef("pk"))


def _present() -> QuerySet[Collection]:
    return Collection.objects.filter(deleted_at=None)


def _place_of(actor: Actor) -> MembershipView | None:
    return _place(UUID(actor.id)) if actor.kind is ActorKind.PERSON else None


def _place(person_id: UUID) -> MembershipView | None:
    place = membership_of(person_id, current_workspace_id())
    return place if place is not None and place.is_active else None


def _issue(person_id: UUID, collection_ids: Iterable[UUID]) -> SearchScope:
    scope = SearchScope(current_workspace_id(), person_id, tuple(collection_ids), _TOKEN)
    _issued.add(scope)
    return scope
