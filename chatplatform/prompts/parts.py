"""Where each part of a prompt comes from, and the door through which features put their own parts in.

A prompt is made of the assistant's text (`system`), what was said (`history`, `question`, and `thinking` and `answer`
where one is continued) and what features add: the instructions of a folder, a summary of what was said earlier,
memories, files, passages of sources. A feature adds its parts by a PartSource:

    class FolderInstructions:
        origins = ("folder",)

        async def parts(self, request: PartsRequest) -> Sequence[Part]:
            row = await in_thread(folder_of)(request.conversation_id)
            text = f"Instructions for this folder:\\n{row.instructions}"
            return [Part("folder", text, ref=f"{row.id}:{row.version}")]

        def text_again(self, part: PartRef, *, owner_id: UUID) -> str | None:
            return ...  # the same text, read anew by its ref; None where it was changed or deleted

    add_source(FolderInstructions())  # in the app's ready()

Two places there are. A part without a `message_id` stands before all that was said: it goes in front of the first
message of the history, so that the assistant's own text stays the same for everybody, which engines read once for
all. A part with one stands in front of that message of the person's, there and in every later turn, until the
message is left out with its parts. What changes from turn to turn belongs to the question (`request.question_id`):
a changed part before the history makes the engine read everything behind it anew.

`ref` names what the text was made of, with its version: the same ref promises the same text. It is kept beside the
turn in clear, so it holds ids and numbers and never content.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol
from uuid import UUID

Origin = Literal[
    "system", "folder", "memory", "summary", "file", "source", "history", "question", "thinking", "answer"
]

# of parts that stand in one place: what changes seldom comes first
ORDER: Final[tuple[Origin, ...]] = ("folder", "memory", "summary", "file", "source")
BETWEEN: Final = "\n\n"


@dataclass(frozen=True, slots=True)
class Part:
    """A text that goes into the prompt beside what was said; where it stands is said above.

    `tokens` is how long it is, None where that has still to be counted.
    """

    origin: Origin
    text: str = field(repr=False)
    ref: str = ""
    message_id: UUID | None = None
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class PartRef:
    """A part without its text: `chars` characters that an `origin` put in, named by `ref`."""

    origin: Origin
    ref: str
    chars: int


@dataclass(frozen=True, slots=True)
class PlacedPart:
    """A part of an assembled prompt: the next `chars` characters of its message number `message`, of which `thinking`
    stands beside the content.

    The parts of a message, in order, are the whole message; what stands between two belongs to the first. `tokens` is
    as counted or estimated; what a template puts around a message belongs to the message's last part.
    """

    origin: Origin
    message: int
    chars: int
    tokens: int
    ref: str = ""


@dataclass(frozen=True, slots=True)
class PartsRequest:
    """What a source is told of the prompt that is being built. Its `message_ids`, the person's and the assistant's,
    are in order and end with the question's; `earlier_questions` are the person's last ones, the oldest first.
    `room_tokens` is what prompt and parts may have together; `reading_tokens` how much can be read in the wished time
    to the first word, None without a wish."""

    workspace_id: UUID
    conversation_id: UUID
    owner_id: UUID
    turn_id: UUID
    assistant_id: UUID
    question_id: UUID
    question: str = field(repr=False)
    earlier_questions: tuple[str, ...] = field(repr=False)
    message_ids: tuple[UUID, ...]
    room_tokens: int
    reading_tokens: int | None
    model: str


class AnsweredAlready(Exception):
    """A source knows the answer: `text`, in Markdown, is said as it is, and no model is asked."""

    def __init__(self, text: str) -> None:
        super().__init__()  # words of people never stand in tracebacks
        self.text = text


class PartSource(Protocol):
    """A feature that adds parts. Both methods run in the workspace's scope; the second not in an event loop."""

    @property
    def origins(self) -> tuple[Origin, ...]: ...

    async def parts(self, request: PartsRequest) -> Sequence[Part]:
        """What to put in. Raises a PlatformError where the answer would be wrong without it, and AnsweredAlready where
        no model has to be asked."""
        ...

    def text_again(self, part: PartRef, *, owner_id: UUID) -> str | None:
        """The text of a part that was put in earlier, as it was; None where it is not there any more."""
        ...


_sources: list[PartSource] = []


def add_source(source: PartSource) -> None:
    """Have `source` asked for every prompt of the chat from now on."""
    _sources.append(source)


async def parts_for(request: PartsRequest) -> list[Part]:
    """What all sources put in, in the order in which it will stand."""
    found: list[Part] = []
    for source in _sources:
        found += [part for part in await source.parts(request) if part.text]
    return in_order(found)


def in_order(parts: Iterable[Part]) -> list[Part]:
    """Parts of one place as they stand there: what changes seldom comes first."""
    return sorted(parts, key=lambda part: ORDER.index(part.origin) if part.origin in ORDER else len(ORDER))


def text_again(part: PartRef, *, owner_id: UUID) -> str | None:
    """The text of a part that was in an earlier prompt; None where nobody has it any more."""
    for source in _sources:
        if part.origin in source.origins:
            text = source.text_again(part, owner_id=owner_id)
            if text is not None:
                return text
    return None
