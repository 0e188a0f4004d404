"""Which sequence serves whom: running ones, conversations kept for their owner, and shared platform prefixes."""

from __future__ import annotations

import itertools
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from chatplatform.inference.engines.llamacpp.owned_cells import PLATFORM, OwnedCells
from chatplatform.inference.engines.llamacpp.saved_conversations import (
    SavedConversations,
    SavedState,
    common_length,
)
from chatplatform.inference.engines.llamacpp.saved_prefixes import SavedPrefixes

MIN_SHARED_TOKENS = 16
"""Shorter beginnings are read again: sharing them costs more than it saves."""
MIN_SAVED_TOKENS = 48
"""Shorter ends of conversations are read again: writing them down costs more than it saves."""

IDLE_CELLS = 1024
"""Of kept conversations, so much stays in the cache, which every decode looks through (docs/engine.md)."""


@dataclass
class PlatformPrefix:
    """A text of the platform's in a sequence of its own. `users` sequences stand on its cells."""

    seq: int
    tokens: tuple[int, ...]
    users: int = 0


@dataclass
class Held:
    """A sequence that serves, or served, one owner.

    `tokens` are in the cache; `reserved` is how long it may grow; the first of its cells may be those of `base`.
    With `no_store` it is never written down.
    """

    seq: int
    owner: str
    tokens: list[int] = field(default_factory=list)
    reserved: int = 0
    base: PlatformPrefix | None = None
    kept_at: float = 0.0
    no_store: bool = False

    @property
    def own_cells(self) -> int:
        return max(len(self.tokens), self.reserved) - (len(self.base.tokens) if self.base else 0)


