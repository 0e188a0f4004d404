"""Where texts come from: the layers above say how each kind is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, TypeVar
from uuid import UUID

from chatplatform.text_search.models import Kind

# Gives the texts of a person that are there and can be read, by id; in the open workspace scope.
Reader = Callable[[UUID, Sequence[UUID]], dict[UUID, str]]
T = TypeVar("T")

READ_AT_ONCE: Final = 256
_readers: dict[Kind, Reader] = {}


def register_reader(kind: Kind, reader: Reader) -> None:
    """Say how texts of this kind are read; once, when the application is ready."""
    _readers[kind] = reader


def read(kind: Kind, owner_id: UUID, item_ids: Sequence[UUID]) -> dict[UUID, str]:
    return _readers[kind](owner_id, item_ids)


def in_parts(items: Iterable[T], size: int = READ_AT_ONCE) -> Iterator[list[T]]:
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part
