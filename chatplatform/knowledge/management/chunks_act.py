"""`manage.py knowledge chunks`: how a file or a document is cut into passages, before anything is indexed."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError

from chatplatform.common.actors import Actor
from chatplatform.documents.reading import DocumentUnreadable
from chatplatform.knowledge.chunk_preview import document_preview, file_preview
from chatplatform.knowledge.chunk_sizes import DEFAULT_TOKENS
from chatplatform.knowledge.chunking.preview import Preview
from chatplatform.knowledge.folders import parts_of


def add_chunks_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("what", metavar="FILE|DOCUMENT", help="a file, or the id of a document")
    parser.add_argument(
        "--chunk-tokens",
        type=int,
        metavar="N",
        help=f"passages of N tokens at most (default: as the document's collection, else {DEFAULT_TOKENS})",
    )
    parser.add_argument(
        "--most", type=int, default=20, metavar="N", help="so many passages are written out (default 20)"
    )


def chunks_act(person_id: UUID, options: dict[str, Any], *, actor: Actor) -> Iterator[str]:
    """Lines that show the passages. Raises CommandError, OSError and what `document_preview` does."""
    wish, most = options["chunk_tokens"], max(0, options["most"])
    path = Path(options["what"])
    if path.is_file():
        try:
            made = file_preview(
                parts_of(path), path.name, DEFAULT_TOKENS if wish is None else wish, limit=most
            )
        except DocumentUnreadable as problem:
            raise CommandError(problem.message) from problem
    else:
        made = document_preview(person_id, _id(options["what"]), wish, limit=most, actor=actor).made
    yield from _lines(made)


def _lines(made: Preview) -> Iterator[str]:
    for chunk in made.shown:
        page = f", page {chunk.first_page}" if chunk.first_page else ""
        too_long = ", TOO LONG" if chunk.tokens > made.most else ""
        yield f"#{chunk.number + 1}  {chunk.tokens} tokens{too_long}{page}, part {chunk.parent + 1}"
        if chunk.context:
            yield f"    [{' '.join(chunk.context.split())}]"
        yield f"    {' '.join(chunk.text.split())}"
    overlong = f", {made.overlong} too long" if made.overlong else ""
    yield (
        f"{made.chunks} passages of {made.most} tokens at most ({round(made.mean)} on average, "
        f"{made.largest} the longest{overlong}), in {len(made.parents)} parts that are read together"
    )


def _id(given: str) -> UUID:
    try:
        return UUID(given)
    except ValueError:
        raise CommandError(f"There is no file {given}, and it is no id of a document.") from None
