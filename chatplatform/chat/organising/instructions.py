"""What a folder says to the model: its instructions go in front of all that is said in its conversations."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from chatplatform.chat.organising.content import instructions_of
from chatplatform.chat.organising.models import Folder
from chatplatform.common.threads import in_thread
from chatplatform.prompts.parts import Origin, Part, PartRef, PartsRequest

# for the model, in the language that its other instructions are in
OPENING = "Instructions from the user for this conversation:\n"


class FolderInstructions:
    """A part named `<folder id>:<version>`; the turn keeps that name, so its passport tells that they were used."""

    origins: tuple[Origin, ...] = ("folder",)

    async def parts(self, request: PartsRequest) -> Sequence[Part]:
        return await in_thread(parts_of)(request.conversation_id)

    def text_again(self, part: PartRef, *, owner_id: UUID) -> str | None:
        folder_id, _colon, version = part.ref.partition(":")
        folder = Folder.objects.filter(id=folder_id, owner_id=owner_id, version=version).first()
        return _text(folder) if folder is not None else None


def parts_of(conversation_id: UUID) -> list[Part]:
    folder = Folder.objects.filter(conversations__id=conversation_id).first()
    if folder is None or not folder.instructions:
        return []
    return [Part("folder", _text(folder), ref=f"{folder.id}:{folder.version}")]


def _text(folder: Folder) -> str:
    return OPENING + instructions_of(folder)
