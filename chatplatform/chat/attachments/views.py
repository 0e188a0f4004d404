"""Attachments as frames: what a socket is shown of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from uuid import UUID

from chatplatform.chat.attachments.given import given_of
from chatplatform.chat.attachments.models import Attachment
from chatplatform.chat.protocol import AttachmentView
from chatplatform.files.queries import file_details
from chatplatform.privacy.subjects import Subject


def attachments_of(owner_id: UUID, message_ids: Collection[UUID]) -> Mapping[UUID, list[AttachmentView]]:
    """What people attached to these messages, by message."""
    rows = Attachment.objects.filter(message_id__in=list(message_ids), is_further=False)
    found: dict[UUID, list[AttachmentView]] = defaultdict(list)
    for row in rows.select_related("file").order_by("position"):
        if row.message_id is not None and row.file.owner_id == owner_id:
            found[row.message_id].append(_view(row))
    return found


def attachments_of_queued(
    owner_id: UUID, queued_ids: Collection[UUID]
) -> Mapping[UUID, list[AttachmentView]]:
    """The same for messages that wait."""
    found: dict[UUID, list[AttachmentView]] = defaultdict(list)
    rows = Attachment.objects.filter(queued_id__in=list(queued_ids))
    for row in rows.select_related("file").order_by("position"):
        if row.queued_id is not None and row.file.owner_id == owner_id:
            found[row.queued_id].append(_view(row))
    return found


def attachment_view(owner_id: UUID, attachment_id: UUID) -> AttachmentView | None:
    row = Attachment.objects.filter(id=attachment_id, file__owner_id=owner_id).select_related("file").first()
    return _view(row) if row is not None else None


def _view(row: Attachment) -> AttachmentView:
    file = file_details(row.file)
    given = given_of(Subject.person(row.file.owner_id), row.id, bytes(row.given))
    return AttachmentView(
        id=row.id,
        file_id=file.id,
        name=file.name,
        kind=file.kind,
        size=file.size,
        state=file.state,
        problem=file.message,
        use=row.use,
        given=given.how if given is not None else "",
        passages=len(given.passages) if given is not None else 0,
        of_passages=given.of if given is not None else 0,
    )
