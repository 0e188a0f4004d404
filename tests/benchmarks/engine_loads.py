"""What the engine and its peer are put through, and the figures of each load."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from time import perf_counter
from typing import Any

from tests.benchmarks.engine_client import Address, Answer, Refused, ask, fetch
from tests.benchmarks.engine_sides import Side

WORDS = (
    *("tent", "boot", "map", "lamp", "rope", "stove", "order", "delivery", "refund", "size", "price", "help"),
    *("harbour", "ticket", "winter", "garden", "letter", "window", "bridge", "market", "train", "coffee"),
)
SYSTEM_WORDS = 150
ANSWER_TOKENS = 64
LONG_WORDS = 2950
STREAMS = 4
WARM_OFFSET = 1000
CROWD = 16


@dataclass(frozen=True)
class Loaded:
    """Times in seconds; `firsts` are the waits for the first text."""

    tokens_s: float
    firsts: list[float]
    memory_mib: float


@dataclass(frozen=True)
class Gaps:
    """Longest gaps between two tokens of streams, in seconds, and the first token of the prompt between them."""

    undisturbed_s: float
    disturbed_s: float
    long_first_s: float
    long_tokens: int


def system_text(words: int = SYSTEM_WORDS, seed: int = 1) -> str:
    chance = random.Random(seed)
    return "You are a helpful assistant. " + " ".join(chance.choice(WORDS) for _ in range(words)) + "."


def question(number: int, turn: int = 0) -> str:
    word = WORDS[number % len(WORDS)]
    return f"Question {number}.{turn}: tell a long story about the town number {number} and its {word}."


def body(messages: list[dict[str, str]], *, seed: int, tokens: int, **fields: Any) -> dict[str, Any]:
    return {"messages": messages, "temperature": 0.7, "seed": seed, "max_tokens": tokens, **fields}


async def load(side: Side, clients: int, *, offset: int = 0, requests: int = 0) -> Loaded:
    """So many clients ask one question after the other, each with the same system message."""
    waiting = list(range(offset + (requests or max(4, 2 * clients)) - 1, offset - 1, -1))
    answers: list[Answer] = []
    memory = 0.0

    async def client() -> None:
        nonlocal memory
        while waiting:
            number = waiting.pop()
            messages = [said("system", system_text()), said("user", question(number))]
            answers.append(await ask(side.address, body(messages, seed=number, tokens=ANSWER_TOKENS)))
            memory = max(memory, side.memory_mib())

    began = perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    seconds = perf_counter() - began
    checked(answers)
    return Loaded(sum(a.tokens for a in answers) / seconds, [a.first_s for a in answers], memory)


async def turns(side: Side, conversations: int = STREAMS, count: int = 3) -> dict[int, list[float]]:
    """Waits for the first text by turn, of so many conversations at once."""
    firsts: dict[int, list[float]] = {turn: [] for turn in range(1, count + 1)}

    async def conversation(number: int) -> None:
        messages = [said("system", system_text())]
        for turn in firsts:
            messages.append(said("user", question(number, turn)))
            owner = f"owner-{number}"
            told = await ask(
                side.address, body(messages, seed=number, tokens=ANSWER_TOKENS, cache_owner=owner)
            )
            checked([told])
            firsts[turn].append(told.first_s)
            messages.append(said("assistant", told.text))

    await asyncio.gather(*(conversation(number) for number in range(conversations)))
    return firsts


async def gaps(side: Side) -> Gaps:
    """The longest gap in running streams, alone and from the moment that a long prompt arrives."""
    alone: list[Answer] = []
    await _streaming(side, alone, enough=lambda: all(len(a.arrivals) >= 150 for a in alone))
    beside: list[Answer] = []
    told: list[Answer] = []
    asked_at = 0.0

    async def disturb() -> None:
        nonlocal asked_at
        await until(lambda: len(beside) == STREAMS and min(len(a.arrivals) for a in beside) >= 20)
        asked_at = perf_counter()
        told.append(await ask(side.address, long_prompt(seed=7)))

    disturbing = asyncio.create_task(disturb())
    await _streaming(side, beside, enough=disturbing.done)
    await disturbing
    checked(told)
    return Gaps(
        _longest(alone, max(a.arrivals[0] for a in alone)),
        _longest(beside, asked_at, told[0].ended_at),
        told[0].first_s,
        told[0].prompt_tokens,
    )


async def _streaming(side: Side, streams: list[Answer], *, enough: Callable[[], bool]) -> None:
    """Run STREAMS long answers, noted in `streams` from their first text on, until `enough()`."""

    def on_text(answer: Answer) -> bool:
        if len(answer.arrivals) == 1:
            streams.append(answer)
        return len(streams) == STREAMS and enough()

    messages = [[said("system", system_text()), said("user", question(n))] for n in range(STREAMS)]
    bodies = [body(m, seed=n, tokens=3000, ignore_eos=True) for n, m in enumerate(messages)]
    await asyncio.gather(*(ask(side.address, one, on_text=on_text) for one in bodies))


def long_prompt(seed: int, **fields: Any) -> dict[str, Any]:
    """A request with a prompt of about 3,000 tokens that nobody has read."""
    text = system_text(LONG_WORDS, seed)
    messages = [said("user", f"{seed}: {text} Sum it up.")]
    return body(messages, seed=seed, tokens=8, ignore_eos=True, **fields)


def _longest(streams: Sequence[Answer], begin: float, end: float = float("inf")) -> float:
    """The longest gap that reaches into the time between `begin` and `end`."""
    return max(
        later - earlier
        for stream in streams
        for earlier, later in pairwise(stream.arrivals)
        if later > begin and earlier < end
    )


async def same_words(side: Side, count: int = CROWD) -> tuple[int, float]:
    """Of `count` answers at temperature 0 and with a fixed seed, how many are the same alone and in a crowd, and the
    part of the words, from the beginning, that all of them share on average.
    """
    asked = [
        body([said("user", question(n))], seed=n, tokens=32, ignore_eos=True) | {"temperature": 0}
        for n in range(count)
    ]
    alone = [await ask(side.address, one) for one in asked]
    crowd = await asyncio.gather(*(ask(side.address, one) for one in asked))
    checked([*alone, *crowd])
    pairs = [(a.text, b.text) for a, b in zip(alone, crowd, strict=True)]
    return sum(a == b for a, b in pairs), sum(common(a, b) for a, b in pairs) / count


def common(one: str, other: str) -> float:
    """The part of two texts, from the beginning, that is the same."""
    same = next(
        (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    return same / max(len(one), len(other))


async def cancelled_reading(address: Address, number: int) -> tuple[float, float]:
    """Seconds from cancelling a prompt that is being read until its client hears of it, and until its sequence
    is free. Only our engine has both.
    """
    name = f"cancel-{number}"
    running = await gauge(address, "running")
    asked = asyncio.create_task(ask(address, long_prompt(seed=100 + number, request_id=name)))
    while await gauge(address, "running") == running:
        continue
    await asyncio.sleep(0.05)
    began = perf_counter()
    await fetch(address, "POST", "/v1/cancel", {"request_id": name})
    with suppress(Refused):
        await asked
    heard_s = perf_counter() - began
    while await gauge(address, "running") > running:
        continue
    return heard_s, perf_counter() - began


async def gauge(address: Address, name: str) -> float:
    """A gauge of our engine, over all models."""
    text = await fetch(address, "GET", "/metrics")
    lines = (line for line in text.splitlines() if line.startswith(f"chatplatform_llm_{name}{{"))
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


async def until(condition: Callable[[], bool]) -> None:
    while True:
        if condition():
            return
        await asyncio.sleep(0.01)


def said(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def checked(answers: Sequence[Answer]) -> None:
    if failed := [answer.error or "no text" for answer in answers if answer.error or not answer.arrivals]:
        raise AssertionError(f"{len(failed)} of {len(answers)} answers failed: {failed[0]}")
