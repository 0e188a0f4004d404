"""Files in the prompt: whole where they fit, else the passages that the question is about.

What is chosen for a question is stored with it, word for word. Later turns, and other answers to the same question,
put exactly that in the same place, so that the engine need not read it again. It stands as data between lines that
nobody can guess, with a word before it that nothing in it is an instruction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from uuid import UUID

from django.utils.translation import gettext as _

from chatplatform.chat.attachments import choosing, links
from chatplatform.chat.attachments.given import Given
from chatplatform.chat.attachments.links import AttachedFile
from chatplatform.chat.models import Turn
from chatplatform.chat.sources.numbers import next_number
from chatplatform.common.errors import Unavailable
from chatplatform.common.threads import in_thread
from chatplatform.files.queries import unread
from chatplatform.prompts.parts import Origin, Part, PartRef, PartsRequest

# a question waits so long for its files; then the answer fails with a button to try again
READ_WAIT_S = 180.0
LOOK_EVERY_S = 0.25


class FilesUnread(Unavailable):
    """The files of the question are not read yet."""

    def __init__(self) -> None:
        super().__init__(
            "files_unread",
            _("The attached files are still being read. Your question is kept: try again in a moment."),
            retry_after_s=10,
        )


@dataclass(frozen=True, slots=True)
class AttachedFiles:
    """Adds the files of all messages that are in the prompt."""

    @property
    def origins(self) -> tuple[Origin, ...]:
        return ("file",)

    async def parts(self, request: PartsRequest) -> Sequence[Part]:
        """Raises FilesUnread where the question's files take too long."""
        attached = await in_thread(links.of_messages)(request.owner_id, request.message_ids)
        if not attached:
            return []
        own = [file for file in attached if file.message_id == request.question_id]
        if any(file.is_open for file in own):
            own = await self._chosen(request, own, attached)
        earlier = [file for file in attached if file.message_id != request.question_id]
        own += await self._further(request, own, earlier)
        together = [file for file in (*earlier, *own) if file.given is not None]
        await in_thread(links.cite)(request.turn_id, request.owner_id, together)
        return [_part(file) for file in together]

    def text_again(self, part: PartRef, *, owner_id: UUID) -> str | None:
        given = links.given_again(part.ref, owner_id=owner_id)
        return given.text if given is not None and len(given.text) == part.chars else None

    async def _chosen(
        self, request: PartsRequest, own: list[AttachedFile], attached: Sequence[AttachedFile]
    ) -> list[AttachedFile]:
        if not await _are_read([file.file_id for file in own], request.turn_id):
            return []
        own = await in_thread(links.of_messages)(request.owner_id, (request.question_id,))
        others = [file for file in attached if file.message_id != request.question_id or not file.is_open]
        open_files = [file for file in own if file.is_open and not file.is_further]
        number = await _next_number(request, others)
        chosen = await choosing.choose(request, open_files, first_number=number)
        return await in_thread(links.keep_given)(request.owner_id, own, chosen)

    async def _further(
        self, request: PartsRequest, own: Sequence[AttachedFile], earlier: Sequence[AttachedFile]
    ) -> list[AttachedFile]:
        """Of files that were given in passages before, what this question is about."""
        of_question = {file.file_id for file in own}
        found: list[AttachedFile] = []
        for file in earlier:
            is_partly = file.given is not None and file.given.how == "passages" and not file.is_further
            if not is_partly or file.file_id in of_question:
                continue
            of_question.add(file.file_id)
            given = [each.given for each in earlier if each.file_id == file.file_id and each.given]
            number = await _next_number(request, [*earlier, *own, *found])
            more = await choosing.choose_further(request, file, given, first_number=number)
            kept = await in_thread(links.keep_further)(
                request.owner_id, request.question_id, file, more, position=len(of_question)
            )
            if kept is not None:
                found.append(kept)
        return found


async def _are_read(file_ids: Sequence[UUID], turn_id: UUID) -> bool:
    """Wait for the files; False when the person stops the answer meanwhile. Raises FilesUnread."""
    deadline = monotonic() + READ_WAIT_S
    while await in_thread(unread)(file_ids):
        if monotonic() > deadline:
            raise FilesUnread
        await asyncio.sleep(LOOK_EVERY_S)
        if not await in_thread(_is_wanted)(turn_id):
            return False
    return True


def _is_wanted(turn_id: UUID) -> bool:
    return Turn.objects.filter(id=turn_id, stop_requested_at=None).exists()


async def _next_number(request: PartsRequest, files: Sequence[AttachedFile]) -> int:
    """A number that no passage of the conversation has, be it of a file or of something else."""
    here = max((passage.number for file in files if file.given for passage in file.given.passages), default=0)
    return max(1 + here, await in_thread(next_number)(request.owner_id, request.message_ids))


def _part(file: AttachedFile) -> Part:
    given: Given | None = file.given
    assert given is not None
    return Part("file", given.text, ref=file.ref, message_id=file.message_id, tokens=given.tokens)
