"""Conversations read whole, for files and snapshots: a few messages at a time, however many there are.

All run in the conversation's workspace scope.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from chatplatform.chat.attachments.views import attachments_of
from chatplatform.chat.content import text_of, thinking_of, title_of
from chatplatform.chat.models import Conversation, Message, Turn
from chatplatform.chat.segments import joined_text, said_so_far
from chatplatform.common.errors import NotFound
from chatplatform.privacy.subjects import Subject
from chatplatform.sharing.limits import BATCH_MESSAGES


@dataclass(frozen=True, slots=True)
class SaidFile:
    """What was attached: its name and size, not the file."""

    name: str = field(repr=False)
    kind: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Said:
    """A message with what is known of how it came about. `turn` is set where a model answered; `thinking` is read for
    those alone who ask for it."""

    id: UUID
    parent_id: UUID | None
    role: str
    is_shown: bool
    text: str = field(repr=False)
    created_at: datetime
    turn: Turn | None
    files: tuple[SaidFile, ...] = ()
    thinking: str = field(default="", repr=False)

    @property
    def file_names(self) -> str:
        return ", ".join(" ".join(file.name.split()) for file in self.files)

    @property
    def is_question(self) -> bool:
        return self.role == Message.Role.USER


def own_conversation(person_id: UUID, conversation_id: UUID) -> Conversation:
    """Raises NotFound when it does not exist or is another person's."""
    found = Conversation.objects.filter(id=conversation_id, owner_id=person_id).first()
    if found is None:
        raise NotFound("conversation_not_found", _("This conversation does not exist, or it is not yours."))
    return found


def title_or_none(conversation: Conversation) -> str:
    return title_of(conversation) or _("New chat")


def everything_said(conversation: Conversation) -> Iterator[Said]:
    """All messages of all branches, with what was thought before them; parents come before their children."""
    return _said(conversation, only_shown=False, with_thinking=True)


def shown_path(conversation: Conversation) -> Iterator[Said]:
    """The messages of the branch that is shown, without answers that have no word yet."""
    return (said for said in _said(conversation, only_shown=True) if said.text)


def _said(conversation: Conversation, *, only_shown: bool, with_thinking: bool = False) -> Iterator[Said]:
    owner = Subject.person(conversation.owner_id)
    after = -1
    while True:
        rows = Message.objects.filter(conversation=conversation, number__gt=after)
        if only_shown:
            rows = rows.filter(on_path=True)
        if not with_thinking:
            rows = rows.defer("thinking")
        page = list(rows.select_related("turn").order_by("number")[:BATCH_MESSAGES])
        attached = attachments_of(conversation.owner_id, [row.id for row in page])
        for row in page:
            turn: Turn | None = getattr(row, "turn", None)
            yield Said(
                id=row.id,
                parent_id=row.parent_id,
                role=row.role,
                is_shown=row.on_path,
                text=_text(row, turn, owner),
                created_at=row.created_at,
                turn=turn,
                thinking=_thinking(row, turn, owner) if with_thinking else "",
                files=tuple(SaidFile(file.name, file.kind, file.size) for file in attached.get(row.id, ())),
            )
        if len(page) < BATCH_MESSAGES:
            return
        after = page[-1].number


def _thinking(row: Message, turn: Turn | None, owner: Subject) -> str:
    if turn is None or turn.state in (Turn.State.FINISHED, Turn.State.STOPPED):
        return thinking_of(row, owner)
    return said_so_far(turn, owner).thinking


def _text(row: Message, turn: Turn | None, owner: Subject) -> str:
    """While an answer runs, and after it failed, its text is in the turn's segments."""
    if turn is None or turn.state in (Turn.State.FINISHED, Turn.State.STOPPED):
        return text_of(row, owner)
    text, _last = joined_text(turn, owner)
    return text
