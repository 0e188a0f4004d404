"""Many sequences in one batch, judged token by token by llama_cpp's own high-level Llama.

Batches of other shapes round differently, so texts may part at a near tie. What must hold is that every token
that was chosen is the likeliest one in the eyes of the reference too, up to that rounding.
"""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chatplatform.inference.engines.llamacpp.context import Piece
from chatplatform.inference.engines.llamacpp.generation import Event, Finished, GenerationRequest, Sink
from chatplatform.inference.engines.llamacpp.gguf import read_header
from chatplatform.inference.engines.llamacpp.llama_context import LlamaContext
from chatplatform.inference.engines.llamacpp.model import LlamaModel
from chatplatform.inference.engines.llamacpp.native import amx_is_compiled_in, llama
from chatplatform.inference.engines.llamacpp.prompt_tokens import ChatMessage, PromptReader
from chatplatform.inference.engines.llamacpp.sampling import SamplerSettings
from chatplatform.inference.engines.llamacpp.scheduler import Scheduler

pytestmark = [pytest.mark.model, pytest.mark.slow]

SYSTEM = "You are a polite assistant of a shop for tents, boots and maps. Answer in one short sentence."
QUESTIONS = [
    "What is the capital of France?",
    "Name three colours.",
    "How many days has a week?",
    "What do people wear on their feet? Explain why, when, where and since how many hundred years.",
    "Say hello to Anna.",
    "Which animal says meow?",
]
WRITTEN = 20
ROUNDING = 1.0
"""Logits of this model differ by less than this between batch shapes; wrong context differs by many."""


class NotingContext(LlamaContext):
    """Remembers what each sequence has read."""

    def __init__(self, model: LlamaModel, *, cells: int) -> None:
        self.read: dict[int, list[int]] = {}
        self.batches = 0
        super().__init__(model, cells=cells)
        self.read.clear()

    def decode(self, pieces: Sequence[Piece]) -> list[int]:
        rows = super().decode(pieces)
        self.batches += len({piece.seq for piece in pieces}) > 2
        for piece in pieces:
            self.read.setdefault(piece.seq, []).extend(piece.tokens)
        return rows

    def copy(self, source: int, target: int, stop: int) -> None:
        super().copy(source, target, stop)
        self.read[target] = self.read[source][:stop]


@pytest.fixture(scope="module")
def reference(smollm2: Path) -> Iterator[Any]:
    """llama_cpp.Llama, which keeps the logits of every token."""
    api = llama()
    defaults = api.llama_cpp.llama_model_default_params

    def params() -> Any:
        made = defaults()
        made.use_extra_bufts = not amx_is_compiled_in()
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api.llama_cpp, "llama_model_default_params", params)
        made = api.Llama(str(smollm2), n_ctx=512, logits_all=True, flash_attn=True, verbose=False)
    yield made
    made.close()


@pytest.fixture(scope="module")
def model(smollm2: Path) -> Iterator[LlamaModel]:
    made = LlamaModel(smollm2)
    yield made
    made.close()


@pytest.fixture
def prompts(model: LlamaModel, smollm2: Path) -> Iterator[PromptReader]:
    made = PromptReader(model, read_header(smollm2).chat_template)
    yield made
    made.close()


def doubts(reference: Any, tokens: list[int], start: int) -> list[float]:
    """For each of `tokens` from `start` on: how much likelier, in logits, the reference finds another one."""
    reference.reset()
    reference.eval(tokens)
    scores = np.asarray(reference.scores[: len(tokens)])
    return [float(scores[at - 1].max() - scores[at - 1][tokens[at]]) for at in range(start, len(tokens))]


def messages(question: str) -> list[ChatMessage]:
    return [ChatMessage("system", SYSTEM), ChatMessage("user", question)]


def test_every_token_of_every_sequence_is_the_likeliest(
    model: LlamaModel, prompts: PromptReader, reference: Any
) -> None:
    events: queue.Queue[Event] = queue.Queue()

    def deliver(told: list[tuple[Sink, Event]]) -> None:
        for _sink, event in told:
            events.put(event)

    context = NotingContext(model, cells=2048)
    scheduler = Scheduler(context, model, context_tokens=512, deliver=deliver)
    asked = {question: prompts.read(messages(question)) for question in QUESTIONS}
    for question, prompt in asked.items():
        request = GenerationRequest(
            prompt.tokens, prompt.system_tokens, question, True, SamplerSettings(temperature=0), WRITTEN
        )
        scheduler.submit(request, events.put)
    scheduler.start()
    finished = 0
    while finished < len(QUESTIONS):
        finished += isinstance(events.get(timeout=60), Finished)
    scheduler.stop()
    context.close()

    assert context.batches > 5, "they were written together"
    # sequences hold the prompt and what was written, but for the last token
    found = list(context.read.values())
    for question, prompt in asked.items():
        tokens = next(t for t in found if tuple(t[: len(prompt.tokens)]) == prompt.tokens)
        worst = max(doubts(reference, tokens, len(prompt.tokens)), default=0.0)
        assert worst < ROUNDING, question


def test_another_context_would_be_noticed(model: LlamaModel, prompts: PromptReader, reference: Any) -> None:
    """Sabotage: what was written after another question is not the likeliest after this one."""
    this, other = (prompts.read(messages(question)).tokens for question in QUESTIONS[:2])
    reference.reset()
    reference.eval(list(other))
    written: list[int] = []
    for _ in range(WRITTEN):
        written.append(int(np.asarray(reference.scores[len(other) + len(written) - 1]).argmax()))
        reference.eval([written[-1]])
    assert max(doubts(reference, [*other, *written], len(other))) < ROUNDING
    assert max(doubts(reference, [*this, *written], len(this))) > 3 * ROUNDING


def test_prompts_are_those_of_the_high_level_library(prompts: PromptReader, reference: Any) -> None:
    from llama_cpp.llama_chat_format import Jinja2ChatFormatter

    formatter = Jinja2ChatFormatter(
        template=reference.metadata["tokenizer.chat_template"],
        eos_token="<|im_end|>",
        bos_token="<|im_start|>",
    )
    plain = [{"role": message.role, "content": message.content} for message in messages("What? 你好 😀")]
    text = formatter(messages=plain).prompt
    expected = tuple(reference.tokenize(text.encode(), add_bos=False, special=True))
    assert prompts.read(messages("What? 你好 😀")).tokens == expected


def test_greedy_answers_are_those_of_the_high_level_library(
    model: LlamaModel, prompts: PromptReader, reference: Any
) -> None:
    """One sequence, the prompt in one piece: nothing is rounded differently, so the tokens are the same."""
    context = LlamaContext(model, cells=512)
    for question in QUESTIONS[:3]:
        tokens = prompts.read(messages(question)).tokens
        reference.reset()
        generator = reference.generate(tokens, temp=0, repeat_penalty=1.0)
        expected = [next(generator) for _ in range(WRITTEN)]
        sampler = context.sampler(SamplerSettings(temperature=0))
        rows = context.decode([Piece(0, 0, tokens, sample=True)])
        written = [context.sample(rows[0], sampler)]
        while len(written) < WRITTEN:
            position = len(tokens) + len(written) - 1
            rows = context.decode([Piece(0, position, [written[-1]], sample=True)])
            written.append(context.sample(rows[0], sampler))
        assert written == expected
        sampler.close()
        context.clear()
    context.close()
