"""A Context without a model. What it "writes" depends on every token that a sequence holds, so that a wrong
cache gives wrong answers; it passes the same contract as the real one (context_contract.py).
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chatplatform.inference.engines.llamacpp.context import CacheFull, DecodeAborted, Piece, Sampler
from chatplatform.inference.engines.llamacpp.sampling import SamplerSettings
from chatplatform.inference.engines.llamacpp.told_tokens import TokenLogprob

END = 256
"""Tokens below are bytes."""


@dataclass(eq=False)
class Cell:
    token: int


HOLE = Cell(-1)
"""Where a restored part begins, until what comes before it is copied there."""


class FakeSampler:
    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


def letters(tokens: Sequence[int]) -> int:
    """A small letter that depends on all of `tokens` and their order."""
    value = 7
    for token in tokens:
        value = (value * 31 + token) % 1_000_003
    return ord("a") + value % 26


class FakeContext:
    def __init__(
        self,
        *,
        cells: int = 4096,
        sequences: int = 32,
        can_trim: bool = True,
        next_token: Callable[[Sequence[int]], int] = letters,
    ) -> None:
        self.cells = cells
        self.sequences = sequences
        self.max_batch = 64
        self.can_trim = can_trim
        self.batches: list[list[Piece]] = []
        self.cleared = 0
        self.samplers: list[FakeSampler] = []
        self._permits = math.inf
        self._permitted = threading.Condition()
        self.decoding = threading.Event()
        self.fail_next = False
        self._next_token = next_token
        self._held: dict[int, list[Cell]] = {}
        self._rows: dict[int, tuple[int, ...]] = {}
        self._abort = False

    # ------------------------------------------------------------------ for tests

    def tokens(self, seq: int) -> list[int]:
        return [cell.token for cell in self._held.get(seq, [])]

    @property
    def used(self) -> int:
        return len({id(cell) for held in self._held.values() for cell in held if cell is not HOLE})

    def hold(self) -> None:
        """Let no decode through until `let`; a decode that waits can be aborted."""
        with self._permitted:
            self._permits = 0

    def let(self, count: float = math.inf) -> None:
        """Let `count` more decodes through."""
        with self._permitted:
            self._permits += count
            self._permitted.notify_all()

    def _wait_for_permit(self) -> None:
        with self._permitted:
            self._permitted.wait_for(lambda: self._permits > 0 or self._abort)
            if self._abort:
                raise DecodeAborted
            self._permits -= 1

    # ------------------------------------------------------------------ Context

    def decode(self, pieces: Sequence[Piece]) -> list[int]:
        self.decoding.set()
        self._wait_for_permit()
        if self.fail_next:
            self.fail_next = False
            raise RuntimeError("told to fail")
        count = sum(len(piece.tokens) for piece in pieces)
        assert 0 < count <= self.max_batch, "a batch has room for max_batch tokens"
        if self.used + count > self.cells:
            raise CacheFull
        self.batches.append(list(pieces))
        rows: list[int] = []
        row = 0
        self._rows = {}
        for piece in pieces:
            assert 0 <= piece.seq < self.sequences
            held = self._held.setdefault(piece.seq, [])
            assert len(held) == piece.start, "positions must follow each other"
            held.extend(Cell(token) for token in piece.tokens)
            row += len(piece.tokens)
            first = row - 1 - piece.guessed
            rows.append(first if piece.sample else -1)
            for at in range(first, row if piece.sample else first):
                whole = self.tokens(piece.seq)
                self._rows[at] = tuple(whole[: len(whole) - (row - 1 - at)])
        return rows

    def sampler(self, settings: SamplerSettings) -> Sampler:
        sampler = FakeSampler()
        self.samplers.append(sampler)
        return sampler

    def sample(self, row: int, sampler: Sampler) -> int:
        assert isinstance(sampler, FakeSampler)
        assert not sampler.closed
        return self._next_token(self._rows[row])

    def logprobs(self, row: int, token: int, count: int) -> TokenLogprob:
        """The token that is always chosen has a half; each after it half of what the one before has."""
        chosen = self._next_token(self._rows[row])
        top = [(chosen, math.log(0.5))]
        top += [((chosen + place) % 256, math.log(0.5 ** (place + 1))) for place in range(1, count)]
        return TokenLogprob(token, dict(top).get(token, math.log(0.001)), tuple(top[:count]))

    def copy(self, source: int, target: int, stop: int) -> None:
        assert len(self._held[source]) >= stop
        restored = self._held.get(target, [])
        assert all(cell is HOLE for cell in restored[:stop]), "a copy goes where nothing is"
        self._held[target] = self._held[source][:stop] + restored[stop:]

    def trim(self, seq: int, start: int) -> None:
        assert self.can_trim or start == 0, "this memory forgets whole sequences only"
        del self._held.get(seq, [])[start:]

    def save(self, seq: int, start: int) -> bytes:
        assert self.can_trim or start == 0, "this memory is saved whole"
        return json.dumps([start, self.tokens(seq)[start:]]).encode()

    def restore(self, seq: int, data: bytes) -> bool:
        assert not self._held.get(seq)
        start, tokens = json.loads(data)
        if self.used + len(tokens) > self.cells:
            return False
        self._held[seq] = [HOLE] * start + [Cell(token) for token in tokens]
        return True

    def clear(self) -> None:
        self.cleared += 1
        self._held.clear()

    def abort(self, on: bool) -> None:
        with self._permitted:
            self._abort = on
            self._permitted.notify_all()

    def close(self) -> None:
        self._held.clear()


class ByteVocabulary:
    """Tokens are bytes; END is the end."""

    def piece(self, token: int) -> bytes:
        return bytes([token]) if token < 256 else b""

    def is_end(self, token: int) -> bool:
        return token == END


def as_tokens(text: str) -> tuple[int, ...]:
    return tuple(text.encode())
