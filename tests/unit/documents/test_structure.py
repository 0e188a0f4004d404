"""The structure of documents: headings and where they reach, rows with their header, paragraphs over lines."""

from __future__ import annotations

from chatplatform.documents.blocks import Block, Document, OutlineEntry
from chatplatform.documents.kinds import Kind
from chatplatform.documents.structure import Element, elements

Told = list[tuple[str, str, str]]


def made(*blocks: Block | str, outline: tuple[OutlineEntry, ...] = ()) -> Document:
    return Document(
        Kind.TEXT, tuple(Block(one) if isinstance(one, str) else one for one in blocks), outline=outline
    )


def told(document: Document) -> Told:
    """Each element's kind, words, and headings."""
    found = list(elements(document))
    return [(one.kind, document.text[one.start : one.end], "/".join(one.path)) for one in found]


def test_headings_reach_to_the_next_one_as_high() -> None:
    blocks = (Block("A", "heading", 1), "a", Block("B", "heading", 2), "b", Block("C", "heading", 1), "c")
    assert told(made(*blocks)) == [
        ("heading", "A", ""),
        ("prose", "a", "A"),
        ("heading", "B", "A"),
        ("prose", "b", "A/B"),
        ("heading", "C", ""),
        ("prose", "c", "C"),
    ]


def test_headings_that_plain_text_marks() -> None:
    text = "= Tents =\nLight ones.\n== Fjord ==\nIt weighs 1.8 kg.\n"
    text += "## 第四章：标准提示\n标准提示是一种方法。\n第五章 价格\n便宜。"
    assert [(kind, path) for kind, _, path in told(made(text))] == [
        ("heading", ""),
        ("prose", "Tents"),
        ("heading", "Tents"),
        ("prose", "Tents/Fjord"),
        ("heading", "Tents"),
        ("prose", "Tents/第四章：标准提示"),
        ("heading", "Tents"),
        ("prose", "Tents/第五章 价格"),
    ]


def test_an_outline_gives_headings_to_the_pages_that_have_them() -> None:
    outline = (
        OutlineEntry("Tents", 1, 1),
        OutlineEntry("Weights", 2, 1),
        OutlineEntry("Pictures", 1, 2),
        OutlineEntry("Weights", 2, 3),
    )
    document = made(
        Block("Introduction.\n1 Tents\nLight ones.\nWeights\n1.8 kg.", page=1),
        Block("A page whose heading is a picture.", page=2),
        Block("And more of it.", page=3),
        outline=outline,
    )
    assert told(document) == [
        ("prose", "Introduction.", ""),
        ("heading", "1 Tents", ""),
        ("prose", "Light ones.", "Tents"),
        ("heading", "Weights", "Tents"),
        ("prose", "1.8 kg.", "Tents/Weights"),
        ("prose", "A page whose heading is a picture.", "Tents/Weights"),
        ("prose", "And more of it.", "Pictures"),
    ]


def test_rows_know_their_header() -> None:
    document = made(
        Block("Tent | Price\nFjord | 249", "table"), "In words:\n| a | b |\n| - | - |\n| 1 | 2 |\nThe end."
    )
    headers = [
        (document.text[one.start : one.end], document.text[slice(*one.header)] if one.header else "")
        for one in elements(document)
    ]
    assert headers == [
        ("Tent | Price", ""),
        ("Fjord | 249", "Tent | Price"),
        ("In words:", ""),
        ("| a | b |", ""),
        ("| - | - |", "| a | b |"),
        ("| 1 | 2 |", "| a | b |"),
        ("The end.", ""),
    ]


def test_a_bar_in_a_sentence_makes_no_table() -> None:
    assert [kind for kind, *_ in told(made("Write a | b to choose.\nThen go on with the next."))] == [
        "prose"
    ] * 2


def test_broken_lines_are_one_paragraph_and_items_are_items() -> None:
    text = "The tent weighs almost nothing and\nis green. It sleeps two.\n- small\n2. large\n（三）很大"
    assert told(made(text)) == [
        ("prose", "The tent weighs almost nothing and\nis green. It sleeps two.", ""),
        ("item", "- small", ""),
        ("item", "2. large", ""),
        ("item", "（三）很大", ""),
    ]


def test_what_opens_something_says_so() -> None:
    found: list[Element] = list(elements(made("One.\nTwo.", Block("x\ny", "code"))))
    assert [one.opens for one in found] == [True, False, True, False]
