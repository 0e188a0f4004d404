"""A prompt as it was sent, made again from the rows it was made of, and proven to be the same, or said not to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from chatplatform.chat.content import text_of, thinking_of
from chatplatform.chat.inside.content import Contents, KeptPart, unseal
from chatplatform.chat.inside.models import SentPrompt
from chatplatform.chat.models import Message, Turn
from chatplatform.chat.segments import joined_text, said_so_far
from chatplatform.privacy.content import ContentErased, ContentUnreadable
from chatplatform.privacy.prompt import Prompt, PromptMessage, Role
from chatplatform.privacy.subjects import Subject
from chatplatform.prompts.models import PromptVersion
from chatplatform.prompts.parts import BETWEEN, PartRef, PlacedPart, text_again
from chatplatform.prompts.text_format import opening_messages

Fidelity = Literal["same", "changed", "gone"]


@dataclass(frozen=True, slots=True)
class RebuiltPart:
    """A part as it was sent. `text` is None where it is not there any more (`gone`), or is another one now
    (`changed`): what was not sent is never shown in its place."""

    placed: PlacedPart
    role: Role
    text: str | None = field(repr=False)
    fidelity: Fidelity


@dataclass(frozen=True, slots=True)
class RebuiltPrompt:
    """`is_proven`: every part was found again, and the whole has the hash that was recorded when it was sent."""

    parts: tuple[RebuiltPart, ...]
    roles: tuple[Role, ...]
    continue_final: bool
    is_proven: bool

    def messages(self) -> tuple[PromptMessage, ...]:
        """The messages that were sent. Raises ValueError where not all of them could be rebuilt."""
        contents, thought = [""] * len(self.roles), [""] * len(self.roles)
        for part in self.parts:
            if part.text is None:
                raise ValueError("a part of this prompt is not there any more")
            (thought if part.placed.origin == "thinking" else contents)[part.placed.message] += part.text
        said = zip(self.roles, contents, thought, strict=True)
        return tuple(PromptMessage(role, text, thinking=thinking) for role, text, thinking in said)

    def prompt(self) -> Prompt:
        """What was sent, to be cleared and sent again. Raises ValueError as `messages` does."""
        own = len({part.placed.message for part in self.parts if part.placed.origin == "system"})
        return Prompt(self.messages(), continue_final=self.continue_final, platform_messages=own)


def contents_of_sent(sent: SentPrompt, turn: Turn) -> Contents:
    """Raises ContentErased, ContentUnreadable and KeysUnavailable."""
    return unseal(bytes(sent.sealed), Subject.person(turn.owner_id), turn.id, sent.number)


def rebuild(sent: SentPrompt, turn: Turn) -> RebuiltPrompt:
    """Make the prompt of a turn again, in its workspace scope. Raises what `contents_of_sent` raises."""
    contents = contents_of_sent(sent, turn)
    texts = _Texts(turn, contents)
    parts = tuple(texts.rebuilt(kept) for kept in contents.parts)
    rebuilt = RebuiltPrompt(parts, contents.roles, contents.continue_final, is_proven=False)
    if any(part.text is None for part in parts):
        return rebuilt
    is_proven = contents.commitment(rebuilt.messages()) == sent.commitment
    return RebuiltPrompt(parts, contents.roles, contents.continue_final, is_proven)


class _Texts:
    """Where the texts of parts are found again; messages are read in one query."""

    def __init__(self, turn: Turn, contents: Contents) -> None:
        self._turn = turn
        self._owner = Subject.person(turn.owner_id)
        self._contents = contents
        self._openings: dict[str, tuple[PromptMessage, ...]] = {}
        said = [
            _uuid(kept.placed.ref) for kept in contents.parts if kept.placed.origin in ("history", "question")
        ]
        rows = Message.objects.filter(
            conversation_id=turn.conversation_id, id__in=[ref for ref in said if ref]
        )
        self._messages: Mapping[str, Message] = {str(row.id): row for row in rows}

    def rebuilt(self, kept: KeptPart) -> RebuiltPart:
        placed, role = kept.placed, self._contents.roles[kept.placed.message]
        try:
            text = self._text(placed)
        except (ContentErased, ContentUnreadable):
            text = None
        if text is None:
            return RebuiltPart(placed, role, None, "gone")
        if len(text) + len(BETWEEN) == placed.chars:
            text += BETWEEN
        if len(text) != placed.chars or self._contents.hash_of(text) != kept.sha256:
            return RebuiltPart(placed, role, None, "changed")
        return RebuiltPart(placed, role, text, "same")

    def _text(self, placed: PlacedPart) -> str | None:
        match placed.origin:
            case "system":
                opening = self._opening(placed.ref)
                return opening[placed.message].content if placed.message < len(opening) else None
            case "history" | "question":
                row = self._messages.get(placed.ref)
                return text_of(row, self._owner) if row is not None else None
            case "thinking":
                text = thinking_of(self._turn.answer, self._owner)
                text = text or said_so_far(self._turn, self._owner).thinking
                return text[: placed.chars] if len(text) >= placed.chars else None
            case "answer":
                text = text_of(self._turn.answer, self._owner) or joined_text(self._turn, self._owner)[0]
                return text[: placed.chars] if len(text) >= placed.chars else None
            case _:
                ref = PartRef(placed.origin, placed.ref, placed.chars)
                return text_again(ref, owner_id=self._turn.owner_id)

    def _opening(self, version_id: str) -> tuple[PromptMessage, ...]:
        if version_id not in self._openings:
            known = _uuid(version_id)
            row = PromptVersion.objects.filter(id=known).first() if known is not None else None
            self._openings[version_id] = opening_messages(row.text) if row is not None else ()
        return self._openings[version_id]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
