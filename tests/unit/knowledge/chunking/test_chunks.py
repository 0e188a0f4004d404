"""Documents in chunks: what is kept whole, what a chunk stands under, and what a change changes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatplatform.documents.blocks import Block, Document, OutlineEntry
from chatplatform.documents.kinds import Kind
from chatplatform.knowledge.chunking.chunks import Chunk, Chunked, Sizes, chunked
from chatplatform.knowledge.chunking.preview import preview

WORD = re.compile(r"[\u3000-\u9fff]|\w+|[^\w\s]")
SMALL = Sizes(least=12, most=48, overlap=0, context=16, parent=120)


def count(text: str) -> int:
    """Words, marks and Chinese characters: near enough to a tokenizer."""
    return len(WORD.findall(text))


def document(*blocks: Block | str, outline: tuple[OutlineEntry, ...] = ()) -> Document:
    made = tuple(Block(block) if isinstance(block, str) else block for block in blocks)
    return Document(Kind.TEXT, made, outline=outline)


def texts(made: Chunked) -> list[str]:
    return [chunk.text for chunk in made.chunks]


def prose(sentences: int, start: int = 0) -> str:
    return " ".join(
        f"The tent number {at} weighs {at * 7} grams more." for at in range(start, start + sentences)
    )


blocks = st.lists(
    st.builds(
        Block,
        st.text(alphabet=st.sampled_from("ab .。!|\n-#= 中文“”:1"), min_size=1, max_size=400),
        st.sampled_from(["heading", "text", "list", "table", "code"]),
        level=st.integers(0, 9),
        page=st.integers(0, 3),
    ),
    max_size=8,
)


@given(blocks, st.integers(0, 8))
@settings(max_examples=150)
def test_chunks_are_spans_in_order_that_hold_all_and_are_never_too_large(
    made: list[Block], overlap: int
) -> None:
    whole = document(*made)
    found = chunked(whole, count, Sizes(least=8, most=40, overlap=overlap, context=12, parent=100))
    end = 0
    for number, chunk in enumerate(found.chunks):
        assert chunk.number == number
        assert chunk.text == whole.text[chunk.start : chunk.end]
        assert chunk.start + chunk.repeated >= end
        assert not whole.text[end : chunk.start + chunk.repeated].strip()
        assert count(chunk.embedded) <= 40
        parent = found.parents[chunk.parent]
        assert parent.first <= number < parent.last
        assert parent.start <= chunk.start
        assert chunk.end <= parent.end
        end = chunk.end
    assert not whole.text[end:].strip()
    assert len({chunk.id for chunk in found.chunks}) == len(found.chunks)


def test_sentences_stay_whole() -> None:
    for text in (prose(60), "这顶帐篷重一点八公斤，价格是二百四十九元。" * 30, "它很轻！你要吗？" * 40):
        made = chunked(document(text), count, SMALL)
        assert len(made.chunks) > 3
        assert all(chunk.text[-1] in ".。！？" for chunk in made.chunks)
        assert all(chunk.text[0] in "T这它你" for chunk in made.chunks)


def test_a_dot_is_no_end_in_numbers_names_and_short_forms() -> None:
    text = "Dr. Ann weighs 1.8 kg of rope, e.g. for St. Olav. " * 30
    made = chunked(document(text), count, SMALL)
    assert len(made.chunks) > 3
    assert all(chunk.text.startswith("Dr. Ann") and chunk.text.endswith("Olav.") for chunk in made.chunks)


def test_lines_of_a_page_are_one_paragraph() -> None:
    text = re.sub(r"(.{20,40}) ", "\\1\n", prose(40))
    made = chunked(document(text), count, SMALL)
    assert len(made.chunks) > 3
    assert all(chunk.text.startswith("The") and chunk.text.endswith("more.") for chunk in made.chunks)


def test_rows_stay_whole_and_carry_the_header_of_their_table() -> None:
    rows = [f"Tent {at} | {at * 10} euros | green" for at in range(40)]
    table = "\n".join(["Name | Price | Colour", *rows])
    for block in (Block(table, "table"), Block(table), Block("| " + table.replace("\n", " |\n| ") + " |")):
        made = chunked(document(block), count, SMALL)
        first, *others = made.chunks
        assert first.text.lstrip("| ").startswith("Name | Price | Colour")
        assert {chunk.context.strip("| ") for chunk in others} == {"Name | Price | Colour"}
        held = [line.strip("| ") for chunk in made.chunks for line in chunk.text.split("\n")]
        assert held[1:] == rows


def test_a_list_stays_with_the_words_that_announce_it() -> None:
    items = "\n".join(f"- item {at} of the list" for at in range(3))
    made = chunked(document(prose(6), "You need the following:", items), count, SMALL)
    assert any("following:\n\n- item 0" in text for text in texts(made))


def test_lines_of_code_stay_whole() -> None:
    lines = [f"value_{at} = compute({at}, other)" for at in range(60)]
    made = chunked(document(Block("\n".join(lines), "code")), count, SMALL)
    assert [line for text in texts(made) for line in text.split("\n")] == lines
    assert {chunk.kind for chunk in made.chunks} == {"code"}


def shop() -> Document:
    return document(
        Block("Shop", "heading", 1, 1),
        Block("Tents", "heading", 2, 1),
        Block(prose(20), page=1),
        Block("Boots", "heading", 2, 2),
        Block(prose(20, 50), page=2),
    )


def test_a_chunk_carries_the_headings_that_it_stands_under() -> None:
    made = chunked(shop(), count, SMALL)
    tents = [chunk for chunk in made.chunks if chunk.first_page == 1]
    boots = [chunk for chunk in made.chunks if chunk.first_page == 2]
    assert tents[0].text.startswith("Shop\n\nTents\n\nThe tent")
    assert {chunk.context for chunk in tents[1:]} == {"Shop › Tents"}
    assert boots[0].text.startswith("Boots\n\nThe tent")
    assert boots[0].context == "Shop"
    assert {chunk.context for chunk in boots[1:]} == {"Shop › Boots"}
    assert boots[1].embedded == f"Shop › Boots\n{boots[1].text}"


def test_of_long_headings_the_nearest_are_kept() -> None:
    made = document(
        Block("word " * 30, "heading", 1),
        Block("Chapter", "heading", 2),
        Block("Tents", "heading", 3),
        prose(20),
    )
    assert chunked(made, count, SMALL).chunks[-1].context == "Chapter › Tents"


def test_small_sections_share_a_chunk() -> None:
    made = document(*(part for at in range(6) for part in (Block(f"Q {at}", "heading", 2), "Yes.")))
    assert len(chunked(made, count, SMALL).chunks) < 6


def test_parents_are_sections_and_no_larger_than_may_be_read() -> None:
    whole = shop()
    made = chunked(whole, count, Sizes(least=12, most=48, context=16, parent=1000))
    assert [whole.text[parent.start : parent.end][:5] for parent in made.parents] == ["Shop\n"]
    made = chunked(whole, count, Sizes(least=12, most=48, context=16, parent=300))
    assert [whole.text[parent.start : parent.end][:5] for parent in made.parents] == ["Shop\n", "Boots"]
    made = chunked(whole, count, SMALL)
    assert all(parent.tokens <= SMALL.parent for parent in made.parents)


def ids(made: Chunked) -> list[str]:
    return [chunk.id for chunk in made.chunks]


@pytest.mark.parametrize("joined", [" ", "\n\n"])
def test_a_change_changes_only_the_chunks_around_it(joined: str) -> None:
    before = [prose(1, at) for at in range(400)]
    after = [*before[:7], "Something new stands here now.", *before[7:200], *before[203:]]
    old = chunked(document(joined.join(before)), count, SMALL)
    new = chunked(document(joined.join(after)), count, SMALL)
    assert len(old.chunks) > 50
    assert len(set(ids(new)) - set(ids(old))) <= 12
    assert new.chunks[-1].id == old.chunks[-1].id
    assert new.chunks[-1].start != old.chunks[-1].start


def test_ids_come_from_the_content_and_from_the_key() -> None:
    made = chunked(shop(), count, SMALL)
    assert ids(made) == ids(chunked(shop(), count, SMALL))
    assert not set(ids(made)) & set(ids(chunked(shop(), count, SMALL, key=b"k" * 32)))
    twice = chunked(
        document(Block("A", "heading", 1), prose(2), Block("A", "heading", 1), prose(2)), count, SMALL
    )
    assert len(twice.chunks) == 2
    assert len(set(ids(twice))) == 2


def repeats(made: Chunked) -> list[Chunk]:
    return [chunk for chunk in made.chunks if chunk.repeated]


def test_overlap_is_whole_sentences_and_only_where_a_paragraph_was_cut() -> None:
    sizes = Sizes(least=12, most=60, overlap=20, context=16, parent=120)
    cut = chunked(document(prose(30)), count, sizes)
    assert len(repeats(cut)) == len(cut.chunks) - 1
    for one, following in zip(cut.chunks, cut.chunks[1:], strict=False):
        assert one.text.endswith(following.text[: following.repeated].strip())
        assert following.text.startswith("The tent")
    assert not repeats(chunked(document(*(prose(2, at) for at in range(30))), count, sizes))
    assert not repeats(chunked(document(Block("a | b\n" * 90, "table")), count, sizes))


@pytest.mark.parametrize(
    "made",
    [
        document("x" * 400_000),
        document("." * 400_000),
        document('."' * 200_000),
        document("= " * 200_000, "|" * 200_000),
        document("a" + " " * 400_000 + "b"),
        document("中" * 200_000),
        document(Block("a | b\n" + "c | d " * 60_000, "table")),
        document(Block("h" * 400_000, "heading", 1), "Text."),
        document(*(Block("h", "heading", 1 + at % 9) for at in range(40_000))),
        document(*(Block("h", "heading", at) for at in range(9_000)), prose(3)),
        document("\n".join(" " * min(at, 500) + "- a" for at in range(800))),
    ],
    ids=[
        "line",
        "dots",
        "quotes",
        "marks",
        "blanks",
        "chinese",
        "row",
        "heading",
        "headings",
        "deep",
        "list",
    ],
)
def test_hostile_documents_cost_no_more_than_their_length(made: Document) -> None:
    asked = calls = longest = 0

    def counting(text: str) -> int:
        nonlocal asked, calls, longest
        asked, calls, longest = asked + len(text), calls + 1, max(longest, len(text))
        return max(1, len(text) // 2)

    found = chunked(made, counting)
    assert longest <= 16 * Sizes().most
    assert asked <= 8 * len(made.text)
    assert calls <= len(made.text)
    assert found.chunks
    assert sum(len(chunk.context) for chunk in found.chunks) <= 8 * len(made.text)


def test_what_is_too_much_is_cut_and_says_so() -> None:
    made = chunked(document(prose(200)), count, SMALL, most_chunks=5)
    assert made.is_cut
    assert len(made.chunks) == 5
    assert not chunked(document(prose(2)), count, SMALL, most_chunks=5).is_cut


def test_a_preview_tells_lengths_and_goes_on() -> None:
    made = chunked(shop(), count, SMALL)
    told = preview(made, SMALL, limit=3)
    assert [chunk.id for chunk in told.shown] == ids(made)[:3]
    assert (told.chunks, told.next, told.is_cut) == (len(made.chunks), 2, False)
    assert told.tokens == sum(chunk.tokens for chunk in made.chunks) == round(told.mean * told.chunks)
    assert told.largest <= SMALL.most
    assert told.overlong == 0
    rest = preview(made, SMALL, after=2)
    assert [chunk.id for chunk in rest.shown] == ids(made)[3:]
    assert rest.next is None
    assert preview(made, Sizes(least=8, most=24, context=8)).overlong == sum(
        chunk.tokens > 24 for chunk in made.chunks
    )
    empty = preview(chunked(document(), count, SMALL), SMALL)
    assert (empty.chunks, empty.mean, empty.shown, empty.next) == (0, 0.0, (), None)


def test_sizes_that_cannot_be_kept_are_refused() -> None:
    for wrong in (
        {"least": 4},
        {"least": 200, "most": 220},
        {"parent": 100},
        {"overlap": -1},
        {"context": -1},
    ):
        with pytest.raises(ValueError, match="chunk"):
            Sizes(**wrong)
