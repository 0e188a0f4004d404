"""What is done with collections. Each act is one transaction: rows, audit event, job. All run in a workspace scope."""

from __future__ import annotations

from collections.abc import Collection as Many
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from chatplatform.accounts.authority import require_authority
from chatplatform.accounts.models import Group, Membership, Role
from chatplatform.accounts.permissions import Permission
from chatplatform.audit.catalogue import AuditEventType
from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor, ActorKind
from chatplatform.common.clock import now
from chatplatform.common.errors import Conflict, InvalidInput, NotFound
from chatplatform.common.ids import new_id
from chatplatform.common.scope import current_workspace_id
from chatplatform.jobs.services import enqueue
from chatplatform.knowledge import audit_events as events
from chatplatform.knowledge import rights
from chatplatform.knowledge.collection_secret import new_secret
from chatplatform.knowledge.models import (
    AssistantCollection,
    AssistantKnowledge,
    Collection,
    CollectionGrant,
    Document,
)
from chatplatform.prompts.models import Assistant

NAME_CHARS = 100
DESCRIPTION_CHARS = 300
MOST_GRANTS = 500
MOST_COLLECTIONS_OF_AN_ASSISTANT = 20
DELETE_JOB = "knowledge.delete_collection"


@dataclass(frozen=True, slots=True)
class Grant:
    """A right for exactly one of: everybody of a role, the members of a group, a person. `level`: search or edit."""

    role: str = ""
    group_id: UUID | None = None
    person_id: UUID | None = None
    level: str = CollectionGrant.Level.SEARCH


def create_collection(
    name: str,
    description: str = "",
    *,
    access: str = Collection.Access.EVERYBODY,
    grants: Sequence[Grant] = (),
    shipped_id: str = "",
    actor: Actor,
) -> UUID:
    """Make a collection; its id. A person who makes one of chosen access gets a grant to change it.

    Raises InvalidInput, NotAllowed, NotFound for a group or person, and Conflict when the name is taken.
    """
    fields = _checked(name=name, description=description)
    wanted = _checked_grants(access, grants)
    if access == Collection.Access.CHOSEN and actor.kind is ActorKind.PERSON:
        own = UUID(actor.id)
        wanted = [grant for grant in wanted if grant.person_id != own]
        wanted.append(Grant(person_id=own, level=CollectionGrant.Level.EDIT))
    try:
        with transaction.atomic():
            rights.require_manage(actor)
            workspace_id, collection_id = current_workspace_id(), new_id()
            collection = Collection.objects.create(
                id=collection_id,
                workspace_id=workspace_id,
                access=access,
                shipped_id=shipped_id,
                secret=new_secret(workspace_id, collection_id),
                created_by=actor.id,
                **fields,
            )
            _record(events.COLLECTION_CREATED, collection, actor, access=access)
            if wanted:
                _write_grants(collection, wanted, actor)
    except IntegrityError as error:
        raise _name_taken() from error
    return collection.id


def change_collection(
    collection_id: UUID, *, name: str | None = None, description: str | None = None, actor: Actor
) -> None:
    """Change what is given and differs. Raises NotFound, NotAllowed, InvalidInput, Conflict when the name is taken."""
    given = {"name": name, "description": description}
    fields = _checked(**{field: text for field, text in given.items() if text is not None})
    try:
        with transaction.atomic():
            collection = _managed(collection_id, actor)
            changed = [field for field, text in fields.items() if getattr(collection, field) != text]
            if not changed:
                return
            for field in changed:
                setattr(collection, field, fields[field])
            collection.save(update_fields=changed)
            _record(events.COLLECTION_CHANGED, collection, actor, changed=",".join(changed))
    except IntegrityError as error:
        raise _name_taken() from error


def set_access(collection_id: UUID, access: str, grants: Sequence[Grant] = (), *, actor: Actor) -> None:
    """Say who may search the collection and who may change it: these and nobody else, from the next search on.

    Raises NotFound (for a group or person too), NotAllowed, InvalidInput.
    """
    wanted = _checked_grants(access, grants)
    with transaction.atomic():
        collection = _managed(collection_id, actor)
        collection.access = access
        collection.save(update_fields=["access"])
        CollectionGrant.objects.filter(collection=collection).delete()
        _write_grants(collection, wanted, actor)


def delete_collection(collection_id: UUID, *, actor: Actor) -> None:
    """Delete the collection with all that is in it: nobody finds it from now on, a job removes what it holds.

    Raises NotFound, NotAllowed.
    """
    with transaction.atomic():
        _delete(_managed(collection_id, actor), actor)


def remove_all(*, actor: Actor) -> None:
    """Delete every collection of the workspace, whose key was destroyed; inside the caller's transaction."""
    for collection in Collection.objects.select_for_update().filter(deleted_at=None):
        _delete(collection, actor)


def _delete(collection: Collection, actor: Actor) -> None:
    collection.deleted_at = now()
    collection.save(update_fields=["deleted_at"])
    AssistantCollection.objects.filter(collection=collection).delete()
    documents = Document.objects.filter(collection=collection).count()
    _record(events.COLLECTION_DELETED, collection, actor, documents=documents)
    have_it_removed(collection, actor)


def have_it_removed(collection: Collection, actor: Actor) -> None:
    """Have a job remove what a deleted collection holds; inside the caller's transaction."""
    enqueue(
        DELETE_JOB,
        args={"collection_id": str(collection.id)},
        actor=actor,
        workspace_id=collection.workspace_id,
        dedupe_key=f"{DELETE_JOB}:{collection.id}",
    )


