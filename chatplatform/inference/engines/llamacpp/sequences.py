"""Which sequence serves whom: running ones, conversations kept for their owner, and shared system messages."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from chatplatform.inference.engines.llamacpp.owned_cells import OwnedCells

MIN_SHARED_TOKENS = 16
"""Shorter beginnings are read again: sharing them costs more than it saves."""


@dataclass
class PlatformPrefix:
    """The tokens of one system message in a sequence of their own. `users` sequences stand on its cells."""

    seq: int
    tokens: tuple[int, ...]
    users: int = 0


@dataclass
class Held:
    """A sequence that serves, or served, one owner.

    `tokens` are in the cache; `reserved` is how long it may grow; the first of its cells may be those of `base`.
    """

    seq: int
    owner: str
    tokens: list[int] = field(default_factory=list)
    reserved: int = 0
    base: PlatformPrefix | None = None
    kept_at: float = 0.0

    @property
    def own_cells(self) -> int:
        return max(len(self.tokens), self.reserved) - (len(self.base.tokens) if self.base else 0)


class Sequences:
    """Gives out the numbered sequences of a cache and knows how full it is. One thread uses it.

    A kept conversation is only ever continued for its own owner. Between owners nothing is shared but platform
    prefixes, and those are copied from sequences that hold nothing else.
    """

    def __init__(self, cells: OwnedCells) -> None:
        self._cells = cells
        self._capacity = cells.context.cells
        self._idle_limit = self._capacity // 2  # idle cells slow every decode
        self._reuse = cells.context.can_trim
        self._free = list(range(cells.context.sequences - 1, -1, -1))
        self._running: dict[int, Held] = {}
        self._idle: OrderedDict[int, Held] = OrderedDict()
        self._platform: OrderedDict[tuple[int, ...], PlatformPrefix] = OrderedDict()

    # ------------------------------------------------------------------ figures

    @property
    def used_cells(self) -> int:
        """Cells that are taken or promised."""
        held = itertools.chain(self._running.values(), self._idle.values())
        return sum(h.own_cells for h in held) + sum(len(p.tokens) for p in self._platform.values())

    @property
    def idle_cells(self) -> int:
        return sum(h.own_cells for h in self._idle.values())

    @property
    def kept(self) -> int:
        return len(self._idle)

    # ------------------------------------------------------------------ opening and closing

    def open(self, tokens: Sequence[int], *, system_tokens: int, owner: str, reserve: int) -> Held | None:
        """A sequence for a prompt that may grow to `reserve` tokens; its `tokens` say what it holds already.

        At least one token of the prompt is left to be read. None when there is no room now.
        """
        kept, common = self._kept_match(tokens, owner)
        prefix = self._platform.get(tuple(tokens[:system_tokens])) if system_tokens else None
        shared = min(len(prefix.tokens), len(tokens) - 1) if prefix else 0
        if kept is not None:
            gained, lost = common - shared, len(kept.tokens) - common
            if gained <= 0 or (lost and gained < MIN_SHARED_TOKENS):
                kept = None  # it would be given up for little
        if kept is not None:
            return self._continue(kept, common, reserve)
        if prefix is not None and shared < len(prefix.tokens):
            prefix = None
        return self._begin(owner, prefix, reserve)

    def _kept_match(self, tokens: Sequence[int], owner: str) -> tuple[Held | None, int]:
        """The owner's kept conversation that begins most like `tokens`, and how many tokens they share."""
        best: Held | None = None
        longest = 0
        for held in self._idle.values():
            if not self._may_continue(held, owner):
                continue
            common = min(_common(held.tokens, tokens), len(tokens) - 1)
            if held.base is not None and common < len(held.base.tokens):
                continue  # it would be cut inside cells that are not its own
            if not self._reuse and common < len(held.tokens):
                continue  # this model can only forget whole sequences
            if common > longest:
                best, longest = held, common
        return best, longest

    def _may_continue(self, held: Held, owner: str) -> bool:
        return held.owner == owner

    def _continue(self, kept: Held, common: int, reserve: int) -> Held | None:
        del self._idle[kept.seq]
        base = len(kept.base.tokens) if kept.base else 0
        if not self._make_room(reserve - base, sequences=0):
            self._idle[kept.seq] = kept
            return None
        self._cells.trim(kept.seq, common)
        del kept.tokens[common:]
        kept.reserved = reserve
        self._running[kept.seq] = kept
        return kept

    def _begin(self, owner: str, prefix: PlatformPrefix | None, reserve: int) -> Held | None:
        if prefix is not None:
            prefix.users += 1  # so that making room does not take it
        room = self._make_room(reserve - (len(prefix.tokens) if prefix else 0), sequences=1)
        if prefix is not None:
            prefix.users -= 1
        if not room:
            return None
        held = Held(self._free.pop(), owner, reserved=reserve)
        if prefix is not None:
            self._cells.copy_platform(prefix.seq, held.seq, len(prefix.tokens))
            held.tokens.extend(prefix.tokens)
            self._stand_on(held, prefix)
        self._running[held.seq] = held
        return held

    def share_system(self, held: Held, system_tokens: int) -> None:
        """Keep the system message that `held` has just read, for the next who brings the same."""
        key = tuple(held.tokens[:system_tokens])
        if not self._reuse or held.base is not None or len(key) < MIN_SHARED_TOKENS or key in self._platform:
            return
        if not self._make_room(0, sequences=1):
            return
        prefix = PlatformPrefix(self._free.pop(), key)
        self._cells.copy_platform(held.seq, prefix.seq, len(key))
        self._platform[key] = prefix
        self._stand_on(held, prefix)

    def _stand_on(self, held: Held, prefix: PlatformPrefix) -> None:
        held.base = prefix
        prefix.users += 1
        self._platform.move_to_end(prefix.tokens)

    def close(self, held: Held, *, keep: bool, now: float) -> None:
        """End a run. With `keep` the conversation stays for its owner until the room is needed."""
        del self._running[held.seq]
        held.reserved = 0
        if not keep or not held.tokens or held.own_cells > self._idle_limit:
            self._drop(held)
            return
        held.kept_at = now
        self._idle[held.seq] = held
        while self.idle_cells > self._idle_limit:
            self._drop(self._idle.popitem(last=False)[1])

    def forget_before(self, moment: float) -> None:
        """Forget conversations kept since before `moment`, and system messages that nobody stands on any more
        once no conversation is left; an empty cache is overwritten, so that no words stay in memory.
        """
        for held in [h for h in self._idle.values() if h.kept_at < moment]:
            del self._idle[held.seq]
            self._drop(held)
        if not self._running and not self._idle and self._platform:
            self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._cells.clear()
        for used in (*self._running, *self._idle, *(p.seq for p in self._platform.values())):
            self._free.append(used)
        self._running.clear()
        self._idle.clear()
        self._platform.clear()

    # ------------------------------------------------------------------ room

    def _make_room(self, cells: int, *, sequences: int) -> bool:
        """Forget the longest unused until `cells` cells and `sequences` sequences are free."""
        while self._capacity - self.used_cells < cells or len(self._free) < sequences:
            if self._idle:
                self._drop(self._idle.popitem(last=False)[1])
                continue
            unused = next((p for p in self._platform.values() if p.users == 0), None)
            if unused is None:
                return False
            del self._platform[unused.tokens]
            self._cells.trim(unused.seq, 0)
            self._free.append(unused.seq)
        return True

    def _drop(self, held: Held) -> None:
        self._cells.trim(held.seq, 0)
        if held.base is not None:
            held.base.users -= 1
        self._free.append(held.seq)


def _common(left: Sequence[int], right: Sequence[int]) -> int:
    """How many tokens two sequences begin with alike."""
    for at, (a, b) in enumerate(zip(left, right, strict=False)):
        if a != b:
            return at
    return min(len(left), len(right))
