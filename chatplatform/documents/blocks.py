"""The text of a document with its structure, as it crosses from the confined process and is stored."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from chatplatform.documents.kinds import Kind

BlockKind = Literal["heading", "text", "list", "table", "code"]
BETWEEN = "\n\n"


@dataclass(frozen=True, slots=True)
class Block:
    """A piece that belongs together. `level` is a heading's (1 to 6); `page` counts pages, slides, sheets or chapters
    from 1, and is 0 where there are none."""

    text: str = field(repr=False)
    kind: BlockKind = "text"
    level: int = 0
    page: int = 0


@dataclass(frozen=True, slots=True)
class OutlineEntry:
    """A heading that a file tells beside its text (a PDF's bookmarks). `level` begins with 1, as `page` does."""

    title: str = field(repr=False)
    level: int
    page: int


@dataclass(frozen=True, slots=True)
class Document:
    """All blocks in order, and the file's outline by page. `is_cut`: there was more than is read of one document."""

    kind: Kind
    blocks: tuple[Block, ...] = field(repr=False)
    pages: int = 0
    is_cut: bool = False
    outline: tuple[OutlineEntry, ...] = field(default=(), repr=False)

    @property
    def text(self) -> str:
        return BETWEEN.join(block.text for block in self.blocks)

    def to_bytes(self) -> bytes:
        head: dict[str, object] = {"kind": self.kind.value, "pages": self.pages, "is_cut": self.is_cut}
        if self.outline:
            head["outline"] = [[entry.title, entry.level, entry.page] for entry in self.outline]
        return json.dumps(
            [head, [[block.kind, block.level, block.page, block.text] for block in self.blocks]],
            ensure_ascii=False,
        ).encode("utf-8", "surrogatepass")

    @classmethod
    def from_bytes(cls, data: bytes) -> Document:
        head, blocks = json.loads(data.decode("utf-8", "surrogatepass"))
        return cls(
            Kind(head["kind"]),
            tuple(Block(text, kind, level, page) for kind, level, page, text in blocks),
            head["pages"],
            head["is_cut"],
            # documents that were stored before there were outlines have none
            tuple(OutlineEntry(*entry) for entry in head.get("outline", ())),
        )


def placed(blocks: Iterable[Block]) -> Iterator[tuple[int, Block]]:
    """Each block with where it begins in the document's text."""
    at = 0
    for block in blocks:
        yield at, block
        at += len(block.text) + len(BETWEEN)
