"""A document in chunks: small ones to find, and the larger parts around them to read.

A chunk is a span of the document's text, so a citation can show exactly what was found. It ends where the text itself
ends something: a section before a paragraph, a paragraph before a sentence, and inside of sentences, rows and lines
only when one alone is larger than a chunk. Among equally good places the content decides, by a hash: after an
insertion the cuts fall where they fell before, and only the chunks around it change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from chatplatform.documents.blocks import Document
from chatplatform.documents.structure import ElementKind
from chatplatform.knowledge.chunking.parents import Parent, parents
from chatplatform.knowledge.chunking.units import Cut, TokenCounter, Unit, units

BETWEEN_HEADINGS = " › "


@dataclass(frozen=True, slots=True)
class Sizes:
    """In tokens. A chunk's text and context have `most` at most, its text `least` at least where the section has it;
    `overlap` is the most that a chunk repeats of the one before when a paragraph had to be cut."""

    least: int = 48
    most: int = 224
    overlap: int = 0
    context: int = 48
    parent: int = 900

    def __post_init__(self) -> None:
        if not (
            8 <= self.least <= self.most - self.context - self.overlap and self.overlap >= 0 <= self.context
        ):
            raise ValueError("A chunk needs 8 tokens at least, and room for its context and overlap.")
        if self.parent < self.most:
            raise ValueError("A parent holds one chunk at least.")


@dataclass(frozen=True, slots=True)
class Chunk:
    """The document's text from `start` to `end`; the first `repeated` characters are in the chunk before too.

    `context` is what the text stands under, headings and the header of its table, and is embedded with it. `id` is
    made of the content alone: the same words under the same headings have the same id in the next version.
    """

    id: str
    number: int
    start: int
    end: int
    repeated: int
    first_page: int
    last_page: int
    kind: ElementKind
    tokens: int
    parent: int
    context: str = field(repr=False)
    text: str = field(repr=False)

    @property
    def embedded(self) -> str:
        """What is turned into a vector and indexed by words."""
        return f"{self.context}\n{self.text}" if self.context else self.text


@dataclass(frozen=True, slots=True)
class Chunked:
    """All chunks in order, and the parents that their `parent` counts. `is_cut`: there was more than may be indexed."""

    chunks: tuple[Chunk, ...]
    parents: tuple[Parent, ...]
    is_cut: bool = False


MOST_CHUNKS = 200_000


def chunked(
    document: Document,
    count: TokenCounter,
    sizes: Sizes | None = None,
    *,
    key: bytes = b"",
    most_chunks: int = MOST_CHUNKS,
) -> Chunked:
    """Chunks of the document, in time and memory linear in its text.

    `key` (64 bytes at most) makes ids that tell nothing of the content to who lacks it. Raises what `count` raises.
    """
    sizes = sizes or Sizes()
    text = document.text
    contexts = _Contexts(text, count, sizes.context)
    names = Names(key)
    found: list[_Draft] = []
    is_cut = False
    for group in _groups(units(document, text, count, most=_room(sizes)), text, sizes):
        if len(found) >= most_chunks:
            is_cut = True
            break
        found.append(_draft(group, contexts, found, sizes))
    tops = [(draft.units[0].cut, draft.units[0].element.level) for draft in found]
    spans = [(draft.start, draft.end, draft.tokens) for draft in found]
    around, of_chunk = parents(spans, tops, most=sizes.parent)
    chunks = tuple(_chunk(number, draft, text, names, of_chunk[number]) for number, draft in enumerate(found))
    return Chunked(chunks, around, is_cut)


@dataclass(frozen=True, slots=True)
class _Draft:
    units: Sequence[Unit]
    start: int
    tokens: int
    context: str

    @property
    def end(self) -> int:
        return self.units[-1].end


def _room(sizes: Sizes) -> int:
    return sizes.most - sizes.context - sizes.overlap


def _groups(found: Iterator[Unit], text: str, sizes: Sizes) -> Iterator[list[Unit]]:
    """Units that become a chunk each; at most one window of them is held."""
    held: list[Unit] = []
    tokens = 0
    room = _room(sizes)
    for unit in found:
        if unit.cut is Cut.SECTION and tokens * 2 >= sizes.least:
            yield held
            held, tokens = [], 0
        while held and tokens + unit.tokens > room:
            at = _best_cut([*held, unit], text, sizes)
            yield held[:at]
            held = held[at:]
            tokens = sum(one.tokens for one in held)
        held.append(unit)
        tokens += unit.tokens
    if held:
        yield held


def _best_cut(held: Sequence[Unit], text: str, sizes: Sizes) -> int:
    """Before which unit the chunk ends: the best place past `least`, the same one for the same words around it."""
    tokens = 0
    last = len(held) - 1
    best, best_cut, best_mark = last, -1, b""
    for number, unit in enumerate(held):
        if number and unit.cut >= best_cut and (tokens >= sizes.least or number == last):
            mark = _mark(text, unit)
            if unit.cut > best_cut or mark > best_mark:
                best, best_cut, best_mark = number, unit.cut, mark
        tokens += unit.tokens
    return best


def _mark(text: str, unit: Unit) -> bytes:
    said = text[unit.start : min(unit.end, unit.start + 200)]
    return hashlib.blake2b(said.encode("utf-8", "replace"), digest_size=8).digest()


def _draft(group: list[Unit], contexts: _Contexts, before: Sequence[_Draft], sizes: Sizes) -> _Draft:
    first = group[0]
    context, context_tokens = contexts.of(first)
    start, tokens = first.start, sum(unit.tokens for unit in group) + context_tokens
    if first.cut in {Cut.SENTENCE, Cut.WITHIN} and before:
        for unit in reversed(before[-1].units):
            # only of the same paragraph: what is in another one was ended by its writer
            if unit.element is not first.element or tokens + unit.tokens > sizes.most:
                break
            if sum(one.tokens for one in before[-1].units if one.start >= unit.start) > sizes.overlap:
                break
            start, tokens = unit.start, tokens + unit.tokens
    return _Draft(tuple(group), start, tokens, context)


class _Contexts:
    """The words that a chunk stands under, within their tokens, the nearest heading kept first."""

    def __init__(self, text: str, count: TokenCounter, most: int) -> None:
        self._text = text
        self._count = count
        self._most = most
        self._last: tuple[tuple[str, ...], tuple[int, int] | None] = ((), None)
        self._made = ("", 0)

    def of(self, unit: Unit) -> tuple[str, int]:
        wanted = (unit.element.path, unit.element.header)
        if wanted != self._last:
            self._last, self._made = wanted, self._make(*wanted)
        return self._made

    def _make(self, path: tuple[str, ...], header: tuple[int, int] | None) -> tuple[str, int]:
        lines: list[str] = []
        if header is not None and header[1] - header[0] <= 8 * self._most:
            lines.append(self._text[header[0] : header[1]])
        kept: list[str] = []
        tokens = sum(self._count(line) for line in lines)
        if tokens > self._most:
            lines, tokens = [], 0
        for heading in reversed(path):
            more = self._count(heading) + 1
            if tokens + more > self._most:
                break
            kept.insert(0, heading)
            tokens += more
        if kept:
            lines.insert(0, BETWEEN_HEADINGS.join(kept))
        return "\n".join(lines), tokens if lines else 0


class Names:
    """Ids by content; the same content once more in one document gets its number too."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._seen: dict[bytes, int] = {}

    def of(self, context: str, text: str) -> str:
        said = f"{len(context)}\n{context}\n{text}".encode("utf-8", "replace")
        once = hashlib.blake2b(said, digest_size=16, key=self._key).digest()
        number = self._seen[once] = self._seen.get(once, -1) + 1
        if number:
            once = hashlib.blake2b(once + number.to_bytes(8, "big"), digest_size=16, key=self._key).digest()
        return once.hex()


def _chunk(number: int, draft: _Draft, text: str, names: Names, parent: int) -> Chunk:
    own = text[draft.start : draft.end]
    sized: dict[ElementKind, int] = {}
    for unit in draft.units:
        sized[unit.element.kind] = sized.get(unit.element.kind, 0) + unit.tokens
    return Chunk(
        id=names.of(draft.context, own),
        number=number,
        start=draft.start,
        end=draft.end,
        repeated=draft.units[0].start - draft.start,
        first_page=draft.units[0].element.page,
        last_page=draft.units[-1].element.page,
        kind=max(sized, key=lambda kind: sized[kind]),
        tokens=draft.tokens,
        parent=parent,
        context=draft.context,
        text=own,
    )
