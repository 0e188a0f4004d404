"""How documents come into a collection and are replaced. Each act is one transaction: row, audit event, job. All run in
a workspace scope.

A file is sealed on the disk before its row is there (content.path_of its id); whoever wrote it keeps it only if the
act says so. The same content comes twice into no collection: the document that has it is given instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import Conflict, InvalidInput, NotFound, TooMany, Unavailable
from chatplatform.documents.kinds import UNREADABLE, ending_of, kind_of
from chatplatform.files.names import safe_name
from chatplatform.files.upload import Upload
from chatplatform.knowledge import audit_events as events
from chatplatform.knowledge import content, removal, work
from chatplatform.knowledge.content import Field
from chatplatform.knowledge.document_acts import record_document
from chatplatform.knowledge.models import Collection, Document
from chatplatform.knowledge.problems import problem_words
from chatplatform.knowledge.rights import require_document_edit, require_edit
from chatplatform.knowledge.sealing import SealedContent, digest_of, kind_in, not_stored, sealing, too_large
from chatplatform.knowledge.written import Pair, checked_pairs, checked_text, checked_title

ORIGIN_CHARS = 1_000


@dataclass(frozen=True, slots=True)
class Kept:
    """The document that has the content now; `is_new` says whether it had to be made, or made anew."""

    document_id: UUID
    is_new: bool


def require_room(collection_id: UUID, upload: Upload, *, actor: Actor) -> None:
    """Raise what speaks against taking a file of the announced length, before its first byte."""
    upload.person_id = UUID(actor.id)
    collection = require_edit(actor, collection_id)
    if upload.failure:
        raise Unavailable(
            "too_many_uploads", _("Many files are being sent just now. Try again soon."), retry_after_s=5
        )
    if upload.length is not None and upload.length > settings.ENVIRONMENT.knowledge_file_mb * 2**20:
        raise too_large()
    _require_place(collection)


def require_room_for(document_id: UUID, upload: Upload, *, actor: Actor) -> None:
    """The same for a file that is to take the place of a document's."""
    require_room(require_document_edit(document_id, actor).collection_id, upload, actor=actor)


def add_file(collection_id: UUID, upload: Upload, name: str, *, actor: Actor, origin: str = "") -> Kept:
    """Keep what was uploaded to `content.path_of(upload.id)`, and have it read and indexed.

    `origin` is where it came from: a path, an address. Raises NotFound, NotAllowed, InvalidInput for what nobody here
    could read, TooLarge, TooMany, Unavailable; then nothing is kept.
    """
    _require_whole(upload)
    name = safe_name(name)
    _require_readable(upload.head, name)
    kept = _add(
        collection_id, SealedContent(upload.id, upload.key, upload.size, upload.head), name, origin, actor
    )
    upload.is_kept = kept.is_new
    return kept


def add_bytes(
    collection_id: UUID,
    parts: Iterable[bytes],
    name: str,
    *,
    source: str = Document.Kind.FILE,
    origin: str = "",
    actor: Actor,
) -> Kept:
    """The same for a file that comes from the platform itself: a folder, a web page. Raises the same."""
    require_edit(actor, collection_id)
    name = safe_name(name)
    with sealing(parts) as sealed:
        _require_readable(sealed.head, name)
        kept = _add(collection_id, sealed, name, origin, actor, source=source)
        sealed.is_kept = kept.is_new
    return kept


def add_text(collection_id: UUID, title: str, text: str, *, origin: str = "", actor: Actor) -> Kept:
    """Keep a text, which may be Markdown. Raises NotFound, NotAllowed, InvalidInput, TooMany."""
    require_edit(actor, collection_id)
    data = checked_text(text)
    with sealing([data]) as sealed:
        kept = _add(collection_id, sealed, checked_title(title), origin, actor, source=Document.Kind.TEXT)
        sealed.is_kept = kept.is_new
    return kept


def add_answers(
    collection_id: UUID, title: str, pairs: Sequence[Pair], *, origin: str = "", actor: Actor
) -> Kept:
    """Keep questions with their answers: each pair is found by both. Raises as add_text does."""
    require_edit(actor, collection_id)
    data = checked_pairs(pairs)
    with sealing([data]) as sealed:
        kept = _add(collection_id, sealed, checked_title(title), origin, actor, source=Document.Kind.ANSWERS)
        sealed.is_kept = kept.is_new
    return kept


def replace_document(document_id: UUID, upload: Upload, name: str = "", *, actor: Actor) -> Kept:
    """Give a document the content that was uploaded to `content.path_of(upload.id)`.

    What was there answers until the new one is indexed; only what differs is embedded. The same content changes
    nothing. Raises NotFound, NotAllowed, InvalidInput, TooLarge, Unavailable, Conflict where another document of the
    collection has this content.
    """
    _require_whole(upload)
    document = require_document_edit(document_id, actor)
    name = safe_name(name) if name else content.field_of(document, Field.NAME)
    _require_readable(upload.head, name)
    kept = _replace(document_id, SealedContent(upload.id, upload.key, upload.size, upload.head), name, actor)
    upload.is_kept = kept.is_new
    return kept


