"""The rows that tie files to messages. In a workspace scope; every read is of one person's own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from chatplatform.chat.attachments.given import Given, given_of, sealed_given
from chatplatform.chat.attachments.models import Attachment
from chatplatform.chat.sources.passages import AROUND_CHARS, MOST_SOURCES, PASSAGE_CHARS, Source
from chatplatform.chat.sources.services import keep_sources
from chatplatform.common.actors import Actor
from chatplatform.common.errors import InvalidInput, NotFound
from chatplatform.common.scope import current_workspace_id
from chatplatform.files.content import document_of, name_of
from chatplatform.files.models import StoredFile
from chatplatform.files.services import record_use, take_for_message
from chatplatform.privacy.errors import ContentUnreadable
from chatplatform.privacy.subjects import Subject


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A file of a message, with what was given of it."""

    id: UUID
    message_id: UUID
    file_id: UUID
    name: str = field(repr=False)
    state: str
    problem: str
    use: str
    given: Given | None
    given_use: str
    version: int
    is_further: bool

    @property
    def ref(self) -> str:
        return f"{self.id}:{self.version}"

    @property
    def is_open(self) -> bool:
        """Whether it has still to be chosen what is given, or is to be chosen anew."""
        return self.given is None or self.given_use != self.use


def attach(
    file_ids: Sequence[UUID], *, owner_id: UUID, message_id: UUID | None = None, queued_id: UUID | None = None
) -> None:
    """Tie files of the person's to a message of theirs, or to one that waits; inside the caller's transaction.

    Raises what `take_for_message` does.
    """
    if not file_ids:
        return
    Attachment.objects.bulk_create(
        [
            Attachment(
                workspace_id=file.workspace_id,
                message_id=message_id,
                queued_id=queued_id,
                file=file,
                position=position,
                use=file.use,
            )
            for position, file in enumerate(take_for_message(file_ids, person_id=owner_id))
        ]
    )


def send_queued_files(queued_id: UUID, message_id: UUID) -> None:
    """What waited with a message belongs to what became of it; before the row that waited goes."""
    Attachment.objects.filter(queued_id=queued_id).update(queued=None, message_id=message_id)


def choose_use(attachment_id: UUID, use: str, *, actor: Actor) -> None:
    """How the next answer to the question gets the file. Raises NotFound, InvalidInput."""
    if use not in StoredFile.Use.values:
        raise InvalidInput("use_unknown", _("There is no such way to use a file."))
    rows = Attachment.objects.filter(id=attachment_id, file__owner_id=UUID(actor.id), is_further=False)
    attachment = rows.select_related("file").first()
    if attachment is None:
        raise NotFound("file_not_found", _("This file does not exist, or it is not yours."))
    with transaction.atomic():
        Attachment.objects.filter(id=attachment_id).update(use=use)
        record_use(attachment.file, use, actor=actor)


def attach_again(
    from_message_id: UUID, to_message_id: UUID, *, owner_id: UUID, with_given: bool = False
) -> None:
    """Give another message of the same person the same files; inside the caller's transaction.

    `with_given`: it is the same question (a fork), so what was given for it holds as well.
    """
    _copy({from_message_id: to_message_id}, owner_id, with_given=with_given)


def attach_all_again(messages: Mapping[UUID, UUID], *, owner_id: UUID) -> None:
    """Give copies of messages the same files, with what was given of them: by the copied one's id, the copy's."""
    _copy(messages, owner_id, with_given=True)


def _copy(messages: Mapping[UUID, UUID], owner_id: UUID, *, with_given: bool) -> None:
    owner = Subject.person(owner_id)
    for row in _rows(owner_id, messages):
        if row.message_id is None or (row.is_further and not with_given):
            continue
        copy = Attachment(
            workspace_id=row.workspace_id,
            message_id=messages[row.message_id],
            file_id=row.file_id,
            position=row.position,
            use=row.use,
            is_further=row.is_further,
        )
        given = given_of(owner, row.id, bytes(row.given)) if with_given else None
        if given is not None:
            copy.given, copy.given_use, copy.version = sealed_given(owner, copy.id, given), row.given_use, 1
        copy.save(force_insert=True)


def of_messages(owner_id: UUID, message_ids: Collection[UUID]) -> list[AttachedFile]:
    """In the order of the messages as they are given, and of the files in each."""
    places = {message_id: place for place, message_id in enumerate(message_ids)}
    found = [_attached(row) for row in _rows(owner_id, message_ids)]
    return sorted(found, key=lambda file: places[file.message_id])


