"""Guesses what an answer quotes: where its last words stood before, it may go on as the text did there.

The guessed tokens are read in one batch with the answer's own, and each is sampled as if it had not been guessed, so
the answer is the same with and without; only wrong guesses cost time. Method: prompt lookup decoding
(https://github.com/apoorvumang/prompt-lookup-decoding), judged here by the time that it takes and spares.
"""

from __future__ import annotations

from collections.abc import Sequence

WORDS = 3
"""So many tokens must be the same for a guess."""
GUESSES = 4
"""Tokens guessed at once; more are seldom right, and each costs as much as reading it."""
RETRY_TOKENS = 24
"""After a guess that was wrong from its first token, so many tokens are written without one."""
_WEIGHT = 0.2
_RECOVERY = 0.002
"""How fast a bad experience fades with every token that is written without guessing."""


class PromptLookup:
    """The tokens of one conversation, and where each run of WORDS of them was last seen."""

    def __init__(self, tokens: Sequence[int]) -> None:
        self._tokens: list[int] = []
        self._next: dict[tuple[int, ...], int] = {}
        self._wait = 0
        for token in tokens:
            self.add(token)

    def add(self, token: int) -> None:
        """Take in the answer's next token."""
        if len(self._tokens) >= WORDS:
            self._next[tuple(self._tokens[-WORDS:])] = len(self._tokens)
        self._tokens.append(token)
        self._wait = max(0, self._wait - 1)

    def guess(self, count: int = GUESSES) -> tuple[int, ...]:
        """Up to `count` tokens that may come next, often none."""
        if self._wait:
            return ()
        at = self._next.get(tuple(self._tokens[-WORDS:]))
        return () if at is None else tuple(self._tokens[at : at + count])

    def was_wrong(self) -> None:
        """Nothing of the last guess came true."""
        self._wait = RETRY_TOKENS


class StepTimes:
    """How long steps take that write one token, and how much guesses bring, as moving averages.

    One per model, for steps that write one answer and read nothing. Times in seconds.
    """

    def __init__(self) -> None:
        self._plain_s: float | None = None
        self._guessed_s: float | None = None
        self._guessed_tokens: float | None = None

    @property
    def guessing_pays(self) -> bool:
        """Whether steps with guesses write more tokens a second; True until both kinds were measured."""
        if self._plain_s is None:
            return False
        if self._guessed_s is None or self._guessed_tokens is None:
            return True
        return self._guessed_tokens / self._guessed_s > 1 / self._plain_s

    def took(self, seconds: float, *, guessed: int, written: int) -> None:
        """Account for a step that wrote `written` tokens with `guessed` guesses."""
        if not guessed:
            self._plain_s = _moved(self._plain_s, seconds)
            # answers differ: what brought nothing in one may bring much in another
            if self._guessed_tokens is not None:
                self._guessed_tokens += _RECOVERY * (GUESSES / 2 - self._guessed_tokens)
        else:
            self._guessed_s = _moved(self._guessed_s, seconds)
            self._guessed_tokens = _moved(self._guessed_tokens, written)


def _moved(old: float | None, new: float) -> float:
    return new if old is None else old + _WEIGHT * (new - old)
