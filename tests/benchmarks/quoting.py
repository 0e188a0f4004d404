"""Answers that quote their sources, written with guesses (prompt lookup) and without, on one model in one process.

usage: python -m tests.benchmarks quoting     CHATPLATFORM_BENCH_MODEL=id of a model in the catalogue
"""

from __future__ import annotations

import os
import queue
import time

import django

from chatplatform.inference.engines.llamacpp.generation import (
    Event,
    Finished,
    GenerationRequest,
    Sink,
    Text,
)
from chatplatform.inference.engines.llamacpp.sampling import SamplerSettings
from chatplatform.inference.engines.llamacpp.scheduler import Scheduler

POLICY = (
    "Tents may be returned within thirty days when they are dry and clean. Boots may be returned within sixty days "
    "when they were worn indoors only. Lamps and stoves are repaired free of charge for two years. Maps, books and "
    "gift cards are not taken back. Whoever returns an order pays for the parcel, unless the shop made a mistake."
)
QUOTE = f"Here are the shop's rules:\n{POLICY}\nRepeat the rules word for word."
FREE = "Tell a short story about a walk in the hills with a tent and a lamp."
ANSWER_TOKENS = 96
ROUNDS = 3


def main() -> None:
    django.setup()
    from chatplatform.inference.engines.llamacpp.gguf import read_header
    from chatplatform.inference.engines.llamacpp.llama_context import LlamaContext
    from chatplatform.inference.engines.llamacpp.model import LlamaModel
    from chatplatform.inference.engines.llamacpp.prompt_tokens import ChatMessage, PromptReader
    from chatplatform.inference.model_files import model_store

    name = os.environ.get("CHATPLATFORM_BENCH_MODEL", "smollm2-135m")
    path = model_store.ensure(name)
    model = LlamaModel(path)
    context = LlamaContext(model, cells=4096)
    reader = PromptReader(model, read_header(path).chat_template)
    scheduler = Scheduler(
        context,
        model,
        context_tokens=2048,
        deliver=_deliver,
    )
    scheduler.start()
    speeds: dict[tuple[str, bool], list[float]] = {}
    texts: dict[tuple[str, bool], str] = {}
    try:
        for _round in range(ROUNDS):
            for what, question in (("quotes", QUOTE), ("is free", FREE)):
                tokens = reader.read([ChatMessage("user", question)]).tokens
                for guessing in (False, True):
                    scheduler.batches.may_guess = guessing
                    speed, text = _answer(scheduler, tokens)
                    speeds.setdefault((what, guessing), []).append(speed)
                    texts[what, guessing] = text
    finally:
        scheduler.stop()
        reader.close()
        context.close()
        model.close()
    print(f"model {name}, one answer of {ANSWER_TOKENS} tokens, temperature 0, medians of {ROUNDS}")
    for what in ("quotes", "is free"):
        plain, guessed = (sorted(speeds[what, guessing])[ROUNDS // 2] for guessing in (False, True))
        same = "the same text" if texts[what, False] == texts[what, True] else "another text"
        print(
            f"  the answer {what}: {plain:.1f} tokens/s, with guesses {guessed:.1f} "
            f"({guessed / plain:.2f} times), {same}"
        )


def _deliver(events: list[tuple[Sink, Event]]) -> None:
    for sink, event in events:
        sink(event)


def _answer(scheduler: Scheduler, tokens: tuple[int, ...]) -> tuple[float, str]:
    """Tokens a second after the first one, and the text."""
    events: queue.Queue[Event] = queue.Queue()
    scheduler.submit(
        GenerationRequest(
            tokens=tokens,
            system_tokens=0,
            owner="benchmark",
            keep=False,
            sampling=SamplerSettings(temperature=0, ignore_end=True),
            max_tokens=ANSWER_TOKENS,
        ),
        events.put,
    )
    text, first = "", 0.0
    while True:
        event = events.get(timeout=600)
        if isinstance(event, Text):
            first = first or time.monotonic()
            text += event.text
        elif isinstance(event, Finished):
            return (event.completion_tokens - 1) / (time.monotonic() - first), text