def keep_given(
    owner_id: UUID, files: Sequence[AttachedFile], chosen: Mapping[UUID, Given]
) -> list[AttachedFile]:
    """Store what was chosen. Where another process was quicker, what it stored is taken."""
    owner = Subject.person(owner_id)
    kept: list[AttachedFile] = []
    with transaction.atomic():
        for file in files:
            given = chosen.get(file.id)
            if given is None:
                kept.append(file)
                continue
            changed = Attachment.objects.filter(id=file.id, version=file.version).update(
                given=sealed_given(owner, file.id, given), given_use=file.use, version=F("version") + 1
            )
            row = None if changed else Attachment.objects.select_related("file").filter(id=file.id).first()
            if changed:
                kept.append(replace(file, given=given, given_use=file.use, version=file.version + 1))
            elif row is not None:
                kept.append(_attached(row))
    return kept


def keep_further(
    owner_id: UUID, message_id: UUID, file: AttachedFile, given: Given, *, position: int
) -> AttachedFile | None:
    """Store passages of an earlier file with the question that they were chosen for; None where that was done."""
    row = Attachment(
        workspace_id=current_workspace_id(),
        message_id=message_id,
        file_id=file.file_id,
        position=position,
        use=StoredFile.Use.PASSAGES,
        given_use=StoredFile.Use.PASSAGES,
        version=1,
        is_further=True,
    )
    row.given = sealed_given(Subject.person(owner_id), row.id, given)
    with transaction.atomic():
        Attachment.objects.bulk_create([row], ignore_conflicts=True)
        stored = Attachment.objects.select_related("file").filter(message_id=message_id, file_id=file.file_id)
        found = stored.first()
    return _attached(found) if found is not None else None


def last_number(owner_id: UUID, message_ids: Collection[UUID]) -> int:
    """The highest number that a passage of these messages' files has; 0 without one."""
    files = (_attached(row) for row in _rows(owner_id, message_ids))
    return max((one.number for file in files if file.given for one in file.given.passages), default=0)


def given_again(ref: str, *, owner_id: UUID) -> Given | None:
    """What the part with this ref was made of; None where it was given anew since, or is gone."""
    attachment_id, _colon, version = ref.partition(":")
    try:
        wanted = UUID(attachment_id), int(version)
    except ValueError:
        return None
    row = Attachment.objects.filter(
        id=wanted[0], version=wanted[1], message__conversation__owner_id=owner_id
    ).first()
    return given_of(Subject.person(owner_id), row.id, bytes(row.given)) if row is not None else None


def cite(turn_id: UUID, owner_id: UUID, files: Sequence[AttachedFile]) -> None:
    """Let the answer's numbers open the passages that it was given."""
    sources: list[Source] = []
    for file in files:
        if file.given is None or not file.given.passages:
            continue
        row = StoredFile.objects.filter(id=file.file_id, owner_id=owner_id).first()
        try:
            text = document_of(row).text if row is not None else ""
        except (ContentUnreadable, OSError):
            text = ""
        for passage in file.given.passages:
            if text and 0 < passage.number <= MOST_SOURCES:
                sources.append(
                    Source(
                        number=passage.number,
                        kind="file",
                        document_id=file.file_id,
                        title=file.name,
                        passage=text[passage.start : passage.end][:PASSAGE_CHARS],
                        before=text[max(0, passage.start - AROUND_CHARS // 4) : passage.start],
                        after=text[passage.end : passage.end + AROUND_CHARS // 4],
                        start=passage.start,
                        end=passage.end,
                        page=passage.page or None,
                    )
                )
    if sources:
        keep_sources(turn_id, sources, kind="file")


def _rows(owner_id: UUID, message_ids: Collection[UUID]) -> list[Attachment]:
    return list(
        Attachment.objects.filter(message_id__in=list(message_ids), message__conversation__owner_id=owner_id)
        .select_related("file")
        .order_by("message_id", "position")
    )


def _attached(row: Attachment) -> AttachedFile:
    owner = Subject.person(row.file.owner_id)
    assert row.message_id is not None, "only files of messages are asked for"
    return AttachedFile(
        id=row.id,
        message_id=row.message_id,
        file_id=row.file_id,
        name=name_of(row.file),
        state=row.file.state,
        problem=row.file.problem,
        use=row.use,
        given=given_of(owner, row.id, bytes(row.given)),
        given_use=row.given_use,
        version=row.version,
        is_further=row.is_further,
    )
