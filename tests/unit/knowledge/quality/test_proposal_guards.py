"""What of a model's reply about a passage is shown to a person."""

from __future__ import annotations

import pytest

from chatplatform.knowledge.quality.proposal_guards import proposed_in

TENT = "The Ridge tent weighs 1.9 kg and sleeps two persons. Its poles are of steel, and its floor is sealed."
TUIHUO = "未使用的商品可在三十天内退货，退货的运费由我们承担，请保留好发票。"
TENTO = "Этот шатёр весит два килограмма, в нём спят двое, и пол его не пропускает воды."


@pytest.mark.parametrize(
    ("reply", "question"),
    [
        ("How heavy is the Ridge?", "How heavy is the Ridge?"),
        ("  “How heavy is the Ridge?”\n", "How heavy is the Ridge?"),
        ("Sure! Here is one:\n\n**Question:** How heavy is it?\nAnswer: 1.9 kg", "How heavy is it?"),
        ("1. How heavy is it?\n2. Who sleeps in it?", "How heavy is it?"),
        ('The question is: "How heavy is it?"', "How heavy is it?"),
        ("Do poles rust?", "Do poles rust?"),
        ("How heavy is it", ""),
        ("The tent is rather heavy.", ""),
        ("", ""),
        ("?", ""),
        ("这个帐篷有多重？", ""),
        (f"How heavy is it, {'and who knows, ' * 20}?", ""),
        ("The Ridge tent weighs 1.9 kg and sleeps two persons?", ""),
        ("How heavy is the tent in this passage?", ""),
        ("What does the given text say of poles?", ""),
        ("What is said in the above document?", ""),
        ("According to the document, how heavy is it?", ""),
        ("Which tent is mentioned above?", ""),
        ("How heavy\u202e is it?", ""),
    ],
)
def test_of_an_english_passage(reply: str, question: str) -> None:
    assert proposed_in(reply, TENT) == question


@pytest.mark.parametrize(
    ("reply", "question"),
    [
        ("把东西寄回来要自己出运费吗？", "把东西寄回来要自己出运费吗？"),
        ("问题：寄回来要多少钱", "寄回来要多少钱"),
        ("1、寄回来要多少钱？", "寄回来要多少钱？"),
        ("寄回来不要钱。", ""),
        ("好的，以下是问题：", ""),
        ("Who pays for returns?", ""),
        ("未使用的商品可在三十天内退货，退货的运费由我们承担？", ""),
        ("上文中谁来付运费？", ""),
        ("本段说的是什么？", ""),
        ("根据文档，谁来付运费？", ""),
        ("这段内容说谁来付运费？", ""),
        ("中文中怎么说退款？", "中文中怎么说退款？"),
        ("本文件要谁来签字？", "本文件要谁来签字？"),
    ],
)
def test_of_a_chinese_passage(reply: str, question: str) -> None:
    assert proposed_in(reply, TUIHUO) == question


@pytest.mark.parametrize(("reply", "is_one"), [("Сколько весит шатёр?", True), ("Он лёгкий.", False)])
def test_of_a_passage_in_another_script(reply: str, is_one: bool) -> None:
    assert bool(proposed_in(reply, TENTO)) is is_one
