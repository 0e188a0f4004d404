"""Estimates are never below what a tokenizer makes of ordinary text."""

from __future__ import annotations

import pytest

from chatplatform.inference.protocol.token_estimate import estimate_tokens
from chatplatform.privacy.prompt import PromptMessage


@pytest.mark.parametrize(
    ("text", "tokens"),
    [  # counted with the tokenizers of the catalogue's chat models, the higher of the two
        ("The quick brown fox jumps over the lazy dog, and then it sleeps until noon.", 17),
        ("这款帐篷可以容纳两个人,重量只有一点八公斤,非常适合徒步旅行。", 40),
        ("def total(prices: list[float]) -> float:\n    return sum(prices)\n", 19),
        ("", 0),
    ],
)
def test_the_estimate_is_high_but_not_absurd(text: str, tokens: int) -> None:
    estimate = estimate_tokens([PromptMessage("user", text)])
    assert tokens <= estimate <= 4 * tokens + 20
