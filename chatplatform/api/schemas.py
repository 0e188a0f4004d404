"""Shapes that several routes share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer

from chatplatform.api.limits import MAX_PAGE_ITEMS, PAGE_ITEMS


def _writable(text: str) -> str:
    """Raises ValueError for what no database keeps."""
    if "\x00" in text:
        raise ValueError("a text has no NUL characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("a text has no halves of surrogate pairs") from None
    return text


Text = Annotated[str, AfterValidator(_writable)]
Moment = Annotated[
    datetime,
    PlainSerializer(
        lambda moment: moment.astimezone(UTC).isoformat().replace("+00:00", "Z"), return_type=str
    ),
    Field(json_schema_extra={"format": "date-time"}),
]


class Body(Schema):
    """What clients send: unknown fields are refused, so that a typing error is not taken for a wish."""

    model_config = ConfigDict(extra="forbid")


class Error(Schema):
    """`code` is stable and for programs; `message` says what to do, in the reader's language."""

    code: str
    message: str
    details: list[ErrorDetail] | None = None


class ErrorDetail(Schema):
    """One field that is not as it should be."""

    where: str
    problem: str


class Page(Schema):
    """Where to go on in a list."""

    after: str | None = Field(None, max_length=400, description="The `next` of the page before.")
    limit: int = Field(PAGE_ITEMS, ge=1, le=MAX_PAGE_ITEMS, description="How many items at most.")


Order = Literal["asc", "desc"]
NextCursor = Annotated[str | None, Field(description="Give it as `after` to go on; null at the end.")]
Id = UUID


def as_schema(model: type[BaseModel], value: object, **more: Any) -> dict[str, Any]:
    """The fields of `model` from the attributes of a view."""
    return {
        **{name: getattr(value, name) for name in model.model_fields if hasattr(value, name)},
        **more,
    }
