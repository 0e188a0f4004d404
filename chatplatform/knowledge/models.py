"""Collections of documents, and what is found in them.

Names of documents, their texts and their keys are sealed with the workspace's key; clear are ids, states, sizes and
places. A document's file and the text that was read of it lie on disk, each under a key of its own (content.py).
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chatplatform.accounts.models import Group, Role
from chatplatform.common.clock import now
from chatplatform.common.ids import new_id
from chatplatform.common.scope import ScopedManager, ScopedModel
from chatplatform.prompts.models import Assistant


class Collection(ScopedModel):
    """Documents that are searched together, with who may search and who may change them.

    `secret` is 64 random bytes, sealed: keys for hashes of terms, ids of chunks and equality of contents come of it, so
    that two collections have nothing in common. `live_index` answers questions; None until the first document.
    """

    class Access(models.TextChoices):
        EVERYBODY = "everybody", _("Everybody in the workspace")
        CHOSEN = "chosen", _("Chosen people and roles")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(_("name"), max_length=100)
    description = models.CharField(_("description"), max_length=300, blank=True)
    access = models.CharField(_("access"), max_length=9, choices=Access.choices, default=Access.EVERYBODY)
    shipped_id = models.CharField(max_length=32, blank=True, editable=False)
    secret = models.BinaryField()
    live_index = models.OneToOneField(
        "knowledge.Index", null=True, on_delete=models.SET_NULL, related_name="live_for"
    )
    created_by = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=now, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects: ClassVar[ScopedManager[Collection]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["workspace_id", "name"], condition=Q(deleted_at=None), name="collection_name"
            )
        ]


class CollectionGrant(ScopedModel):
    """Who may search a collection of chosen access, and who may change one: a role, a group or a person."""

    class Level(models.TextChoices):
        SEARCH = "search", _("May search")
        EDIT = "edit", _("May change the documents")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="grants")
    level = models.CharField(max_length=6, choices=Level.choices, default=Level.SEARCH)
    role = models.CharField(max_length=16, choices=Role.choices, blank=True)
    group = models.ForeignKey(Group, null=True, on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+"
    )

    objects: ClassVar[ScopedManager[CollectionGrant]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["collection", "role"], condition=~Q(role=""), name="grant_role_once"
            ),
            models.UniqueConstraint(
                fields=["collection", "group"], condition=Q(group__isnull=False), name="grant_group_once"
            ),
            models.UniqueConstraint(
                fields=["collection", "person"], condition=Q(person__isnull=False), name="grant_person_once"
            ),
            models.CheckConstraint(
                condition=(
                    Q(~Q(role=""), group=None, person=None)
                    | Q(role="", group__isnull=False, person=None)
                    | Q(role="", group=None, person__isnull=False)
                ),
                name="grant_of_one",
            ),
        ]


class AssistantCollection(ScopedModel):
    """That an assistant answers from a collection, for those people who may search it."""

    assistant = models.ForeignKey(Assistant, on_delete=models.CASCADE, related_name="+")
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="assistants")

    objects: ClassVar[ScopedManager[AssistantCollection]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["assistant", "collection"], name="assistant_collection_once")
        ]


class AssistantKnowledge(ScopedModel):
    """How an assistant uses its collections. Without a row: `help`.

    `help`: passages are given where some fit, and the model may answer without. `only`: where nothing fits well
    enough, the answer is that it does not know, made without the model, and a gap is filed.
    """

    class Use(models.TextChoices):
        HELP = "help", _("Answer also without a fitting passage")
        ONLY = "only", _("Answer from passages only")

    assistant = models.OneToOneField(Assistant, on_delete=models.CASCADE, related_name="+")
    use = models.CharField(max_length=4, choices=Use.choices, default=Use.HELP)

    objects: ClassVar[ScopedManager[AssistantKnowledge]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        pass


class Index(ScopedModel):
    """All that is made of a collection's documents to find them: chunks, vectors and terms, by one way of making.

    A collection has one that answers, and may have one that is being built beside it. Its vectors lie in the Chroma
    collection `vectors_name`. `encoder` names the model that made them, empty until there are some; `sizes` are the
    lengths of chunks in tokens. `measured_tokens` were turned into vectors in `measured_s`.
    """

    class State(models.TextChoices):
        BUILDING = "building", _("Being built")
        LIVE = "live", _("In use")
        OLD = "old", _("Replaced")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="indexes")
    state = models.CharField(max_length=8, choices=State.choices, default=State.BUILDING)
    encoder = models.CharField(max_length=200)
    sizes = models.JSONField(default=dict)
    measured_tokens = models.BigIntegerField(default=0)
    measured_s = models.FloatField(default=0)
    created_at = models.DateTimeField(default=now, editable=False)

    objects: ClassVar[ScopedManager[Index]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        pass

    @property
    def vectors_name(self) -> str:
        return f"index-{self.id.hex}"


class Document(ScopedModel):
    """A document of a collection. `name`, `origin` and the keys are sealed with the workspace's key.

    `origin` is where it came from: an address, a path inside a folder, or nothing. `digest` is a keyed hash of the
    file: the same content comes twice into no collection. `revision` grows with each new content, which has another
    `file_id`; `text_key` is empty until it was read. `title` is what people see: the name without its ending, or what
    the document calls itself.
    """

    class Kind(models.TextChoices):
        FILE = "file", _("File")
        TEXT = "text", _("Pasted text")
        ANSWERS = "answers", _("Questions and answers")
        WEB = "web", _("Web page")

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        READING = "reading", _("Being read")
        READ = "read", _("Read")
        FAILED = "failed", _("Cannot be read")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    file_id = models.UUIDField(unique=True, editable=False)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="documents")
    source = models.CharField(max_length=7, choices=Kind.choices, default=Kind.FILE)
    name = models.BinaryField()
    title = models.BinaryField(default=bytes)
    origin = models.BinaryField(default=bytes)
    digest = models.BinaryField(max_length=32)
    kind = models.CharField(max_length=16)
    language = models.CharField(max_length=8, blank=True)
    size = models.BigIntegerField()
    revision = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    problem = models.CharField(max_length=24, blank=True)
    characters = models.PositiveIntegerField(default=0)
    pages = models.PositiveIntegerField(default=0)
    is_cut = models.BooleanField(default=False)
    key = models.BinaryField()
    text_key = models.BinaryField(default=bytes)
    created_by = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=now, editable=False)
    changed_at = models.DateTimeField(default=now)

    objects: ClassVar[ScopedManager[Document]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["collection", "digest"], name="document_content_once")]
        indexes = [
            models.Index(fields=["collection", "-created_at"], name="document_recent"),
            models.Index(
                fields=["state"], name="document_unread", condition=Q(state__in=["waiting", "reading"])
            ),
        ]


class IndexEntry(ScopedModel):
    """How far a document is in an index. `revision` is the one that is in it, 0 while none is; `text_id` and `text_key`
    are the text that its chunks are spans of. `done` of the `chunks` are in it already."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        DONE = "done", _("Ready")
        FAILED = "failed", _("Failed")

    index = models.ForeignKey(Index, on_delete=models.CASCADE, related_name="entries")
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="entries")
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    problem = models.CharField(max_length=24, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    revision = models.PositiveIntegerField(default=0)
    text_id = models.UUIDField(null=True, editable=False)
    text_key = models.BinaryField(default=bytes)
    chunks = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    tokens = models.PositiveIntegerField(default=0)
    indexed_at = models.DateTimeField(null=True)

    objects: ClassVar[ScopedManager[IndexEntry]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["index", "document"], name="index_entry_once")]
        indexes = [models.Index(fields=["index"], name="index_entry_open", condition=Q(state="waiting"))]


