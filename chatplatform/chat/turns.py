"""What a runner does with a turn's rows: take it up, keep it, end it. Every change is fenced by the lease."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from django.db import transaction

from chatplatform.audit.services import Target, record
from chatplatform.chat import audit_events as events
from chatplatform.chat import limits
from chatplatform.chat.announcements import announce
from chatplatform.chat.content import sealed_message, sealed_thinking, text_of
from chatplatform.chat.inside.models import SentPrompt
from chatplatform.chat.leases import is_certainly_dead, this_process
from chatplatform.chat.models import Announcement, Conversation, Message, Segment, Turn
from chatplatform.chat.searchable import find_anew
from chatplatform.chat.segments import LeaseLost, Said, said_so_far
from chatplatform.chat.summaries.queries import PastSummary, summaries_before
from chatplatform.chat.summaries.services import want_summary
from chatplatform.chat.thinking import ThinkingClock
from chatplatform.chat.tree import path_before
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import NotFound
from chatplatform.common.scope import all_workspaces, workspace_scope
from chatplatform.inference.cache_owners import forget_soon
from chatplatform.jobs.services import enqueue
from chatplatform.privacy.prompt import PromptMessage
from chatplatform.privacy.subjects import Subject
from chatplatform.prompts.queries import ReleasedPrompt, released_prompt
from chatplatform.usage.services import add_answer, take_back_turn

RUNNER = Actor.system("turn-runner")


# small talk may be among them
EARLIER_QUESTIONS = 6


@dataclass(frozen=True, slots=True)
class PastMessage:
    """A message of the conversation; `tokens` is its length for the model with the hash `tokens_of`, if known."""

    id: UUID
    number: int
    message: PromptMessage
    tokens: int | None
    tokens_of: str


@dataclass(frozen=True, slots=True)
class LastPrompt:
    """What the turn before was prompted with. `tokens` are prompt and answer together, 0 where not all is known;
    `context` names what features put before the history."""

    history_from: int
    reason: str
    model: str
    model_sha256: str
    prompt_sha256: str
    tokens: int
    finished_at: datetime
    context: str = ""


@dataclass(frozen=True, slots=True)
class TurnWork:
    """All that the pipeline needs of the rows.

    `history` ends with the question; `left_out` older messages are not in it. `summaries` hold for what was said
    before, the shortest reach first. `last` is the turn whose answer was
    there when the question was asked. `text` is what is answered so far, `thinking` what was thought before it, durable
    up to segment `segment`; `clock` says for how long.
    """

    id: UUID
    workspace_id: UUID
    conversation_id: UUID
    answer_id: UUID
    owner_id: UUID
    token_id: UUID | None
    prompt: ReleasedPrompt
    history: tuple[PastMessage, ...]
    left_out: int
    last: LastPrompt | None
    text: str
    segment: int
    stop_requested: bool
    # characters that were there when a person had the answer continued: they leave its greatest length untouched
    continued_from: int = 0
    summaries: tuple[PastSummary, ...] = ()
    thinking: str = ""
    clock: ThinkingClock = field(default_factory=ThinkingClock)

    @property
    def characters(self) -> int:
        """All that is written so far, thinking included."""
        return len(self.text) + len(self.thinking)

    @property
    def earlier_questions(self) -> tuple[str, ...]:
        """The last ones before the question, the oldest first: what it may point back to."""
        asked = [past.message.content for past in self.history[:-1] if past.message.role == "user"]
        return tuple(asked[-EARLIER_QUESTIONS:])


@dataclass(frozen=True, slots=True)
class Passport:
    """What an answer was made of, for its row and the audit log; `prompt_commitment` is for the log alone, and
    `wants_summary` says that the older messages should be summarised before long. `thinking_tokens` are those of this
    run, `thought_s` all seconds of the turn."""

    assistant_id: UUID | None = None
    prompt_version_id: UUID | None = None
    prompt_sha256: str = ""
    model: str = ""
    model_sha256: str = ""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    window_tokens: int = 0
    messages_left_out: int = 0
    left_out_reason: str = ""
    history_from: int | None = None
    context_retries: int = 0
    cut_at_limit: bool = False
    first_token_s: float | None = None
    total_s: float | None = None
    prompt_commitment: str = ""
    wants_summary: bool = False
    thinking_tokens: int = 0
    thought_s: float | None = None

    def ending(self, state: Turn.State, error_code: str) -> dict[str, str | int]:
        """What the audit log says of the turn's end, wherever the turn lived."""
        return {
            "state": str(state),
            "error_code": error_code,
            "model": self.model,
            "model_sha256": self.model_sha256,
            "prompt_version_id": str(self.prompt_version_id or ""),
            "prompt_tokens": self.prompt_tokens,
            "cached_tokens": self.cached_tokens,
            "completion_tokens": self.completion_tokens,
            "messages_left_out": self.messages_left_out,
            "left_out_reason": self.left_out_reason,
            "context_retries": self.context_retries,
        }


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A turn that somebody is, or should be, running."""

    id: UUID
    workspace_id: UUID
    conversation_id: UUID
    owner_id: UUID


def abandoned_turns(running: Collection[UUID]) -> list[Unfinished]:
    """Turns, but for those that are `running` here, whose lease is over or whose process is certainly dead."""
    with all_workspaces("any web process takes up what another dropped"):
        rows = Turn.objects.filter(state__in=Turn.UNFINISHED).exclude(id__in=running)
        return [
            Unfinished(row["id"], row["workspace_id"], row["conversation_id"], row["owner_id"])
            for row in rows.values(
                "id",
                "workspace_id",
                "conversation_id",
                "owner_id",
                "lease_owner",
                "lease_expires_at",
            )
            if row["lease_expires_at"] < now() or is_certainly_dead(row["lease_owner"])
        ]


def claim(turn: Unfinished) -> bool:
    """Take the turn over by compare-and-set; false when another process was quicker."""
    with workspace_scope(turn.workspace_id), transaction.atomic():
        row = Turn.objects.select_for_update().filter(id=turn.id, state__in=Turn.UNFINISHED).first()
        if row is None or (row.lease_expires_at >= now() and not is_certainly_dead(row.lease_owner)):
            return False
        row.lease_owner = this_process()
        row.lease_expires_at = _lease_end()
        row.attempts += 1
        row.save(update_fields=["lease_owner", "lease_expires_at", "attempts"])
        record(
            events.TURN_CONTINUED,
            actor=RUNNER,
            workspace_id=turn.workspace_id,
            target=Target("turn", str(turn.id)),
            details={"attempt": row.attempts},
        )
    return True


def renew_leases(turn_ids: list[UUID]) -> set[UUID]:
    """Keep the leases of this process alive; gives those that still hold."""
    with all_workspaces("one statement renews every lease of the process"), transaction.atomic():
        held = Turn.objects.filter(id__in=turn_ids, lease_owner=this_process(), state__in=Turn.UNFINISHED)
        held.update(lease_expires_at=_lease_end())
        return set(held.values_list("id", flat=True))


def release_leases() -> None:
    """Let others take up at once what this process leaves behind when it shuts down."""
    with all_workspaces("one statement releases every lease of the process"):
        Turn.objects.filter(lease_owner=this_process(), state__in=Turn.UNFINISHED).update(
            lease_expires_at=now() - timedelta(seconds=1)
        )


def load(turn_id: UUID) -> TurnWork:
    """Read the turn's work inside its workspace scope.

    Raises LeaseLost when it is gone or somebody else's, NotFound when its assistant is gone.
    """
    turn = (
        Turn.objects.filter(id=turn_id, lease_owner=this_process(), state__in=Turn.UNFINISHED)
        .select_related("conversation", "question")
        .first()
    )
    if turn is None:
        raise LeaseLost
    return _work(turn, said_so_far(turn, Subject.person(turn.owner_id)))


def fresh_work(turn: Turn) -> TurnWork | None:
    """The work of a turn that this process has just begun: nothing is answered yet. None without an assistant."""
    try:
        return _work(turn, Said("", "", 0))
    except NotFound:
        return None  # the run will meet it again, and end the turn with that


def _work(turn: Turn, said: Said) -> TurnWork:
    owner = Subject.person(turn.owner_id)
    before, left_out = _history_before(turn, owner) if turn.question.parent_id is not None else ([], 0)
    assistant_id = turn.asked_assistant_id or turn.conversation.assistant_id
    prompt = released_prompt(assistant_id, reader_id=turn.owner_id)
    if turn.asked_model:
        prompt = replace(prompt, model=turn.asked_model)
    return TurnWork(
        id=turn.id,
        workspace_id=turn.workspace_id,
        conversation_id=turn.conversation_id,
        answer_id=turn.answer_id,
        owner_id=turn.owner_id,
        token_id=turn.token_id,
        prompt=prompt,
        history=(*before, _past(turn.question, owner)),
        left_out=left_out,
        last=_last_prompt(turn.question.parent_id) if before else None,
        text=said.text,
        thinking=said.thinking,
        segment=said.segment,
        clock=ThinkingClock(turn.thought_s, turn.thinking_since),
        stop_requested=turn.stop_requested_at is not None,
        continued_from=turn.continued_from,
        summaries=tuple(summaries_before(turn.question, owner)) if before and prompt.summaries else (),
    )


def _past(row: Message, owner: Subject) -> PastMessage:
    role: Literal["user", "assistant"] = "user" if row.role == Message.Role.USER else "assistant"
    return PastMessage(
        row.id, row.number, PromptMessage(role, text_of(row, owner)), row.tokens, row.tokens_of
    )


def _last_prompt(answer_id: UUID | None) -> LastPrompt | None:
    """The prompt of the turn that gave this answer, if it is known where its history began."""
    row = Turn.objects.filter(answer_id=answer_id, history_from__isnull=False).first()
    if row is None or row.history_from is None or row.finished_at is None:
        return None
    is_whole = row.state == Turn.State.FINISHED and row.prompt_tokens > 0
    # what was thought is not put back into a prompt, so what the engine has read ends before it
    written = 0 if row.thinking_tokens else row.completion_tokens
    return LastPrompt(
        history_from=row.history_from,
        reason=row.left_out_reason,
        model=row.model,
        model_sha256=row.model_sha256,
        prompt_sha256=row.prompt_sha256,
        tokens=row.prompt_tokens + written if is_whole else 0,
        finished_at=row.finished_at,
        context=_context_of(row),
    )


def _context_of(turn: Turn) -> str:
    sent = SentPrompt.objects.filter(turn=turn).order_by("-number").values_list("context", flat=True)
    return sent.first() or ""


def _history_before(turn: Turn, owner: Subject) -> tuple[list[PastMessage], int]:
    """The messages before the turn's question, oldest first, and how many older ones are left out.

    A long conversation is cut at a multiple of messages, so that the beginning stays where it is for many turns
    and the engine need not read it anew. Answers without a word are no messages.
    """
    path = path_before(turn.question).order_by("number")
    excess = max(0, path.count() - limits.HISTORY_MESSAGES)
    left_out = -(-excess // limits.HISTORY_STEP) * limits.HISTORY_STEP
    messages = [_past(row, owner) for row in path[left_out:]]
    return [past for past in messages if past.message.content], left_out


def forget_deleted(turn_id: UUID, owner_id: UUID) -> None:
    """Have engines forget what they read of a turn that was deleted while it was answered; one that another process
    runs now is not touched."""
    with transaction.atomic():
        if not Turn.objects.filter(id=turn_id).exists():
            forget_soon(Subject.person(owner_id), actor=RUNNER)


def set_state(turn_id: UUID, state: Turn.State) -> None:
    """Note that the turn runs or waits, for those who see it from another process."""
    Turn.objects.filter(id=turn_id, lease_owner=this_process(), state__in=Turn.UNFINISHED).update(state=state)


def set_thinking(turn_id: UUID, clock: ThinkingClock) -> None:
    """Note that the model thinks, or how long it thought, for those who see it from another process."""
    Turn.objects.filter(id=turn_id, lease_owner=this_process(), state__in=Turn.UNFINISHED).update(
        thinking_since=clock.since, thought_s=clock.before_s
    )


def finish(
    turn_id: UUID,
    state: Turn.State,
    passport: Passport,
    *,
    error_code: str = "",
    lengths: Mapping[UUID, int] | None = None,
    lengths_of: str = "",
) -> None:
    """End the turn: its segments become the answer's content. Raises LeaseLost when it is somebody else's.

    `lengths` are tokens of messages that were counted for it, by the model with the hash `lengths_of`.
    """
    with transaction.atomic():
        turn = (
            Turn.objects.select_for_update()
            .select_related("conversation", "answer")
            .filter(id=turn_id, lease_owner=this_process(), state__in=Turn.UNFINISHED)
            .first()
        )
        if turn is None:
            raise LeaseLost
        conversation = turn.conversation
        owner = Subject.person(conversation.owner_id)
        if state != Turn.State.FAILED:
            # a failed turn keeps its segments: a retry goes on from them
            said = said_so_far(turn, owner)
            Message.objects.filter(id=turn.answer_id).update(
                content=sealed_message(owner, turn.answer_id, said.text),
                thinking=sealed_thinking(owner, turn.answer_id, said.thinking),
            )
            turn.has_thinking = bool(said.thinking)
            Segment.objects.filter(turn=turn).delete()
        else:
            turn.has_thinking = Segment.objects.filter(turn=turn, kind=Segment.Kind.THINKING).exists()
        if lengths and lengths_of:
            for message_id, tokens in lengths.items():
                Message.objects.filter(id=message_id, conversation=conversation).update(
                    tokens=tokens, tokens_of=lengths_of
                )
        turn.state = state
        turn.error_code = error_code
        turn.finished_at = now()
        turn.thinking_since = None
        turn.thinking_tokens += passport.thinking_tokens
        turn.thought_s = turn.thought_s if passport.thought_s is None else passport.thought_s
        apart = ("prompt_commitment", "wants_summary", "thinking_tokens", "thought_s")
        kept = [name for name in Passport.__dataclass_fields__ if name not in apart]
        for name in kept:
            setattr(turn, name, getattr(passport, name))
        counted_at, turn.counted_at = turn.counted_at, _counted_at(turn)
        thought = ("has_thinking", "thinking_since", "thinking_tokens", "thought_s")
        turn.save(update_fields=["state", "error_code", "finished_at", "counted_at", *thought, *kept])
        conversation.updated_at = turn.finished_at
        conversation.save(update_fields=["updated_at"])
        find_anew(conversation, turn.answer)
        record(
            events.TURN_FINISHED,
            actor=RUNNER,
            workspace_id=turn.workspace_id,
            target=Target("turn", str(turn.id)),
            outcome="failed" if state == Turn.State.FAILED else "ok",
            details={
                **passport.ending(state, error_code),
                "prompt_commitment": passport.prompt_commitment,
            },
        )
        if state == Turn.State.FINISHED and conversation.title_origin == Conversation.TitleOrigin.QUESTION:
            enqueue(
                "chat.title",
                args={"conversation_id": str(conversation.id)},
                actor=RUNNER,
                workspace_id=turn.workspace_id,
                dedupe_key=f"chat.title:{conversation.id}",
            )
        if state == Turn.State.FINISHED and passport.wants_summary:
            want_summary(conversation, actor=RUNNER)
        announce(Announcement.Kind.TURN, conversation, turn_id=turn.id)
        _count(turn, passport, counted_at)


def _counted_at(turn: Turn) -> datetime | None:
    """In which windows the turn that is over counts: a failed one in none, so that it costs nobody an answer."""
    return None if turn.state == Turn.State.FAILED else turn.counted_at or turn.created_at


def _count(turn: Turn, passport: Passport, counted_at: datetime | None) -> None:
    """Count what was not counted when the turn began, or take it back; last in the transaction."""
    if turn.counted_at is not None:
        add_answer(
            user_id=turn.owner_id,
            token_id=turn.token_id,
            assistant_id=passport.assistant_id,
            model=passport.model,
            tokens_read=passport.prompt_tokens,
            tokens_written=passport.completion_tokens,
            is_counted=counted_at is not None,
            at=turn.counted_at,
        )
    elif counted_at is not None:
        take_back_turn(user_id=turn.owner_id, token_id=turn.token_id, at=counted_at)


def _lease_end() -> datetime:
    return now() + timedelta(seconds=limits.LEASE_S)
