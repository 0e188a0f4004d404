"""Another index of a collection beside the one that answers: for another embedding model, or other sizes of chunks.

It is built from the texts that were read already. When all is in it, a person has it answer, from one question to the
next, or gives it up; the one before is kept until another is built, so that one can go back.
"""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from chatplatform.audit.catalogue import AuditEventType
from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict
from chatplatform.knowledge import audit_events as events
from chatplatform.knowledge import removal, rights, work
from chatplatform.knowledge.chunk_sizes import DEFAULT_TOKENS, sizes_of
from chatplatform.knowledge.models import Collection, Document, Index, IndexEntry


def build_anew(collection_id: UUID, *, chunk_tokens: int = DEFAULT_TOKENS, actor: Actor) -> UUID:
    """Begin another index, with the embedding model that serves now and chunks of `chunk_tokens` at most; gives its id.

    Raises NotFound, NotAllowed, InvalidInput, and Conflict while one is being built or where there is none yet.
    """
    sizes = sizes_of(chunk_tokens)
    with transaction.atomic():
        collection = _managed(collection_id, actor)
        present = Index.objects.filter(collection=collection)
        if collection.live_index_id is None:
            raise Conflict("knowledge.no_index", _("There is nothing to index anew yet."))
        if present.filter(state=Index.State.BUILDING).exists():
            raise Conflict("knowledge.index_is_built", _("Another index is being built already."))
        for old in present.filter(state=Index.State.OLD):
            removal.remove_index(old, actor)
        index = Index.objects.create(
            workspace_id=collection.workspace_id,
            collection=collection,
            sizes=asdict(sizes),
        )
        IndexEntry.objects.bulk_create(
            IndexEntry(workspace_id=index.workspace_id, index=index, document_id=document_id)
            for document_id in _read(collection)
        )
        _record(events.INDEX_BEGUN, index, actor)
        work.have_it_indexed(index.id, index.workspace_id, actor)
    return index.id


def use(collection_id: UUID, *, actor: Actor) -> None:
    """Have the index that was built answer from the next question on, and keep the one before.

    Raises NotFound, NotAllowed, and Conflict where none was built, something waits for it, or nothing is in it.
    """
    with transaction.atomic():
        collection = _managed(collection_id, actor)
        index = _being_built(collection)
        entries = IndexEntry.objects.filter(index=index)
        if entries.filter(state=IndexEntry.State.WAITING, document__state=Document.State.READ).exists():
            raise Conflict(
                "knowledge.index_is_not_ready",
                _("It is not ready yet: documents still wait to be put into it."),
            )
        if not entries.filter(state=IndexEntry.State.DONE).exists():
            raise Conflict(
                "knowledge.index_is_empty",
                _("No document could be put into it. Give it up, and see that the embedding model answers."),
            )
        _switch(collection, index, actor)


def give_up(collection_id: UUID, *, actor: Actor) -> None:
    """Remove the index that is being built; what answers stays. Raises NotFound, NotAllowed, Conflict."""
    with transaction.atomic():
        collection = _managed(collection_id, actor)
        index = _being_built(collection)
        _record(events.INDEX_GIVEN_UP, index, actor)
        removal.remove_index(index, actor)


def go_back(collection_id: UUID, *, actor: Actor) -> None:
    """Have the index before answer again. What came since is put into it. Raises NotFound, NotAllowed, Conflict."""
    with transaction.atomic():
        collection = _managed(collection_id, actor)
        before = (
            Index.objects.filter(collection=collection, state=Index.State.OLD).order_by("-created_at").first()
        )
        if before is None:
            raise Conflict("knowledge.no_index_before", _("There is no earlier index to go back to."))
        if Index.objects.filter(collection=collection, state=Index.State.BUILDING).exists():
            raise Conflict("knowledge.index_is_built", _("Another index is being built already."))
        _switch(collection, before, actor)
        done = IndexEntry.objects.filter(index=before)
        revisions = dict(done.values_list("document_id", "revision"))
        for document in Document.objects.filter(collection=collection, state=Document.State.READ):
            if revisions.get(document.id) != document.revision:
                IndexEntry.objects.update_or_create(
                    index=before,
                    document=document,
                    defaults={
                        "workspace_id": before.workspace_id,
                        "state": IndexEntry.State.WAITING,
                        "problem": "",
                        "attempts": 0,
                    },
                )
        work.have_it_indexed(before.id, before.workspace_id, actor)


def _switch(collection: Collection, index: Index, actor: Actor) -> None:
    Index.objects.filter(collection=collection, state=Index.State.LIVE).update(state=Index.State.OLD)
    Index.objects.filter(id=index.id).update(state=Index.State.LIVE)
    Collection.objects.filter(id=collection.id).update(live_index=index)
    _record(events.INDEX_SWITCHED, index, actor)


def _being_built(collection: Collection) -> Index:
    index = Index.objects.filter(collection=collection, state=Index.State.BUILDING).first()
    if index is None:
        raise Conflict("knowledge.no_index_is_built", _("No other index is being built."))
    return index


def _read(collection: Collection) -> list[UUID]:
    rows = Document.objects.filter(collection=collection, state=Document.State.READ).order_by(
        "created_at", "id"
    )
    return list(rows.values_list("id", flat=True))


def _managed(collection_id: UUID, actor: Actor) -> Collection:
    rights.require_manage(actor)
    found = Collection.objects.select_for_update().filter(id=collection_id, deleted_at=None).first()
    if found is None:
        raise rights.not_found()
    return found


def _record(event: AuditEventType, index: Index, actor: Actor) -> None:
    record(
        event,
        actor=actor,
        workspace_id=index.workspace_id,
        target=Target("collection", str(index.collection_id)),
        details={"index_id": str(index.id), "encoder": index.encoder},
    )
