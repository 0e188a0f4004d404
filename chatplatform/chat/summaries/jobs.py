"""Summarising in the background: one step of a long history at a time, each from the summary before it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from uuid import UUID

from asgiref.sync import async_to_sync
from django.utils.translation import gettext_lazy as _

from chatplatform.chat import limits
from chatplatform.chat.content import text_of
from chatplatform.chat.models import Conversation, Message, Turn
from chatplatform.chat.prompt_building import answer_reserve, reading_tokens, window_of
from chatplatform.chat.summaries.content import text_of_summary
from chatplatform.chat.summaries.models import Summary
from chatplatform.chat.summaries.queries import has_changed
from chatplatform.chat.summaries.services import KIND, keep_summary, want_summary
from chatplatform.chat.summaries.words import MESSAGE_CHARS, shortened, summary_request
from chatplatform.common.actors import Actor
from chatplatform.common.errors import NotFound
from chatplatform.inference import gateway
from chatplatform.inference.gateway import Completed, Sampling, TextDelta
from chatplatform.jobs.registry import RunningJob, job_handler
from chatplatform.privacy.clearance import ClearedPrompt, clear
from chatplatform.privacy.prompt import Prompt, PromptMessage
from chatplatform.privacy.subjects import Subject
from chatplatform.prompts.lengths import counted_tokens, estimated_tokens
from chatplatform.prompts.queries import ReleasedPrompt, released_prompt
from chatplatform.prompts.text_format import opening_messages
from chatplatform.usage.services import QuotaExceeded

PURPOSE = "summary"
SUMMARY_TOKENS = 400
# read in one step: more would keep an engine from people for long
STEP_TOKENS = 3_000
# of what can be read, at once or in the wished time: so much of the newest is left as it was said
KEPT_SHARE = 0.3
# so few are not worth a summary
LEAST_MESSAGES = 4
SAMPLING = Sampling(temperature=0.2, max_tokens=SUMMARY_TOKENS)


@dataclass(frozen=True, slots=True)
class _Said:
    """A message with its text and its length, about."""

    row: Message
    message: PromptMessage
    tokens: int


@dataclass(frozen=True, slots=True)
class _Step:
    """What is summarised now: `earlier` is the summary before it. `goes_on`: more waits behind."""

    said: tuple[_Said, ...]
    earlier: str
    first_number: int
    before: int
    goes_on: bool


@job_handler(KIND, title=_("Summarise a long conversation"), max_attempts=8, timeout_s=900)
def summarise(job: RunningJob) -> None:
    """Summarise the older messages of the shown branch, as far as one step goes."""
    conversation_id = UUID(job.args["conversation_id"])
    again = UUID(job.args["again"]) if "again" in job.args else None
    conversation = Conversation.objects.filter(id=conversation_id).first()
    found = _work(conversation, again, job.attempt) if conversation is not None else None
    if conversation is None or found is None:
        with job.finishing():
            return
    prompt, step = found
    job.progress(0.1, _("Asking the model"))
    cleared = clear(
        Prompt(summary_request(step.earlier, [said.message for said in step.said])),
        subject=Subject.person(conversation.owner_id),
        workspace_id=conversation.workspace_id,
        actor=Actor.person(conversation.owner_id),
        purpose=PURPOSE,
        destination=gateway.destination(prompt.model),
    )
    try:
        text, model = asyncio.run(_generate(cleared, prompt.model))
    except QuotaExceeded:
        text, model = "", ""  # the note of what was left out stays: nobody is bothered for a summary
    with job.finishing():
        last = Message.objects.select_for_update().filter(id=step.said[-1].row.id, on_path=True).first()
        current = Conversation.objects.filter(id=conversation_id).first()
        if not text or last is None or current is None:
            return
        keep_summary(
            current,
            last,
            text,
            first_number=step.first_number,
            messages=step.before + len(step.said),
            model=model,
            actor=job.actor,
        )
        if step.goes_on and again is None:
            want_summary(current, actor=job.actor)


async def _generate(cleared: ClearedPrompt, model: str) -> tuple[str, str]:
    """The summary, empty when it was cut and says too little, and the model that wrote it."""
    stream = gateway.stream(cleared, model=model, sampling=SAMPLING, priority="background")
    pieces, name = [], ""
    async with aclosing(stream) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                pieces.append(event.text)
            elif isinstance(event, Completed):
                name = event.model
    return "".join(pieces).strip(), name


def _work(
    conversation: Conversation, again: UUID | None, attempt: int
) -> tuple[ReleasedPrompt, _Step] | None:
    """What to summarise; None where there is nothing."""
    last_turn = (
        Turn.objects.filter(conversation=conversation, answer__on_path=True).order_by("-created_at").first()
    )
    if last_turn is None:
        return None
    try:
        prompt = released_prompt(
            last_turn.asked_assistant_id or conversation.assistant_id, reader_id=conversation.owner_id
        )
    except NotFound:
        return None
    if not prompt.summaries:
        return None
    model = last_turn.asked_model or prompt.model
    served = async_to_sync(gateway.served_model)(model)
    window = window_of(served)
    room = window - answer_reserve(window)
    reading = reading_tokens(served, prompt.first_word_s)
    left = max(0, room - _opening_tokens(prompt, model))
    kept = int(KEPT_SHARE * (min(left, reading) if reading else left))
    most = min(STEP_TOKENS, room // 2) // attempt
    owner = Subject.person(conversation.owner_id)
    if again is not None:
        step = _same_step(conversation, again, owner, most)
    else:
        step = _next_step(conversation, owner, kept=kept, most=most)
    return (replace(prompt, model=model), step) if step is not None else None


def _opening_tokens(prompt: ReleasedPrompt, model: str) -> int:
    opening = opening_messages(prompt.system_text)
    counted = async_to_sync(counted_tokens)(opening, model=model)
    return sum(counted if counted is not None else map(estimated_tokens, opening))


def _next_step(conversation: Conversation, owner: Subject, *, kept: int, most: int) -> _Step | None:
    """What is not summarised yet and will soon not fit: all but the newest messages of about `kept` tokens."""
    path = Message.objects.filter(conversation=conversation, on_path=True)
    base = _last_summary(conversation, removed=False)
    path = path.filter(number__gt=base.last_number) if base is not None else path
    if base is not None and path.count() > limits.HISTORY_MESSAGES:
        rows, kept = path.order_by("number")[: limits.HISTORY_MESSAGES], 0
    else:
        rows = path.order_by("-number")[: limits.HISTORY_MESSAGES]
    said = _said(sorted(rows, key=lambda row: row.number), owner)
    ends = [i for i, each in enumerate(said) if i and each.message.role == "user"]
    # the newest exchange is always kept as it is
    cut = next((i for i in ends if sum(each.tokens for each in said[i:]) <= kept), ends[-1] if ends else 0)
    older = said[:cut]
    if sum(each.tokens for each in older) * 2 < kept:
        return None  # soon there will be more
    removed = _last_summary(conversation, removed=True)
    if len(older) < LEAST_MESSAGES or (removed is not None and removed.last_number >= older[-1].row.number):
        return None
    step = _as_much(older, most)
    return _Step(
        said=tuple(step),
        earlier=text_of_summary(base, owner) if base is not None else "",
        first_number=base.first_number if base is not None else step[0].row.number,
        before=base.messages if base is not None else 0,
        goes_on=len(step) < len(older),
    )


def _same_step(conversation: Conversation, again: UUID, owner: Subject, most: int) -> _Step | None:
    """The messages of one summary, from the summary before it."""
    row = Summary.objects.filter(id=again, conversation=conversation, removed_at=None).first()
    if row is None:
        return None
    base = _last_summary(conversation, removed=False, before=row.last_number)
    path = Message.objects.filter(
        conversation=conversation,
        on_path=True,
        number__lte=row.last_number,
        number__gte=base.last_number + 1 if base is not None else row.first_number,
    )
    said = _said(list(path.order_by("number")), owner)
    if not said or said[-1].row.id != row.last_message_id:
        return None
    return _Step(
        said=tuple(said),
        earlier=text_of_summary(base, owner) if base is not None else "",
        first_number=row.first_number,
        before=base.messages if base is not None else 0,
        goes_on=False,
    )


def _last_summary(conversation: Conversation, *, removed: bool, before: int | None = None) -> Summary | None:
    """The one of the shown branch that reaches farthest, of those that hold or of those that were deleted."""
    rows = Summary.objects.filter(
        conversation=conversation, last_message__on_path=True, removed_at__isnull=not removed
    )
    rows = rows.filter(last_number__lt=before) if before is not None else rows
    return next((row for row in rows.order_by("-last_number") if removed or not has_changed(row)), None)


def _said(rows: Sequence[Message], owner: Subject) -> list[_Said]:
    found = []
    for row in rows:
        text = text_of(row, owner)
        if text:
            message = PromptMessage("user" if row.role == Message.Role.USER else "assistant", text)
            tokens = row.tokens if row.tokens is not None else estimated_tokens(message)
            found.append(_Said(row, message, tokens))
    return found


def _as_much(said: Sequence[_Said], most: int) -> list[_Said]:
    """From the oldest on, whole exchanges of at most so many tokens; one at least."""
    total, step = 0, 0
    for i, each in enumerate(said):
        total += each.tokens if len(each.message.content) <= MESSAGE_CHARS else estimated_tokens(_short(each))
        ends_exchange = i + 1 == len(said) or said[i + 1].message.role == "user"
        if total > most and step:
            break
        if ends_exchange:
            step = i + 1
    return list(said[: step or len(said)])


def _short(said: _Said) -> PromptMessage:
    return PromptMessage(said.message.role, shortened(said.message.content))
