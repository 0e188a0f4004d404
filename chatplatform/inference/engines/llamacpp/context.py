"""What the scheduler needs of a model's context. LlamaContext is the real one, FakeContext that of tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from chatplatform.inference.engines.llamacpp.sampling import SamplerSettings
from chatplatform.inference.engines.llamacpp.told_tokens import TokenLogprob


@dataclass(frozen=True)
class Piece:
    """Tokens that continue sequence `seq` at position `start`; with `sample` the last one's logits are kept.

    The last `guessed` tokens may be wrong: with `sample`, the logits of the token before them are kept, and theirs.
    """

    seq: int
    start: int
    tokens: Sequence[int]
    sample: bool
    guessed: int = 0


class CacheFull(Exception):
    """No cells are left for the batch; nothing of it was taken in."""


class DecodeAborted(Exception):
    """`abort` ended the decode; the batch may be in the cache in part: trim its sequences."""


class DecodeFailed(Exception):
    """The library failed; the cache must be cleared."""


class Sampler(Protocol):
    def close(self) -> None: ...


class Context(Protocol):
    """A cache of `cells` tokens that `sequences` numbered sequences share, and the model that fills it.

    One thread uses it; only `abort` may be called from another.
    """

    cells: int
    sequences: int
    max_batch: int
    can_trim: bool
    """False when sequences can only be dropped whole (recurrent models)."""

    def decode(self, pieces: Sequence[Piece]) -> list[int]:
        """Read the pieces in one batch; give, for each, the row to sample from, or -1.

        A piece with guesses has so many rows more, which follow the one that is given.

        Raises CacheFull, DecodeAborted or DecodeFailed.
        """
        ...

    def sampler(self, settings: SamplerSettings) -> Sampler: ...

    def sample(self, row: int, sampler: Sampler) -> int:
        """Choose a token from a row of the last decode, and let the sampler know it."""
        ...

    def logprobs(self, row: int, token: int, count: int) -> TokenLogprob:
        """How likely the model found `token` in a row of the last decode, and the `count` likeliest ones."""
        ...

    def copy(self, source: int, target: int, stop: int) -> None:
        """Make the first `stop` tokens of `source` also those of `target`, which has none of them. Takes no cells."""
        ...

    def trim(self, seq: int, start: int) -> None:
        """Forget what `seq` holds from position `start` on."""
        ...

    def save(self, seq: int, start: int) -> bytes:
        """What `seq` holds from position `start` on, for `restore`; empty when the library cannot tell.

        `start` is 0 where `can_trim` is False.
        """
        ...

    def restore(self, seq: int, data: bytes) -> bool:
        """Put back what `save` gave, into `seq`, which holds nothing; False, and nothing held, when it can't be.

        What was saved from a `start` on has its place there: what comes before is to be copied to it after.
        """
        ...

    def clear(self) -> None:
        """Forget everything, and overwrite the memory."""
        ...

    def abort(self, on: bool) -> None:
        """End a running decode soon (True), or let decodes run again (False)."""
        ...

    def close(self) -> None: ...


class Vocabulary(Protocol):
    """What the scheduler needs to know of tokens."""

    def piece(self, token: int) -> bytes:
        """The bytes of a token; empty for control tokens."""
        ...

    def is_end(self, token: int) -> bool:
        """True when the model says by it that it has finished."""
        ...
