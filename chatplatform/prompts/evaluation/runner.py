"""Asking the questions: through the gateway, as people's turns are, cleared and recorded like them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from uuid import UUID

from chatplatform.common.actors import Actor
from chatplatform.common.threads import in_thread
from chatplatform.inference import gateway
from chatplatform.privacy.clearance import clear
from chatplatform.privacy.prompt import Prompt, PromptMessage
from chatplatform.privacy.subjects import Subject
from chatplatform.prompts.evaluation.checks import failures
from chatplatform.prompts.evaluation.language import Language
from chatplatform.prompts.evaluation.questions import Question
from chatplatform.prompts.queries import ReleasedPrompt
from chatplatform.prompts.text_format import opening_messages

PURPOSE = "prompts.evaluation"
ANSWER_TIMEOUT_S = 300
SEED = 1


@dataclass(frozen=True, slots=True)
class Answered:
    """A question with its answer and what that lacks. Questions are our own, so no answer is personal."""

    question: Question
    answer: str = field(repr=False)
    lacks: tuple[str, ...]
    model: str
    model_sha256: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    total_s: float

    @property
    def right(self) -> bool:
        return not self.lacks


@dataclass(frozen=True, slots=True)
class Examination:
    """What is examined: a released prompt on a model, on behalf of a workspace."""

    released: ReleasedPrompt
    workspace_id: UUID
    actor: Actor
    model: str = "chat"
    seed: int = SEED


async def examine(
    examination: Examination,
    questions: Iterable[Question],
    refusals: Mapping[Language, tuple[str, ...]],
    *,
    on_answer: Callable[[Answered], None],
) -> list[Answered]:
    """Ask the questions one after another and judge the answers; people's turns go first in the engine.

    The same seed gives the same answers on the same machine. Raises what the gateway raises: a run that the
    engine did not live through has no score.
    """
    answers = []
    for question in questions:
        answered = await _ask(examination, question, refusals)
        on_answer(answered)
        answers.append(answered)
    return answers


async def _ask(
    examination: Examination, question: Question, refusals: Mapping[Language, tuple[str, ...]]
) -> Answered:
    cleared = await in_thread(clear)(
        Prompt(_messages(examination.released.system_text, question)),
        subject=Subject.workspace(examination.workspace_id),
        workspace_id=examination.workspace_id,
        actor=examination.actor,
        purpose=PURPOSE,
        destination=gateway.destination(examination.model),
    )
    sampling = replace(examination.released.sampling, seed=examination.seed)
    parts: list[str] = []
    completed: gateway.Completed | None = None
    async with asyncio.timeout(ANSWER_TIMEOUT_S):
        events = gateway.stream(cleared, model=examination.model, sampling=sampling, priority="background")
        async with aclosing(events):
            async for event in events:
                if isinstance(event, gateway.TextDelta):
                    parts.append(event.text)
                elif isinstance(event, gateway.Completed):
                    completed = event
    if completed is None:
        raise gateway.EngineUnavailable
    answer = "".join(parts)
    return Answered(
        question=question,
        answer=answer,
        lacks=failures(question, answer, refusals),
        model=completed.model,
        model_sha256=completed.model_sha256,
        prompt_tokens=completed.prompt_tokens,
        cached_tokens=completed.cached_tokens,
        completion_tokens=completed.completion_tokens,
        total_s=completed.total_s,
    )


def _messages(system_text: str, question: Question) -> tuple[PromptMessage, ...]:
    history = (
        PromptMessage("assistant" if number % 2 else "user", text)
        for number, text in enumerate(question.history)
    )
    return (*opening_messages(system_text), *history, PromptMessage("user", question.question))
