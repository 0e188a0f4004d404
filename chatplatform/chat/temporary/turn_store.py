"""A turn of a temporary chat, as its runner needs it: in memory, with the same records as any other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from django.db import transaction

from chatplatform.audit.services import Target, record
from chatplatform.chat import limits
from chatplatform.chat.models import Segment, Turn
from chatplatform.chat.prompt_building import BuiltPrompt
from chatplatform.chat.protocol import MessageView
from chatplatform.chat.segments import LeaseLost
from chatplatform.chat.temporary import audit_events as events
from chatplatform.chat.temporary.frames import message_view
from chatplatform.chat.temporary.memory import TemporaryChat, TemporaryMessage, TemporaryTurn
from chatplatform.chat.thinking import ThinkingClock
from chatplatform.chat.turns import RUNNER, LastPrompt, Passport, PastMessage, TurnWork
from chatplatform.common.clock import now
from chatplatform.inference.cache_owners import forget_soon
from chatplatform.inference.gateway import ModelEvent, Sampling
from chatplatform.privacy.prompt import PromptMessage
from chatplatform.privacy.subjects import Subject
from chatplatform.prompts.queries import released_prompt
from chatplatform.usage.services import add_answer, take_back_turn


class NoLog:
    """Nothing of what is sent for a temporary chat is written down but the record of the call."""

    commitment = ""

    async def sent(self, work: TurnWork, built: BuiltPrompt, *, model: str, sampling: Sampling) -> None: ...
    def note(self, event: ModelEvent) -> None: ...
    def ended(self) -> None: ...
    async def settle(self) -> None: ...
    def close(self) -> None: ...
    def save(self) -> None: ...


class MemoryStore:
    """One turn of a temporary chat."""

    is_leased = False

    def __init__(self, chat: TemporaryChat, turn: TemporaryTurn) -> None:
        self._chat = chat
        self._turn = turn
        self.log = NoLog()

    @property
    def apart(self) -> UUID:
        return self._chat.id

    def load(self) -> TurnWork:
        if self._chat.has_ended:
            raise LeaseLost
        chat, turn = self._chat, self._turn
        before = _before(turn.question)
        excess = max(0, len(before) - limits.HISTORY_MESSAGES)
        left_out = -(-excess // limits.HISTORY_STEP) * limits.HISTORY_STEP
        past = [_past(message) for message in before[left_out:] if message.text]
        return TurnWork(
            id=turn.id,
            workspace_id=chat.workspace_id,
            conversation_id=chat.id,
            answer_id=turn.answer.id,
            owner_id=chat.person_id,
            token_id=None,
            prompt=released_prompt(chat.assistant_id, reader_id=chat.person_id),
            history=(*past, _past(turn.question)),
            left_out=left_out,
            last=_last_prompt(turn.question.parent) if past else None,
            text=turn.joined(Segment.Kind.ANSWER),
            thinking=turn.joined(Segment.Kind.THINKING),
            segment=len(turn.pieces),
            clock=replace(turn.clock),
            stop_requested=turn.stop_requested,
        )

    async def append(self, sequence: int, text: str, kind: Segment.Kind) -> None:
        if self._chat.has_ended:
            raise LeaseLost
        self._turn.pieces.append((kind, text))

    def set_state(self, state: Turn.State) -> None:
        self._turn.state = state

    def set_thinking(self, clock: ThinkingClock) -> None:
        self._turn.clock = replace(clock)

    def finish(
        self,
        state: Turn.State,
        passport: Passport,
        *,
        error_code: str,
        lengths: Mapping[UUID, int],
        lengths_of: str,
    ) -> MessageView | None:
        chat, turn = self._chat, self._turn
        with chat.lock:
            with transaction.atomic():
                _record_end(chat, turn, state, passport, error_code)
            turn.passport, turn.error_code, turn.finished_at = passport, error_code, now()
            for message in chat.messages:
                if message.id in lengths:
                    message.tokens, message.tokens_of = lengths[message.id], lengths_of
            if state != Turn.State.FAILED:
                turn.answer.text = turn.joined(Segment.Kind.ANSWER)
                turn.answer.thinking = turn.joined(Segment.Kind.THINKING)
                turn.pieces.clear()
            turn.state = state
            chat.updated_at = turn.finished_at
            return None if chat.has_ended else message_view(turn.answer)

    def lost(self) -> None:
        """The chat ended while it was answered: what the engine has read since then goes too."""
        with transaction.atomic():
            _record_end(self._chat, self._turn, Turn.State.STOPPED, Passport(), "")

    def broken_off(self) -> None:
        if not self._turn.is_over:
            self._turn.error_code, self._turn.state = "internal", Turn.State.FAILED


def _before(question: TemporaryMessage) -> list[TemporaryMessage]:
    """The messages that led to this one, oldest first."""
    found: list[TemporaryMessage] = []
    message = question.parent
    while message is not None:
        found.append(message)
        message = message.parent
    return found[::-1]


def _past(message: TemporaryMessage) -> PastMessage:
    return PastMessage(
        message.id,
        message.number,
        PromptMessage(message.role, message.text),
        message.tokens,
        message.tokens_of,
    )


def _last_prompt(answer: TemporaryMessage | None) -> LastPrompt | None:
    """The prompt of the turn that gave this answer, if it is known where its history began."""
    turn = answer.turn if answer is not None else None
    if turn is None or turn.finished_at is None or turn.passport.history_from is None:
        return None
    passport = turn.passport
    is_whole = turn.state == Turn.State.FINISHED and passport.prompt_tokens > 0
    written = 0 if passport.thinking_tokens else passport.completion_tokens  # as in turns.py
    return LastPrompt(
        history_from=passport.history_from or 0,
        reason=passport.left_out_reason,
        model=passport.model,
        model_sha256=passport.model_sha256,
        prompt_sha256=passport.prompt_sha256,
        tokens=passport.prompt_tokens + written if is_whole else 0,
        finished_at=turn.finished_at,
    )


def _record_end(
    chat: TemporaryChat, turn: TemporaryTurn, state: Turn.State, passport: Passport, error_code: str
) -> None:
    """The audit event and the counts of a turn that is over, in the caller's transaction."""
    record(
        events.TURN_FINISHED,
        actor=RUNNER,
        workspace_id=chat.workspace_id,
        target=Target("turn", str(turn.id)),
        outcome="failed" if state == Turn.State.FAILED else "ok",
        details=passport.ending(state, error_code),
    )
    if chat.has_ended:
        forget_soon(Subject.person(chat.person_id), actor=RUNNER, apart=chat.id)
    # a failed turn counts in no window, so that it costs nobody an answer
    if state == Turn.State.FAILED:
        if turn.counted_at is not None:
            take_back_turn(user_id=chat.person_id, token_id=None, at=turn.counted_at)
        return
    add_answer(
        user_id=chat.person_id,
        token_id=None,
        assistant_id=passport.assistant_id,
        model=passport.model,
        tokens_read=passport.prompt_tokens,
        tokens_written=passport.completion_tokens,
        is_counted=turn.counted_at is not None,
        at=turn.counted_at or turn.created_at,
    )
