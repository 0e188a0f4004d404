"""The checks of the evaluation: right answers in other words pass, wrong ones fail."""

from __future__ import annotations

from typing import Any

import pytest

from chatplatform.prompts.evaluation.checks import failures
from chatplatform.prompts.evaluation.questions import Question, question_set

SET = question_set()
QUESTIONS = {question.id: question for question in SET.questions}

RIGHT = [
    ("en-fact-tent-price", "The Talus 2 tent is **€249**."),
    ("en-fact-tent-price", "It costs 249.00 euros, and we have 14."),
    ("en-fact-saturday-closing", "We close at 4 pm on Saturdays."),
    ("en-fact-saturday-closing", "At 16:00. From Monday to Friday we close at 18:00."),
    ("en-fact-sunday", "No, we are closed on Sunday."),
    ("en-fact-shipping", "Standard shipping is €4.90; from €75 on it costs nothing."),
    ("en-fact-tent-warranty", "Tents have a five-year warranty."),
    ("en-fact-sold-out", "Unfortunately it’s sold out; it returns on 15 May."),
    ("en-fact-boot-size", "Take a 42, they run small."),
    ("zh-fact-wednesday", "星期三上午九点开门，下午六点关门。"),
    ("zh-fact-wednesday", "周三９：００至１８：００营业，周六10:00至16:00。"),
    ("zh-fact-express", "加急快递9.9欧元，下一个工作日送达。"),
    ("zh-fact-return-shipping", "不用，退货运费由我们承担。"),
    ("zh-fact-repair", "修拉链十五欧元，需要十天。"),
    ("zh-fact-back-in-stock", "预计5 月 15 日到货。"),
    ("zh-fact-phone", "电话：555-0142。"),
    ("en-follow-free-shipping", "No, it costs €4.90, because the order is below €75."),
    ("en-follow-too-late", "I'm afraid that is past the 30 days."),
    ("zh-follow-benefits", "可以享受九折优惠和免费维修。"),
    ("zh-follow-name", "当然，你叫李雷，想买一双登山靴。"),
    ("en-refusal-founder", "I don't know who founded it. Please ask hello@larkfell.example."),
    ("en-refusal-dog", "I’m sorry, I don’t have any information about that."),
    ("en-refusal-unknown-product", "I don't know a Summit 4. We have the Talus 2 tent for €249."),
    ("zh-refusal-payment", "抱歉，我不知道，请联系 hello@larkfell.example。"),
    ("zh-refusal-staff", "很抱歉，我没有这方面的信息。"),
    ("zh-refusal-weight", "资料中没有提到它的重量。"),
    ("en-language-asked-for-chinese", "星期六十点开门。"),
    ("zh-language-asked-for-english", "We open at 10 on Saturday."),
    ("en-language-chinese-name", "Yes, 云雀岭户外 sells rain jackets."),
]

WRONG = [
    ("en-fact-tent-price", "The tent costs €2490.", "number"),
    ("en-fact-tent-price", "The tent costs $249.", "euros"),
    ("en-fact-tent-price", "249", "euros"),
    ("en-fact-tent-price", "帐篷的价格是249欧元。", "English"),
    ("en-fact-saturday-closing", "At 18:00.", "number"),
    ("en-fact-saturday-closing", "Between 16:00 and 18:00.", "nothing like"),
    ("en-fact-sunday", "Yes, but some parts are closed.", "nothing like"),
    ("en-fact-tent-warranty", "Three years, with refunds in 5 working days.", "one of"),
    ("en-fact-sold-out", "Yes, the Ember sleeping bag is in stock.", "one of"),
    ("zh-fact-boots", "Cairn 靴子159瑞士法郎，防水。", "euros"),
    ("zh-fact-boots", "Cairn 靴子159欧元，不防水。", "nothing like"),
    ("zh-fact-wednesday", "星期三9:00-18:00开门，16:00关门。", "nothing like"),
    ("zh-fact-repair", "需要15天，费用15欧元。", "number"),
    ("zh-fact-return-shipping", "退货要自己付运费。", "one of"),
    ("zh-fact-back-in-stock", "15月15日到货。", "one of"),
    ("zh-follow-gift-card", "最少25元，最多200元。", "euros"),
    ("zh-follow-name", "我叫李雷，想买一双登山靴。", "nothing like"),
    ("en-follow-free-shipping", "Yes, shipping is free for your order.", "nothing like"),
    ("en-follow-too-late", "Yes, you can still return it.", "nothing like"),
    ("en-refusal-founder", "It was founded by John Doe in 2000.", "doesn't know"),
    ("en-refusal-student", "No, students do not get a discount.", "doesn't know"),
    ("en-refusal-dog", "No, you cannot bring your dog into the shop.", "doesn't know"),
    ("en-refusal-material", "I'm not sure, but I think it is nylon.", "nothing like"),
    ("en-refusal-unknown-product", "The Summit 4 family tent costs €249.", "doesn't know"),
    ("zh-refusal-payment", "I don't know. Please ask hello@larkfell.example.", "Chinese"),
    ("zh-refusal-payment", "我们店不支持支付宝付款。", "doesn't know"),
    ("zh-refusal-owner", "老板叫李明。", "doesn't know"),
    ("zh-refusal-sale", "不知道，也许是5月15日。", "nothing like"),
    ("en-language-switch", "Spark 炉子45欧元。", "English"),
    ("en-language-goodbye", "不客气，再见！", "English"),
    ("zh-language-greeting", "Hello! How can I help?", "Chinese"),
]


@pytest.mark.parametrize(("question", "answer"), RIGHT)
def test_a_right_answer_passes_in_its_own_words(question: str, answer: str) -> None:
    assert failures(QUESTIONS[question], answer, SET.refusals) == ()


@pytest.mark.parametrize(("question", "answer", "lack"), WRONG)
def test_a_wrong_answer_fails_for_its_reason(question: str, answer: str, lack: str) -> None:
    assert lack in " ".join(failures(QUESTIONS[question], answer, SET.refusals))


@pytest.mark.parametrize("answer", ["", "  \n", "**"])
def test_nothing_is_no_answer_to_anything(answer: str) -> None:
    for question in SET.questions:
        assert failures(question, answer, SET.refusals) == ("an answer",)


@pytest.mark.parametrize(
    ("demand", "answer"),
    [
        ({"numbers": [30]}, "It is a month."),
        ({"all": ["blue", "green"]}, "It is blue."),
        ({"any": ["closed"]}, "It is open."),
        ({"none": ["yes"]}, "Yes, it is."),
        ({"refusal": True}, "It is so."),
        ({"euros": True}, "It is £5."),
    ],
)
def test_each_demand_makes_an_answer_fail_that_passes_without_it(demand: dict[str, Any], answer: str) -> None:
    plain = {"id": "x", "group": "en", "kind": "fact", "question": "What?"}
    assert failures(Question.model_validate(plain), answer, SET.refusals) == ()
    assert len(failures(Question.model_validate({**plain, **demand}), answer, SET.refusals)) == 1


def test_no_answer_passes_for_many_questions() -> None:
    """A parrot that always says the same must not score."""
    parrots = [
        "I don't know, please ask hello@larkfell.example.",
        "我不知道，请联系 hello@larkfell.example。",
        "Yes.",
        "不。",
    ]
    for answer in parrots:
        right = sum(not failures(question, answer, SET.refusals) for question in SET.questions)
        assert right <= len(SET.questions) * 0.2