class Sequences:
    """Gives out the numbered sequences of a cache and knows how full it is. One thread uses it.

    A kept conversation is only ever continued for its own owner. Between owners nothing is shared but platform
    prefixes, and those are copied from sequences that hold nothing else. What has to leave the cache is saved, and
    comes back when its owner goes on.
    """

    def __init__(
        self,
        cells: OwnedCells,
        conversations: SavedConversations | None = None,
        prefixes: SavedPrefixes | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Without `conversations` or `prefixes`, what leaves the cache is lost."""
        self._cells = cells
        self._conversations = conversations
        self._prefixes = prefixes
        self._clock = clock
        self._capacity = cells.context.cells
        # idle cells slow every decode, so much that it is cheaper to bring them back
        self._idle_limit = self._capacity // 2
        if conversations is not None:
            self._idle_limit = min(self._idle_limit, IDLE_CELLS)
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
        platform = tuple(tokens[:system_tokens])
        if platform:
            self._platform_prefix(platform)
        saved, spared = self._saved_match(tokens, owner)
        # bringing prefixes back may have taken the room of others: what is in the cache is looked up after it
        kept, common = self._kept_match(tokens, owner)
        prefix = self._platform.get(platform)
        shared = min(len(prefix.tokens), len(tokens) - 1) if prefix else 0
        if kept is not None:
            gained, lost = common - shared, len(kept.tokens) - common
            if gained <= 0 or (lost and gained < MIN_SHARED_TOKENS):
                kept = None  # it would be given up for little
        if saved is not None and spared - (common if kept else shared) >= MIN_SHARED_TOKENS:
            return self._bring_back(saved, tokens, prefix, owner, reserve)
        if kept is not None:
            return self._continue(kept, common, reserve)
        if prefix is not None and shared < len(prefix.tokens):
            prefix = None
        return self._begin(owner, prefix, reserve)

    def forget(self, owner: str) -> int:
        """Forget every kept and saved conversation of `owner` that is not running; how many there were."""
        kept = [held for held in self._idle.values() if held.owner == owner]
        for held in kept:
            del self._idle[held.seq]
            self._drop(held)
        return len(kept) + (self._conversations.forget(owner) if self._conversations else 0)

    def _kept_match(self, tokens: Sequence[int], owner: str) -> tuple[Held | None, int]:
        """The owner's kept conversation that begins most like `tokens`, and how many tokens they share."""
        best: Held | None = None
        longest = 0
        for held in self._idle.values():
            if not self._may_continue(held, owner):
                continue
            common = min(common_length(held.tokens, tokens), len(tokens) - 1)
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
        if not self._make_room_beside(prefix, reserve):
            return None
        held = Held(self._free.pop(), owner, reserved=reserve)
        if prefix is not None:
            self._cells.copy_platform(prefix.seq, held.seq, len(prefix.tokens))
            held.tokens.extend(prefix.tokens)
            self._stand_on(held, prefix)
        self._running[held.seq] = held
        return held

    def _make_room_beside(self, prefix: PlatformPrefix | None, reserve: int) -> bool:
        """Room for one more sequence of `reserve` tokens that stands on `prefix`, which stays."""
        if prefix is None:
            return self._make_room(reserve, sequences=1)
        prefix.users += 1
        room = self._make_room(reserve - len(prefix.tokens), sequences=1)
        prefix.users -= 1
        return room

    # ------------------------------------------------------------------ what was saved

    def _saved_match(self, tokens: Sequence[int], owner: str) -> tuple[int | None, int]:
        """The key of the owner's saved conversation that spares most reading, and how many tokens that are."""
        if self._conversations is None:
            return None, 0
        key, common = self._conversations.longest(owner, tokens)
        common = min(common, len(tokens) - 1)
        if key is None:
            return None, 0
        prefix = self._conversations.prefix_of(key)
        if prefix and (common < len(prefix) or self._platform_prefix(prefix) is None):
            return None, 0
        if not self._reuse and common < len(prefix) + self._conversations.size_of(key):
            return None, 0  # this model can only forget whole sequences
        return key, common

    def _bring_back(
        self, key: int, tokens: Sequence[int], prefix: PlatformPrefix | None, owner: str, reserve: int
    ) -> Held | None:
        """A sequence with a saved conversation, or with what else there is when it cannot be brought back."""
        assert self._conversations is not None
        own_prefix = self._conversations.prefix_of(key)
        base = self._platform_prefix(own_prefix) if own_prefix else None
        longest = max(reserve, len(own_prefix) + self._conversations.size_of(key))
        if not self._make_room_beside(base, longest):
            return None
        state = self._conversations.take(key)
        if state is None or not self._restored(state, self._free[-1], base):
            return self._begin(owner, prefix, reserve)
        held = Held(self._free.pop(), state.owner, tokens=list(state.tokens), reserved=reserve)
        if base is not None:
            self._stand_on(held, base)
        common = min(common_length(held.tokens, tokens), len(tokens) - 1)
        self._cells.trim(held.seq, common)
        del held.tokens[common:]
        self._running[held.seq] = held
        return held

    def _restored(self, state: SavedState, seq: int, base: PlatformPrefix | None) -> bool:
        stop = len(state.tokens)
        on = (base.seq, len(base.tokens)) if base else None
        return self._cells.restore(seq, state.data, stop=stop, owner=state.owner, base=on)

    def _save(self, held: Held) -> None:
        """Write down what `held` has of its own, before it leaves the cache."""
        start = len(held.base.tokens) if held.base else 0
        if self._conversations is None or held.no_store or len(held.tokens) - start < MIN_SAVED_TOKENS:
            return
        owner, data = self._cells.save(held.seq, start)
        if data and owner != PLATFORM:
            self._conversations.keep(
                SavedState(owner, tuple(held.tokens), start, data), now=held.kept_at or self._clock()
            )

    def _platform_prefix(self, tokens: tuple[int, ...]) -> PlatformPrefix | None:
        """The platform prefix of exactly these tokens, from the cache or from where it was saved."""
        prefix = self._platform.get(tokens)
        if prefix is not None or self._prefixes is None or not self._reuse:
            return prefix
        data = self._prefixes.find(tokens)
        if data is None or not self._make_room(len(tokens), sequences=1):
            return None
        if not self._cells.restore(self._free[-1], data, stop=len(tokens), owner=PLATFORM, base=None):
            self._prefixes.drop(tokens)
            return None
        prefix = self._platform[tokens] = PlatformPrefix(self._free.pop(), tokens)
        return prefix

    # ------------------------------------------------------------------ the platform's own text

    def share_system(self, held: Held, system_tokens: int) -> None:
        """Keep the platform's text that `held` has just read, for the next who brings the same."""
        key = tuple(held.tokens[:system_tokens])
        if not self._reuse or held.base is not None or len(key) < MIN_SHARED_TOKENS or key in self._platform:
            return
        if not self._make_room(0, sequences=1):
            return
        prefix = PlatformPrefix(self._free.pop(), key)
        self._cells.copy_platform(held.seq, prefix.seq, len(key))
        self._platform[key] = prefix
        self._stand_on(held, prefix)
        if self._prefixes is not None:
            self._prefixes.keep(key, self._cells.save(prefix.seq, 0)[1])

    def _stand_on(self, held: Held, prefix: PlatformPrefix) -> None:
        held.base = prefix
        prefix.users += 1
        self._platform.move_to_end(prefix.tokens)

    def close(self, held: Held, *, keep: bool, now: float) -> None:
        """End a run. With `keep` the conversation stays for its owner until the room is needed."""
        del self._running[held.seq]
        held.reserved = 0
        if not keep or not held.tokens:
            self._drop(held)
            return
        held.kept_at = now
        if held.own_cells > self._idle_limit:
            self._save(held)
            self._drop(held)
            return
        self._idle[held.seq] = held
        while self.idle_cells > self._idle_limit:
            self._evict()

    def forget_before(self, moment: float) -> None:
        """Take conversations kept since before `moment` out of the cache, and platform prefixes once none is left;
        an empty cache is overwritten, so that no words stay in it.
        """
        for held in [h for h in self._idle.values() if h.kept_at < moment]:
            del self._idle[held.seq]
            self._save(held)
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
                self._evict()
                continue
            unused = next((p for p in self._platform.values() if p.users == 0), None)
            if unused is None:
                return False
            del self._platform[unused.tokens]
            self._cells.trim(unused.seq, 0)
            self._free.append(unused.seq)
        return True

    def _evict(self) -> None:
        """Take the longest unused conversation out of the cache."""
        _seq, held = self._idle.popitem(last=False)
        self._save(held)
        self._drop(held)

    def _drop(self, held: Held) -> None:
        self._cells.trim(held.seq, 0)
        if held.base is not None:
            held.base.users -= 1
        self._free.append(held.seq)
