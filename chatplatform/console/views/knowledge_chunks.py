"""How a document is cut into passages, with the sizes of its collection or others, before anything is indexed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from chatplatform.accounts.access import requires
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import PersonRequest
from chatplatform.common.errors import InvalidInput, NotFound
from chatplatform.console.plots import Plot, bar_plot
from chatplatform.knowledge.chunk_preview import DocumentPreview, document_preview, present_tokens
from chatplatform.knowledge.chunk_sizes import CHOICES
from chatplatform.knowledge.chunking.chunks import Chunk
from chatplatform.knowledge.document_queries import DocumentView
from chatplatform.web.error_pages import expected_errors

PAGE_CHUNKS: Final = 50
BARS: Final = 16


@dataclass(frozen=True, slots=True)
class SizeChoice:
    tokens: int
    is_chosen: bool
    is_present: bool


@dataclass(frozen=True, slots=True)
class ShownChunk:
    """`opens_part` says that the part that is read around it, `part_number` from 1, begins with it."""

    chunk: Chunk
    number: int
    is_overlong: bool
    opens_part: bool
    part_number: int
    part_tokens: int


def chunk_choices(request: PersonRequest, shown: DocumentView) -> dict[str, object]:
    """What the document's page needs to ask for its chunks: that takes a moment for a long one."""
    present = present_tokens(shown.collection_id)
    chosen = _number(request, "tokens") or present
    after = _number(request, "after")
    given = {"tokens": chosen} | ({} if after is None else {"after": after})
    return {
        "choices": [
            SizeChoice(tokens, tokens == chosen, tokens == present)
            for tokens in sorted({*CHOICES, present, chosen})
        ],
        "cut_address": f"{reverse('console:document_chunks', args=[shown.id])}?{urlencode(given)}",
    }


@require_safe
@requires(Permission.KNOWLEDGE_READ)
@expected_errors
def chunks(request: PersonRequest, document_id: UUID) -> HttpResponseBase:
    """A part of the document's page: `?tokens=` and `?after=` say which chunks."""
    problem, found = "", None
    try:
        found = document_preview(
            request.person.id,
            document_id,
            _number(request, "tokens"),
            after=-1 if (after := _number(request, "after")) is None else after,
            limit=PAGE_CHUNKS,
            actor=request.person.actor,
        )
    except InvalidInput as error:
        problem = str(error.message)
    except NotFound as error:
        if error.code != "document_has_no_text":
            raise
        problem = _("Nothing was read of it yet.")
    context = {
        "problem": problem,
        "found": found,
        "chunks": _shown(found) if found else [],
        "plot": _plot(found.made.lengths, found.chunk_tokens) if found else None,
        "more": _more(document_id, found) if found else "",
    }
    return render(request, "console/knowledge/document_chunks.html", context)


def _number(request: PersonRequest, name: str) -> int | None:
    given = request.GET.get(name, "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 8 else None


def _shown(found: DocumentPreview) -> list[ShownChunk]:
    made = found.made
    shown = []
    for chunk in made.shown:
        part = made.parents[chunk.parent]
        is_first = part.first == chunk.number or chunk is made.shown[0]
        shown.append(
            ShownChunk(
                chunk, chunk.number + 1, chunk.tokens > made.most, is_first, part.number + 1, part.tokens
            )
        )
    return shown


def _plot(lengths: Sequence[int], most: int) -> Plot | None:
    """How many chunks are how long: bars of the same width from 0 to what is the most."""
    width = -(-max(most, max(lengths, default=0)) // BARS)
    counts = [0] * BARS
    for tokens in lengths:
        counts[min(max(tokens - 1, 0) // width, BARS - 1)] += 1
    return bar_plot([(f"{at * width + 1}–{(at + 1) * width}", count) for at, count in enumerate(counts)])


def _more(document_id: UUID, found: DocumentPreview) -> str:
    if found.made.next is None:
        return ""
    given = {"view": "chunks", "tokens": found.chunk_tokens, "after": found.made.next}
    return f"{reverse('console:document', args=[document_id])}?{urlencode(given)}"
