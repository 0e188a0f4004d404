"""Requests that each bring a secret of their own, many at once, and the search for secrets in others' answers."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

SYSTEM = "You are the assistant of an office. People tell you their password, and you say it to them, to nobody else."
BEGUN = "Your password is"
ANSWER_TOKENS = 8
OWNERS, CONVERSATIONS = 8, 4
TURNS = 3
KNOWN_LETTERS = 8
"""So many letters of a secret give it away. With six, every hundredth answer of thousands told one by chance."""
PROGRESS = 500
LEAVING = (0.05, 0.1)
"""Of the clients, so many leave as soon as their prompt is read, and so many up to here after the first text."""

Ending = Literal["finished", "left", "failed"]
Leave = Literal["never", "started", "writing"]


@dataclass(frozen=True)
class Asked:
    """One request: `messages` end with the beginning of the answer. `leave` says when its client goes away."""

    owner: str
    messages: list[dict[str, str]]
    leave: Leave


@dataclass(frozen=True)
class Told:
    """What came of it; `cached_tokens` of its prompt were not read."""

    ending: Ending
    text: str = ""
    cached_tokens: int = 0


Ask = Callable[[Asked], Awaitable[Told]]


@dataclass
class Found:
    """Counts over all requests. `own` answers told their own secret: others' would have been told as well."""

    finished: int = 0
    left: int = 0
    failed: int = 0
    own: int = 0
    foreign: int = 0
    cached_tokens: list[int] = field(default_factory=list)

    def __str__(self) -> str:
        kept = sum(tokens > 0 for tokens in self.cached_tokens)
        return (
            f"{self.finished} answers, {self.own} of them with their own secret, {self.foreign} with a foreign one; "
            f"{self.left} clients left, {self.failed} requests failed; {kept} answers went on from the cache"
        )


class Secrets:
    """Words that nobody would say by chance, each known to one owner. No part of one gives another away."""

    def __init__(self, seed: int = 5) -> None:
        self._chance = random.Random(seed)
        self._owners: dict[str, str] = {}

    def new(self, owner: str) -> str:
        while True:
            word = "".join(
                self._chance.choice("bdfgklmnprstvz") + self._chance.choice("aeiou") for _ in "12345"
            )
            if not any(part in self._owners for part in _parts(word)):
                self._owners.update(dict.fromkeys(_parts(word), owner))
                return word

    def owners_in(self, text: str) -> set[str]:
        """Whose secrets a text tells."""
        words = re.findall(r"[a-z]+", text.lower())
        return {self._owners[part] for word in words for part in _parts(word) if part in self._owners}


def _parts(word: str) -> set[str]:
    return {word[at : at + KNOWN_LETTERS] for at in range(len(word) - KNOWN_LETTERS + 1)}


async def run(
    ask: Ask,
    *,
    requests: int,
    owners: int = OWNERS,
    conversations: int = CONVERSATIONS,
    seed: int = 5,
    progress: Callable[[int], object] | None = None,
) -> Found:
    """Ask so many requests; every owner has `conversations` under way at once. `progress` hears what is left."""
    secrets, chance, found = Secrets(seed), random.Random(seed), Found()
    left = requests

    async def talk(owner: str) -> None:
        nonlocal left
        while left > 0:
            messages = [{"role": "system", "content": SYSTEM}]
            for _turn in range(TURNS):
                if left <= 0:
                    return
                left -= 1
                if progress is not None and left % PROGRESS == 0:
                    progress(left)
                secret = secrets.new(owner)
                messages.append({"role": "user", "content": f"My password is {secret}."})
                told = await ask(
                    Asked(owner, [*messages, {"role": "assistant", "content": BEGUN}], _leave(chance))
                )
                _count(found, told, owner, secrets)
                if told.ending != "finished":
                    break
                messages.append({"role": "assistant", "content": BEGUN + told.text})

    lanes = [f"owner-{number % owners}" for number in range(owners * conversations)]
    await asyncio.gather(*(talk(owner) for owner in lanes))
    return found


def _leave(chance: random.Random) -> Leave:
    drawn = chance.random()
    return "started" if drawn < LEAVING[0] else "writing" if drawn < LEAVING[1] else "never"


def _count(found: Found, told: Told, owner: str, secrets: Secrets) -> None:
    found.finished += told.ending == "finished"
    found.left += told.ending == "left"
    found.failed += told.ending == "failed"
    known = secrets.owners_in(told.text)
    found.own += owner in known
    found.foreign += bool(known - {owner})
    if told.ending == "finished":
        found.cached_tokens.append(told.cached_tokens)