class Chunk(ScopedModel):
    """A span of a document's text that can be found. `content` is a ChunkText in JSON, sealed; `id` names its vector.

    `name` is made of the content alone (chunking.Chunk.id): the same words have the same name in the next revision.
    `start` and `end` are characters of the document's text, `parent_start` and `parent_end` of what is read around.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    index = models.ForeignKey(Index, on_delete=models.CASCADE, related_name="chunks", db_index=False)
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="chunks")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=64)
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    parent_start = models.PositiveIntegerField()
    parent_end = models.PositiveIntegerField()
    page = models.PositiveIntegerField(default=0)
    tokens = models.PositiveIntegerField()
    terms = models.PositiveIntegerField()
    content = models.BinaryField()

    objects: ClassVar[ScopedManager[Chunk]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        indexes = [
            models.Index(fields=["index", "document", "number"], name="chunk_place"),
            models.Index(fields=["index", "name"], name="chunk_name"),
        ]


class VectorRemoval(ScopedModel):
    """Vectors that are to go from Chroma; written in the transaction that removes their chunks, worked off after it.

    `chunk_ids` names them; None: the Chroma collection as a whole.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    vectors_name = models.CharField(max_length=64)
    chunk_ids = models.JSONField(null=True)
    created_at = models.DateTimeField(default=now, editable=False)

    objects: ClassVar[ScopedManager[VectorRemoval]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        pass
