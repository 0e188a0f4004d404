"""Questions and answers into chunks: each pair one, found by its question as well as by its answer."""

from __future__ import annotations

from chatplatform.documents.blocks import Document, placed
from chatplatform.knowledge.chunking.chunks import MOST_CHUNKS, Chunk, Chunked, Names, Sizes
from chatplatform.knowledge.chunking.parents import Parent
from chatplatform.knowledge.chunking.sentences import pieces
from chatplatform.knowledge.chunking.units import TokenCounter


def chunked_answers(
    document: Document, count: TokenCounter, sizes: Sizes | None = None, *, key: bytes = b""
) -> Chunked:
    """Chunks of a document whose headings are questions and whose other blocks are their answers.

    A question is the context of its answer's chunk; an answer too long for one becomes several, each under the
    question. Names are made as by `chunked`.
    """
    sizes = sizes or Sizes()
    names = Names(key)
    text = document.text
    chunks: list[Chunk] = []
    parents: list[Parent] = []
    question, begun = "", 0
    for at, block in placed(document.blocks):
        if block.kind == "heading":
            question, begun = block.text, at
            continue
        first = len(chunks)
        end = at + len(block.text)
        room = max(sizes.least, sizes.most - count(question))
        for start, stop in _parts(text, at, end, count, room):
            chunks.append(
                Chunk(
                    id=names.of(question, text[start:stop]),
                    number=len(chunks),
                    start=start,
                    end=stop,
                    repeated=0,
                    first_page=block.page,
                    last_page=block.page,
                    kind="prose",
                    tokens=count(text[start:stop]) + count(question),
                    parent=len(parents),
                    context=question,
                    text=text[start:stop],
                )
            )
        tokens = sum(chunk.tokens for chunk in chunks[first:])
        if len(chunks) > first:
            parents.append(Parent(len(parents), begun, end, tokens, first, len(chunks)))
        if len(chunks) >= MOST_CHUNKS:
            return Chunked(tuple(chunks), tuple(parents), is_cut=True)
    return Chunked(tuple(chunks), tuple(parents))


def _parts(text: str, start: int, end: int, count: TokenCounter, room: int) -> list[tuple[int, int]]:
    tokens = max(1, count(text[start:end]))
    if tokens <= room:
        return list(pieces(text, start, end, max(1, end - start)))
    return list(pieces(text, start, end, max(1, (end - start) * room // tokens)))