def set_assistant(
    assistant_id: UUID,
    collection_ids: Many[UUID],
    use: str = AssistantKnowledge.Use.HELP,
    *,
    actor: Actor,
) -> None:
    """Say from which collections an assistant answers, and whether from them only (AssistantKnowledge.Use).

    A person needs the right to change assistants and may add collections only that they may search or manage.
    Raises NotFound, NotAllowed, InvalidInput.
    """
    if use not in AssistantKnowledge.Use.values:
        raise InvalidInput("knowledge.use_unknown", _("There is no such way to use collections."))
    wanted = set(collection_ids)
    if len(wanted) > MOST_COLLECTIONS_OF_AN_ASSISTANT:
        raise InvalidInput(
            "knowledge.too_many_collections",
            _("An assistant answers from %(n)d collections at most.")
            % {"n": MOST_COLLECTIONS_OF_AN_ASSISTANT},
        )
    with transaction.atomic():
        require_authority(actor, Permission.ASSISTANTS_MANAGE)
        assistant = Assistant.objects.select_for_update().filter(id=assistant_id).first()
        if assistant is None:
            raise NotFound("assistant_unknown", _("There is no assistant with this name."))
        present = set(
            AssistantCollection.objects.filter(assistant=assistant).values_list("collection_id", flat=True)
        )
        for collection_id in wanted - present:
            _require_known(actor, collection_id)
            AssistantCollection.objects.create(
                workspace_id=assistant.workspace_id, assistant=assistant, collection_id=collection_id
            )
        AssistantCollection.objects.filter(assistant=assistant, collection_id__in=present - wanted).delete()
        AssistantKnowledge.objects.update_or_create(
            assistant=assistant, defaults={"workspace_id": assistant.workspace_id, "use": use}
        )
        record(
            events.ASSISTANT_SET,
            actor=actor,
            workspace_id=assistant.workspace_id,
            target=Target("assistant", str(assistant.id)),
            details={"collections": len(wanted), "use": use},
        )


def _require_known(actor: Actor, collection_id: UUID) -> None:
    found = Collection.objects.filter(deleted_at=None, id=collection_id)
    if actor.kind is ActorKind.PERSON:
        found = found.filter(rights.visible_to(rights.place_of(UUID(actor.id))))
    if not found.exists():
        raise rights.not_found()


def _managed(collection_id: UUID, actor: Actor) -> Collection:
    rights.require_manage(actor)
    found = Collection.objects.select_for_update().filter(id=collection_id, deleted_at=None).first()
    if found is None:
        raise rights.not_found()
    return found


def _write_grants(collection: Collection, grants: Sequence[Grant], actor: Actor) -> None:
    _require_members(grants)
    CollectionGrant.objects.bulk_create(
        CollectionGrant(
            workspace_id=collection.workspace_id,
            collection=collection,
            level=grant.level,
            role=grant.role,
            group_id=grant.group_id,
            person_id=grant.person_id,
        )
        for grant in grants
    )
    _record(
        events.ACCESS_SET,
        collection,
        actor,
        access=collection.access,
        roles=sum(bool(grant.role) for grant in grants),
        groups=sum(grant.group_id is not None for grant in grants),
        people=sum(grant.person_id is not None for grant in grants),
        editors=sum(grant.level == CollectionGrant.Level.EDIT for grant in grants),
    )


def _require_members(grants: Sequence[Grant]) -> None:
    groups = {grant.group_id for grant in grants if grant.group_id is not None}
    people = {grant.person_id for grant in grants if grant.person_id is not None}
    places = Membership.objects.filter(workspace_id=current_workspace_id(), user_id__in=people)
    if Group.objects.filter(id__in=groups).count() < len(groups) or places.count() < len(people):
        raise NotFound(
            "knowledge.grantee_not_found",
            _("A group or person is not in the workspace any more. Reload the page."),
        )


def _checked_grants(access: str, grants: Sequence[Grant]) -> list[Grant]:
    if access not in Collection.Access.values:
        raise InvalidInput("knowledge.access_unknown", _("There is no such access."))
    if len(grants) > MOST_GRANTS:
        raise InvalidInput(
            "knowledge.too_many_grants",
            _("This is too much for one collection. Use groups."),
        )
    best: dict[tuple[str, UUID | None, UUID | None], Grant] = {}
    for grant in grants:
        whom = (grant.role, grant.group_id, grant.person_id)
        is_of_one = bool(grant.role) + (grant.group_id is not None) + (grant.person_id is not None) == 1
        is_known = grant.level in CollectionGrant.Level.values and grant.role in {"", *Role.values}
        if not is_of_one or not is_known:
            raise InvalidInput(
                "knowledge.grant_invalid", _("Give a right to one role, one group or one person.")
            )
        if whom not in best or grant.level == CollectionGrant.Level.EDIT:
            best[whom] = grant
    return list(best.values())


def _checked(**texts: str) -> dict[str, str]:
    limits = {"name": NAME_CHARS, "description": DESCRIPTION_CHARS}
    fields = {field: " ".join(text.replace("\x00", "").split()) for field, text in texts.items()}
    if fields.get("name") == "":
        raise InvalidInput("knowledge.name_empty", _("Give the collection a name."))
    for field, text in fields.items():
        if len(text) > limits[field]:
            raise InvalidInput(
                f"knowledge.{field}_too_long",
                _("This text is too long: it has %(n)d characters; the limit is %(limit)d.")
                % {"n": len(text), "limit": limits[field]},
            )
    return fields


def _name_taken() -> Conflict:
    return Conflict("knowledge.name_taken", _("There is a collection with this name already."))


def _record(event: AuditEventType, collection: Collection, actor: Actor, **details: str | int) -> None:
    record(
        event,
        actor=actor,
        workspace_id=collection.workspace_id,
        target=Target("collection", str(collection.id)),
        details=details,
    )
