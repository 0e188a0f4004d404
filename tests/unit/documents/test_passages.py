"""Passages of documents, and which of them a question is about."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chatplatform.documents.blocks import Block, Document
from chatplatform.documents.kinds import Kind
from chatplatform.documents.passages import MOST, passages, weight
from chatplatform.files.names import MOST_CHARS, safe_name
from chatplatform.files.ranking import ranked, terms
from chatplatform.files.vectors import nearness, packed

blocks = st.lists(
    st.builds(
        Block,
        st.text(min_size=1, max_size=4000),
        st.sampled_from(["heading", "text", "table"]),
        level=st.integers(1, 6),
        page=st.integers(0, 3),
    ),
    max_size=12,
)


def document(*texts: str) -> Document:
    return Document(Kind.TEXT, tuple(Block(text) for text in texts))


@given(blocks)
def test_passages_are_places_of_the_text_in_order_and_hold_all_of_it(made: list[Block]) -> None:
    whole = Document(Kind.TEXT, tuple(made))
    found = passages(whole)
    end = 0
    for number, passage in enumerate(found):
        assert passage.number == number
        assert end <= passage.start < passage.end
        assert not whole.text[end : passage.start].strip()
        assert whole.text[passage.start : passage.end] == passage.text
        assert weight(passage.text) <= 2 * MOST
        end = passage.end
    assert not whole.text[end:].strip()


def test_a_passage_knows_its_page_and_its_headings() -> None:
    shop, tents = Block("Shop", "heading", 1, 1), Block("Tents", "heading", 2, 1)
    made = Document(Kind.PDF, (shop, tents, Block("A" * 800, page=1), Block("B" * 800, page=2)))
    under = [(passage.page, passage.heading) for passage in passages(made)]
    assert under == [(1, "Shop"), (1, "Shop › Tents"), (2, "Shop › Tents")]


TOPICS = [
    "The Fjord tent weighs 1.8 kg and sleeps two people. " * 20,
    "Returns are free within thirty days if the goods are unused. " * 18,
    "Our shop in Berlin opens at nine and closes at eighteen o'clock. " * 18,
    "退货在三十天内免费，商品必须未使用。" * 30,
]


def best(question: str, near: list[float] | None = None) -> str:
    found = passages(document(*TOPICS))
    return found[ranked(question, found, near or [])[0]].text[:8]


def test_the_same_words_find_the_passage() -> None:
    assert best("When does the shop close?").startswith("Our shop")
    assert best("How can I return things?").startswith("Returns")
    assert best("我可以退货吗？").startswith("退货")


def test_the_same_meaning_finds_it_too() -> None:
    count = len(passages(document(*TOPICS)))
    near = [0.1] * count
    near[count - 1] = 0.9
    assert best("xyzzy plugh", near).startswith("退货")


def test_a_question_about_everything_gets_passages_from_everywhere() -> None:
    found = passages(document(*(f"Part {number} says something. " * 40 for number in range(8))))
    order = ranked("Please tell me about it", found)
    assert sorted(order) == list(range(len(found)))
    assert {0, len(found) - 1} <= set(order[:3])


def test_terms_forget_endings_and_common_words() -> None:
    assert list(terms("The tents are closing")) == ["tent", "clos"]
    assert list(terms("退货吗")) == ["退货", "货吗"]


def test_vectors_come_back_as_nearness() -> None:
    data = packed([[3.0, 0.0], [0.0, 2.0]])
    assert nearness(data, [1.0, 0.0]) == [1.0, 0.0]
    assert nearness(data, [1.0, 0.0, 0.0]) == []
    assert nearness(b"", [1.0]) == []


@given(st.text(max_size=400))
def test_names_are_harmless(name: str) -> None:
    safe = safe_name(name)
    assert 0 < len(safe) <= MOST_CHARS
    assert not set(safe) & set('/\\:*?"<>|\x00\n\r\u202e\u200b')
    assert safe.strip(". ") == safe
    safe.encode()


def test_names_keep_what_they_say() -> None:
    assert safe_name("../../etc/passwd") == "passwd"
    assert safe_name("C:\\Users\\ann\\Bericht 2026.docx") == "Bericht 2026.docx"
    assert safe_name("退货政策.pdf") == "退货政策.pdf"
    assert safe_name("\u202egpj.exe") == "gpj.exe"
    assert safe_name("") == "file"
    assert safe_name("x" * 400 + ".pdf").endswith("….pdf")