def replace_bytes(document_id: UUID, parts: Iterable[bytes], name: str = "", *, actor: Actor) -> Kept:
    """The same for a file that comes from the platform itself."""
    document = require_document_edit(document_id, actor)
    name = safe_name(name) if name else content.field_of(document, Field.NAME)
    with sealing(parts) as sealed:
        _require_readable(sealed.head, name)
        kept = _replace(document_id, sealed, name, actor)
        sealed.is_kept = kept.is_new
    return kept


def replace_text(document_id: UUID, title: str, text: str, *, actor: Actor) -> Kept:
    """Another text for a document of pasted text."""
    return _replace_own(document_id, Document.Kind.TEXT, title, checked_text(text), actor)


def replace_answers(document_id: UUID, title: str, pairs: Sequence[Pair], *, actor: Actor) -> Kept:
    """Other questions and answers for a document of such."""
    return _replace_own(document_id, Document.Kind.ANSWERS, title, checked_pairs(pairs), actor)


def _add(
    collection_id: UUID,
    sealed: SealedContent,
    name: str,
    origin: str,
    actor: Actor,
    *,
    source: str = Document.Kind.FILE,
) -> Kept:
    collection = require_edit(actor, collection_id)
    digest = digest_of(collection, sealed, source)
    kind = kind_in(sealed.head, name, source)
    with transaction.atomic():
        # adding to one collection happens one after the other, so that limits and contents are counted
        collection = _locked(collection.id)
        same = Document.objects.filter(collection=collection, digest=digest).first()
        if same is not None:
            return Kept(same.id, is_new=False)
        _require_place(collection)
        workspace_id = collection.workspace_id
        document = Document.objects.create(
            id=sealed.id,
            file_id=sealed.id,
            workspace_id=workspace_id,
            collection=collection,
            source=source,
            name=content.sealed_field(workspace_id, sealed.id, Field.NAME, name),
            origin=content.sealed_field(workspace_id, sealed.id, Field.ORIGIN, origin[:ORIGIN_CHARS]),
            digest=digest,
            kind=kind,
            size=sealed.size,
            key=content.sealed_key(workspace_id, sealed.id, sealed.key),
            created_by=actor.id,
        )
        record_document(
            events.DOCUMENT_ADDED,
            document,
            actor,
            collection_id=str(collection.id),
            source=source,
            kind=kind,
            size=sealed.size,
        )
        work.have_it_read(document, actor)
    return Kept(document.id, is_new=True)


def _replace(document_id: UUID, sealed: SealedContent, name: str, actor: Actor) -> Kept:
    document = require_document_edit(document_id, actor)
    digest = digest_of(document.collection, sealed, document.source)
    with transaction.atomic():
        collection = _locked(document.collection_id)
        document = require_document_edit(document_id, actor, lock=True)
        same = Document.objects.filter(collection=collection, digest=digest).first()
        if same is not None and same.id != document.id:
            raise Conflict(
                "document_exists", _("Another document of the collection has this content already.")
            )
        if same is not None:
            _rename(document, name)
            return Kept(document.id, is_new=False)
        before = document.file_id
        document.file_id = sealed.id
        document.digest, document.size = digest, sealed.size
        document.kind = kind_in(sealed.head, name, document.source)
        document.key = content.sealed_key(document.workspace_id, sealed.id, sealed.key)
        document.text_key, document.title = b"", b""
        document.revision += 1
        document.state, document.problem = Document.State.WAITING, ""
        document.changed_at = now()
        document.name = content.sealed_field(document.workspace_id, document.id, Field.NAME, name)
        document.save()
        removal.forget_file(before)
        record_document(
            events.DOCUMENT_REPLACED,
            document,
            actor,
            collection_id=str(collection.id),
            revision=document.revision,
            kind=document.kind,
            size=document.size,
        )
        work.have_it_read(document, actor)
    return Kept(document.id, is_new=True)


def _replace_own(document_id: UUID, source: str, title: str, data: bytes, actor: Actor) -> Kept:
    document = require_document_edit(document_id, actor)
    if document.source != source:
        raise Conflict(
            "document_of_another_kind", _("This document was made in another way. Replace its file.")
        )
    with sealing([data]) as sealed:
        kept = _replace(document_id, sealed, checked_title(title), actor)
        sealed.is_kept = kept.is_new
    return kept


def _rename(document: Document, name: str) -> None:
    if content.field_of(document, Field.NAME) != name:
        document.name = content.sealed_field(document.workspace_id, document.id, Field.NAME, name)
        document.save(update_fields=["name"])


def _locked(collection_id: UUID) -> Collection:
    found = Collection.objects.select_for_update().filter(id=collection_id, deleted_at=None).first()
    if found is None:
        raise NotFound("collection_not_found", _("This collection does not exist, or you may not search it."))
    return found


def _require_place(collection: Collection) -> None:
    most = settings.ENVIRONMENT.knowledge_documents
    if Document.objects.filter(collection=collection).count() >= most:
        raise TooMany(
            "collection_full",
            _("A collection has %(n)d documents at most. Make another one.") % {"n": most},
        )


def _require_whole(upload: Upload) -> None:
    match upload.failure:
        case "too_large":
            raise too_large()
        case "too_slow":
            raise InvalidInput("upload_broke_off", _("The file did not arrive as a whole. Add it again."))
        case "storage":
            raise not_stored()


def _require_readable(head: bytes, name: str) -> None:
    kind = kind_of(head, ending_of(name))
    if kind in UNREADABLE:
        raise InvalidInput(f"file_{kind}", problem_words(kind.value))
