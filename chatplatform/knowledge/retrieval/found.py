"""What a search gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from chatplatform.knowledge.ranking.query_kind import Language

# what was missing: the meaning of the question, because encoder or vector store did not answer, or because the encoder
# reads English only and the question was not translated
Degraded = Literal["", "words_only", "untranslated"]
# of a reranker: there is none, or nothing to order; the order is its own; it did not answer in time, or failed
Reranking = Literal["off", "done", "missed"]


@dataclass(frozen=True, slots=True)
class Score:
    """How a passage came to its place. `dense` is the cosine, None where meaning has not been looked at; `lexical` is
    BM25 and `coverage` the share of the question's words, both 0 where it has none of them. Levels are what was weighed
    into `fused`, from 0 to 1. `confidence` is the probability that the passage answers. `reranked` is what the reranker
    gave, None for what it has not seen."""

    dense: float | None
    lexical: float
    coverage: float
    dense_level: float
    lexical_level: float
    fused: float
    confidence: float
    reranked: float | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk that was found, as it is in its document. `before` and `after` are the text around it, up to the part of
    the document that it belongs to. `start` and `end` are characters of the document's text, `page` is 0 where there
    are none, `number` is the chunk's place in the document."""

    chunk_id: UUID
    document_id: UUID
    collection_id: UUID
    number: int
    title: str = field(repr=False)
    origin: str = field(repr=False)
    context: str = field(repr=False)
    text: str = field(repr=False)
    before: str = field(repr=False)
    after: str = field(repr=False)
    start: int
    end: int
    page: int
    tokens: int
    score: Score


@dataclass(frozen=True, slots=True)
class Timings:
    """In milliseconds. `meaning` holds `embedding`, `rows` holds `reranking`; words and meaning are looked up at the
    same time."""

    embedding: float
    meaning: float
    words: float
    rows: float
    total: float
    reranking: float = 0.0


@dataclass(frozen=True, slots=True)
class Explained:
    """For who wants to know why: what was looked up, how much words counted, how many candidates each side had, and
    how many of them had no row any more."""

    asked: str = field(repr=False)
    words_weight: float
    by_meaning: int
    by_words: int
    without_row: int


@dataclass(frozen=True, slots=True)
class Retrieved:
    """Passages, best first. `threshold` is the first one's, `is_confident` says that one of them reaches its own: they
    differ where passages are in another language than the question. `translation` is the question in English, where
    that was searched for beside it."""

    passages: tuple[Passage, ...]
    is_confident: bool
    threshold: float
    language: Language
    timings_ms: Timings
    degraded: Degraded = ""
    translation: str = field(default="", repr=False)
    reranking: Reranking = "off"
    explained: Explained | None = None
