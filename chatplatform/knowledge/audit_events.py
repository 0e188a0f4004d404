"""What knowledge writes into the audit log: ids, kinds, sizes and outcomes, never names or content."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chatplatform.audit.catalogue import declare

COLLECTION_CREATED = declare(
    "knowledge.collection.created", summary=_("A collection of documents was made"), fields=("access",)
)
COLLECTION_CHANGED = declare(
    "knowledge.collection.changed",
    summary=_("A collection was given another name or description"),
    fields=("changed",),
)
ACCESS_SET = declare(
    "knowledge.access.set",
    summary=_("It was said who may search a collection and who may change it"),
    fields=("access", "roles", "groups", "people", "editors"),
    level="notice",
)
COLLECTION_DELETED = declare(
    "knowledge.collection.deleted",
    summary=_("A collection was deleted with all its documents"),
    fields=("documents",),
    level="notice",
)
ASSISTANT_SET = declare(
    "knowledge.assistant.set",
    summary=_("It was said from which collections an assistant answers"),
    fields=("collections", "use"),
)
DOCUMENT_ADDED = declare(
    "knowledge.document.added",
    summary=_("A document was added to a collection"),
    fields=("collection_id", "source", "kind", "size"),
)
DOCUMENT_REPLACED = declare(
    "knowledge.document.replaced",
    summary=_("A document was given another content"),
    fields=("collection_id", "revision", "kind", "size"),
)
DOCUMENT_READ = declare(
    "knowledge.document.read",
    summary=_("A document was read, or could not be"),
    fields=("kind", "problem", "characters", "pages", "is_cut"),
)
DOCUMENT_INDEXED = declare(
    "knowledge.document.indexed",
    summary=_("A document can be found, or could not be indexed"),
    fields=("index_id", "revision", "chunks", "problem"),
)
DOCUMENT_RETRIED = declare(
    "knowledge.document.retried", summary=_("A document was to be read or indexed once more")
)
DOCUMENT_STOPPED = declare(
    "knowledge.document.stopped", summary=_("Reading or indexing a document was stopped")
)
DOCUMENT_OPENED = declare(
    "knowledge.document.opened",
    summary=_("A person downloaded a document or opened its text"),
    fields=("part",),
)
DOCUMENT_DELETED = declare(
    "knowledge.document.deleted",
    summary=_("A document was deleted"),
    fields=("collection_id", "chunks"),
)
VECTORS_REPAIRED = declare(
    "knowledge.vectors.repaired",
    summary=_("The vector store was brought in line with the documents"),
    fields=("missing", "left_over"),
)
INDEX_BEGUN = declare(
    "knowledge.index.begun",
    summary=_("Another index of a collection is being built"),
    fields=("index_id", "encoder"),
)
INDEX_GIVEN_UP = declare(
    "knowledge.index.given_up",
    summary=_("An index that was being built was given up"),
    fields=("index_id", "encoder"),
)
INDEX_SWITCHED = declare(
    "knowledge.index.switched",
    summary=_("Another index of a collection answers from now on"),
    fields=("index_id", "encoder"),
)
