"""What a question was given of collections: the very text, and which passages it was made of."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from chatplatform.chat.sources.passages import AROUND_CHARS, MOST_SOURCES, PASSAGE_CHARS, TITLE_CHARS, Source
from chatplatform.knowledge.retrieval import Passage
from chatplatform.privacy.content import decrypt_text, encrypt_text
from chatplatform.privacy.subjects import Subject


class GivenPassage(BaseModel):
    """A passage as it was when it was given. `number` is what answers cite it by; the rest as retrieval found it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    number: int
    chunk_id: UUID
    document_id: UUID
    collection_id: UUID
    title: str = Field(repr=False)
    text: str = Field(repr=False)
    before: str = Field("", repr=False)
    after: str = Field("", repr=False)
    start: int
    end: int
    page: int = 0
    url: str = Field("", repr=False)
    confidence: float = 0.0
    cosine: float | None = None
    coverage: float = 0.0

    @property
    def source(self) -> Source | None:
        """None where its number is past those that can be cited."""
        if not 0 < self.number <= MOST_SOURCES:
            return None
        return Source(
            number=self.number,
            kind="document",
            document_id=self.document_id,
            title=self.title[:TITLE_CHARS],
            passage=self.text[:PASSAGE_CHARS],
            before=self.before,
            after=self.after,
            start=self.start,
            end=self.end,
            page=self.page or None,
            url=self.url,
        )


class Given(BaseModel):
    """`text` is the part of the prompt; empty where passages were named to the person and not to the model. `asked` is
    what was looked up, where that is not the question as it was written."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    text: str = Field(repr=False)
    passages: tuple[GivenPassage, ...]
    threshold: float = 0.0
    degraded: str = ""
    asked: str = Field("", repr=False)


def given_passage(passage: Passage, number: int) -> GivenPassage:
    return GivenPassage(
        number=number,
        chunk_id=passage.chunk_id,
        document_id=passage.document_id,
        collection_id=passage.collection_id,
        title=passage.title,
        text=passage.text,
        before=passage.before[-AROUND_CHARS:],
        after=passage.after[:AROUND_CHARS],
        start=passage.start,
        end=passage.end,
        page=passage.page,
        url=passage.origin[:2_000],
        confidence=passage.score.confidence,
        cosine=passage.score.dense,
        coverage=passage.score.coverage,
    )


def sealed_given(owner: Subject, row_id: UUID, given: Given) -> bytes:
    return encrypt_text(owner, given.model_dump_json(), context=_context(row_id))


def given_of(owner: Subject, row_id: UUID, sealed: bytes) -> Given:
    """Raises what `decrypt_text` does."""
    return Given.model_validate_json(decrypt_text(owner, sealed, context=_context(row_id)))


def _context(row_id: UUID) -> str:
    return f"given-passages:{row_id}"
