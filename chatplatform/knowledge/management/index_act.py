"""`manage.py knowledge index`: what a collection is searched with, and changing to another index."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from chatplatform.common.actors import Actor
from chatplatform.knowledge import rebuilding
from chatplatform.knowledge.chunk_sizes import CHOICES
from chatplatform.knowledge.indexes import IndexView, indexes_of
from chatplatform.knowledge.rebuild_estimate import rebuild_estimates


def add_index_arguments(parser: ArgumentParser) -> None:
    """One of these at most; without any, the command tells how it stands and what another index costs."""
    wishes = parser.add_mutually_exclusive_group()
    wishes.add_argument(
        "--chunk-tokens",
        type=int,
        metavar="N",
        help="build another index, with passages of N tokens at most; search goes on meanwhile",
    )
    wishes.add_argument("--use", action="store_true", help="have the index that was built answer")
    wishes.add_argument("--give-up", action="store_true", help="remove the index that is being built")
    wishes.add_argument("--go-back", action="store_true", help="have the index before answer again")


def index_act(
    person_id: UUID, collection_id: UUID, options: dict[str, Any], *, actor: Actor
) -> Iterator[str]:
    """Do what was wished, and give lines that say how it stands. Raises what `rebuilding` does."""
    if options["chunk_tokens"] is not None:
        rebuilding.build_anew(collection_id, chunk_tokens=options["chunk_tokens"], actor=actor)
        yield "Begun. The present index answers meanwhile; say --use when it is ready."
    elif options["use"]:
        rebuilding.use(collection_id, actor=actor)
        yield "It answers from now on. The one before is kept: --go-back."
    elif options["give_up"]:
        rebuilding.give_up(collection_id, actor=actor)
        yield "Given up. The present index goes on answering."
    elif options["go_back"]:
        rebuilding.go_back(collection_id, actor=actor)
        yield "The one before answers again; what came since is put into it."
    found = indexes_of(person_id, collection_id)
    for name, view in (("in use", found.live), ("being built", found.building), ("before", found.before)):
        if view is not None:
            yield _words("ready" if view.is_ready else name, view)
    if found.live is not None and found.building is None and options["chunk_tokens"] is None:
        for one in rebuild_estimates(collection_id, CHOICES, actor=actor):
            if one.chunks:
                time = "" if one.seconds is None else f", about {max(1, round(one.seconds / 60))} min"
                yield f"--chunk-tokens {one.chunk_tokens}: about {one.chunks} passages{time}"
    if not found.all:
        yield "No index yet: it is made with the first document that is read."


def _words(name: str, view: IndexView) -> str:
    failed = f", {view.failed} failed" if view.failed else ""
    far = "" if view.progress == 1.0 else f", {round(100 * view.progress)} %"
    return (
        f"{name}: {view.encoder or 'no encoder yet'}, passages of {view.chunk_tokens} tokens at most, "
        f"{view.done} of {view.documents} documents{failed}, {view.chunks} passages{far}"
    )
