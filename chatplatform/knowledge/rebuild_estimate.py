"""What another index costs, before it is begun: how many chunks it will have, and how long it takes here.

What the index that answers was made of is known to the token; how other sizes change that is seen on a few of the
collection's own documents, which are cut both ways. Nothing is asked of the embedding model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db.models import Sum

from chatplatform.common.actors import Actor
from chatplatform.knowledge import content, rights
from chatplatform.knowledge.chunk_sizes import sizes_of
from chatplatform.knowledge.chunking.chunks import Sizes
from chatplatform.knowledge.ingestion import planning
from chatplatform.knowledge.models import Collection, Document, Index, IndexEntry
from chatplatform.privacy.errors import ContentErased, ContentUnreadable

SAMPLE: Final = 6
"""So many documents are cut, none longer than `SAMPLE_CHARS`: a fraction of a second in all."""
SAMPLE_CHARS: Final = 60_000


@dataclass(frozen=True, slots=True)
class RebuildEstimate:
    """For chunks of `chunk_tokens` tokens at most: about how many there will be, and tokens in them. `seconds` is None
    where nothing was measured here yet."""

    chunk_tokens: int
    documents: int
    chunks: int
    tokens: int
    seconds: float | None


def rebuild_estimates(collection_id: UUID, choices: Sequence[int], *, actor: Actor) -> list[RebuildEstimate]:
    """One for each of `choices`, which are tokens of a chunk. Raises NotFound, NotAllowed, InvalidInput."""
    rights.require_manage(actor)
    wanted = [sizes_of(choice) for choice in choices]
    collection = Collection.objects.filter(id=collection_id, deleted_at=None).first()
    if collection is None:
        raise rights.not_found()
    read = Document.objects.filter(collection=collection, state=Document.State.READ)
    told = read.aggregate(characters=Sum("characters"))
    documents, characters = read.count(), told["characters"] or 0
    live = collection.live_index
    entered = IndexEntry.objects.filter(index=live, state=IndexEntry.State.DONE).aggregate(
        chunks=Sum("chunks"), tokens=Sum("tokens"), characters=Sum("document__characters")
    )
    if live is None or not entered["characters"] or not entered["chunks"]:
        return [RebuildEstimate(sizes.most, documents, 0, 0, None) for sizes in wanted]
    share = characters / entered["characters"]
    speed = _seconds_a_token()
    sample = _sample(collection)
    present = _measure(sample, planning.sizes_of(live))
    found = []
    for sizes in wanted:
        cut = _measure(sample, sizes)
        more_chunks = cut[0] / present[0] if present[0] else 1.0
        more_tokens = cut[1] / present[1] if present[1] else 1.0
        tokens = round(entered["tokens"] * share * more_tokens)
        found.append(
            RebuildEstimate(
                chunk_tokens=sizes.most,
                documents=documents,
                chunks=max(documents, round(entered["chunks"] * share * more_chunks)),
                tokens=tokens,
                seconds=None if speed is None else tokens * speed,
            )
        )
    return found


def seconds_left(tokens: int, progress: float) -> float | None:
    """Of an index of so many tokens that is built to `progress`; None where nothing was measured here."""
    speed = _seconds_a_token()
    return None if speed is None else tokens * (1 - progress) * speed


def _seconds_a_token() -> float | None:
    measured = Index.objects.filter(measured_s__gt=1).aggregate(
        tokens=Sum("measured_tokens"), s=Sum("measured_s")
    )
    return float(measured["s"] / measured["tokens"]) if measured["tokens"] else None


def _sample(collection: Collection) -> list[Document]:
    rows = Document.objects.filter(collection=collection, state=Document.State.READ)
    return list(rows.filter(characters__range=(1, SAMPLE_CHARS)).order_by("digest")[:SAMPLE])


def _measure(sample: Sequence[Document], sizes: Sizes) -> tuple[int, int]:
    """How many chunks and tokens these documents make; one that cannot be read makes none."""
    chunks = tokens = 0
    for document in sample:
        try:
            cut = planning.cut(document, content.text_of(document), sizes)
        except (ContentErased, ContentUnreadable):
            continue
        chunks += len(cut.chunks)
        tokens += sum(chunk.tokens for chunk in cut.chunks)
    return chunks, tokens
