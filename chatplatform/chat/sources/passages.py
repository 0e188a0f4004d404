"""The contract of sources: what whoever fills a prompt hands over, and what readers are shown."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator

Kind = Literal["file", "document", "web", "tool"]

MOST_SOURCES = 999
TITLE_CHARS = 300
PASSAGE_CHARS = 20_000
AROUND_CHARS = 4_000


class SourceText(BaseModel):
    """What is encrypted of a source. `passage` is what the model was given and is highlighted; `before` and `after`
    are the text around it, for whoever reads it. `start` and `end` are the passage's place in the document's text, in
    characters; `page` counts from 1."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    title: str = Field(max_length=TITLE_CHARS)
    passage: str = Field(max_length=PASSAGE_CHARS, repr=False)
    before: str = Field("", max_length=AROUND_CHARS, repr=False)
    after: str = Field("", max_length=AROUND_CHARS, repr=False)
    start: int | None = Field(None, ge=0)
    end: int | None = Field(None, ge=0)
    page: int | None = Field(None, ge=1)
    url: str = Field("", max_length=2_000)

    @field_validator("url")
    @classmethod
    def _only_the_web(cls, url: str) -> str:
        """Anything but a whole address of the web is dropped: it will stand behind a link."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return ""
        return url if parts.scheme in {"http", "https"} and parts.hostname else ""


class Source(SourceText):
    """A numbered passage. `document_id` names the file or document it is of, for who may open that."""

    number: int = Field(ge=1, le=MOST_SOURCES)
    kind: Kind
    document_id: UUID | None = None
