"""What the drawer of an answer shows, before it has any words or markup. Counts are in tokens, times in seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from chatplatform.chat.protocol import LeftOutView, TurnState
from chatplatform.prompts.parts import Origin

# what a template puts around messages is nobody's text
Shown = Origin | Literal["template"]
ORIGINS: tuple[Shown, ...] = (
    "system",
    "folder",
    "memory",
    "summary",
    "history",
    "file",
    "source",
    "question",
    "thinking",
    "answer",
    "template",
)


@dataclass(frozen=True, slots=True)
class PartView:
    """A part of the prompt, in order; `ref` names what it was made of."""

    origin: Shown
    role: str
    message: int
    tokens: int
    cached_tokens: int
    ref: str = ""


@dataclass(frozen=True, slots=True)
class OriginView:
    """All parts of one origin together; `parts` is how many."""

    origin: Shown
    tokens: int
    cached_tokens: int
    parts: int


@dataclass(frozen=True, slots=True)
class WindowView:
    """How full the model's window is: prompt and answer so far, what is kept free for the answer, and what is free
    besides."""

    tokens: int
    prompt_tokens: int
    answer_tokens: int
    reserved_tokens: int

    @property
    def used(self) -> int:
        return min(self.tokens, self.prompt_tokens + self.answer_tokens)

    @property
    def reserved(self) -> int:
        """What is still kept for the answer."""
        return max(0, min(self.reserved_tokens - self.answer_tokens, self.tokens - self.used))

    @property
    def free(self) -> int:
        return self.tokens - self.used - self.reserved

    @property
    def percent(self) -> int:
        return round(100 * self.used / self.tokens) if self.tokens else 0


@dataclass(frozen=True, slots=True)
class TimingView:
    """`queue_s` until the engine began to read, `reading_s` until the first word, `writing_s` from there to the end;
    None where that has not come. `first_word_s` is from the sending."""

    queue_s: float | None
    reading_s: float | None
    first_word_s: float | None
    writing_s: float | None
    tokens_a_second: float | None


@dataclass(frozen=True, slots=True)
class CallView:
    """A call of a model for this answer: what for, where it went and how it went."""

    id: UUID
    purpose: str
    state: str
    error_code: str
    destination: str
    host: str
    is_local: bool
    model: str
    opened_at: datetime
    total_s: float | None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An entry of the audit log; `index` is its leaf in the tree, None until it has one. `commitment` is the salted
    hash of the prompt that it holds."""

    id: int
    code: str
    at: datetime
    index: int | None
    commitment: str = ""


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """A passage that the model was given. `percent` is how sure it was that it answers its question; None where nothing
    was looked up for it."""

    number: int
    kind: str
    title: str = field(repr=False)
    percent: int | None = None


@dataclass(frozen=True, slots=True)
class InsideView:
    """`request` counts from 1 to `requests`: which of the turn's requests this is; 0 when nothing was sent yet.
    `is_counted`: by the engine, not estimated. `can_replay`: the prompt was sent whole and is over. Of what was
    written, `thinking_tokens` were thought, in `thought_s` seconds; None where nothing was. `looked_up` is what sources
    were searched for, where that is more than the question."""

    turn_id: UUID
    conversation_id: UUID
    question_id: UUID
    answer_id: UUID
    state: TurnState
    request: int
    requests: int
    parts: tuple[PartView, ...]
    origins: tuple[OriginView, ...]
    window: WindowView | None
    is_counted: bool
    left_out: LeftOutView | None
    history_from: int | None
    sources: tuple[SourceEntry, ...]
    timing: TimingView | None
    sampling: dict[str, Any]
    asked_model: str
    model: str
    model_sha256: str
    prompt_id: UUID | None
    prompt_version_id: UUID | None
    prompt_name: str
    prompt_number: int | None
    prompt_sha256: str
    assistant_id: UUID | None
    calls: tuple[CallView, ...]
    audit: tuple[AuditEntry, ...]
    commitment: str
    created_at: datetime
    finished_at: datetime | None
    is_erased: bool = False
    looked_up: str = field(default="", repr=False)
    thinking_tokens: int = 0
    thought_s: float | None = None

    @property
    def is_over(self) -> bool:
        return self.state in ("finished", "stopped", "failed")

    @property
    def cached_tokens(self) -> int:
        return sum(part.cached_tokens for part in self.parts)

    @property
    def tokens(self) -> int:
        return sum(part.tokens for part in self.parts)
