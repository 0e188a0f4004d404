"""The smallest parts of a document that a chunk is made of, each with how well one may cut before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from chatplatform.documents.blocks import Document
from chatplatform.documents.structure import Element, elements
from chatplatform.knowledge.chunking.sentences import pieces, sentences

TokenCounter = Callable[[str], int]


class Cut(IntEnum):
    """How good a place before a unit is to end a chunk, the best last."""

    AFTER_HEADING = 0
    WITHIN = 1  # a sentence, row or line that is too long to keep whole
    AFTER_LEAD = 2  # a list or table belongs to the words that announce it
    SENTENCE = 3
    LINE = 4
    BLOCK = 5
    SECTION = 6


@dataclass(frozen=True, slots=True)
class Unit:
    """A span of the document's text that is kept whole. `tokens` is at least 1."""

    start: int
    end: int
    tokens: int
    cut: Cut
    element: Element = field(repr=False)


def units(document: Document, text: str, count: TokenCounter, *, most: int) -> Iterator[Unit]:
    """In order. What has more than `most` tokens is cut further; `count` is given 16 * `most` characters at most."""
    before: Element | None = None
    longest = 16 * most
    for element in elements(document):
        cut = _cut_before(element, before, text)
        for start, end in _parts(element, text):
            for piece_start, piece_end in _short(text, start, end, longest):
                tokens = max(1, count(text[piece_start:piece_end]))
                for small_start, small_end, small_tokens in _fitting(
                    text, piece_start, piece_end, tokens, count, most
                ):
                    yield Unit(small_start, small_end, small_tokens, cut, element)
                    cut = Cut.WITHIN
            cut = Cut.SENTENCE
        before = element


def _parts(element: Element, text: str) -> Iterator[tuple[int, int]]:
    if element.kind in {"prose", "item"}:
        return sentences(text, element.start, element.end)
    return iter(((element.start, element.end),))


def _short(text: str, start: int, end: int, longest: int) -> Iterator[tuple[int, int]]:
    return iter(((start, end),)) if end - start <= longest else pieces(text, start, end, longest)


def _fitting(
    text: str, start: int, end: int, tokens: int, count: TokenCounter, most: int
) -> Iterator[tuple[int, int, int]]:
    """The span, halved until each part has `most` tokens at most, or one character."""
    if tokens <= most or end - start <= 1:
        yield start, end, min(tokens, most)
        return
    for part_start, part_end in pieces(text, start, end, max(1, (end - start) * most * 3 // (tokens * 4))):
        part = max(1, count(text[part_start:part_end]))
        yield from _fitting(text, part_start, part_end, part, count, most)


def _cut_before(element: Element, before: Element | None, text: str) -> Cut:
    if before is None:
        return Cut.SECTION
    if element.kind == "heading":
        is_below = before.kind == "heading" and before.level < element.level
        return Cut.AFTER_HEADING if is_below else Cut.SECTION
    if before.kind == "heading":
        return Cut.AFTER_HEADING
    announces = text[before.end - 1] in ":：" and before.kind == "prose"
    if element.kind in {"item", "row"} and announces:
        return Cut.AFTER_LEAD
    if element.kind == "row" and element.header == (before.start, before.end):
        return Cut.AFTER_LEAD  # a header without a row says nothing
    if element.opens:
        return Cut.LINE if element.kind == "item" and before.kind == "item" else Cut.BLOCK
    return Cut.LINE
