"""Numbers are found however they are written."""

from __future__ import annotations

import pytest

from chatplatform.prompts.evaluation.quantities import quantities_in


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It costs €4.90.", {4.9}),
        ("Das sind 4,90 euros", {4.9}),
        ("within thirty days", {30}),
        ("twenty-five to two hundred", {25, 2}),
        ("从9:00到18:00", {9, 0, 18}),
        ("下午6点关门", {6, 18}),
        ("晚上八点", {8, 20}),
        ("we close at 6 pm", {6, 18}),
        ("at 4:00 p.m.", {4, 0, 16}),
        ("12 pm", {12}),
        ("三十天", {30}),
        ("两到四个工作日", {2, 4}),
        ("二百欧元", {200}),
        ("一百二十五", {125}),
        ("十五欧元", {15}),
        ("号码是一二", {12}),
        ("nothing here", set()),
    ],
)
def test_quantities(text: str, expected: set[float]) -> None:
    assert quantities_in(text) == expected
