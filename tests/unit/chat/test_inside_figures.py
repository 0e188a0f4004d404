"""The figures of the drawer add up, and a summary is asked for in the language of the conversation."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chatplatform.chat.inside.queries import _fitted
from chatplatform.chat.inside.view import WindowView
from chatplatform.chat.summaries.words import MESSAGE_CHARS, is_chinese, shortened, summary_request
from chatplatform.privacy.prompt import PromptMessage


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=20), st.integers(0, 20_000))
def test_parts_are_never_longer_together_than_what_the_engine_counted(lengths: list[int], total: int) -> None:
    fitted = _fitted(lengths, total)
    assert sum(fitted) == min(sum(lengths), total)
    assert all(0 <= after <= before for before, after in zip(lengths, fitted, strict=True))
    assert _fitted(lengths, None) == lengths


@given(st.integers(1, 9000), st.integers(0, 9000), st.integers(0, 9000), st.integers(0, 2000))
def test_the_window_is_what_is_used_kept_and_free(
    window: int, prompt: int, answer: int, reserved: int
) -> None:
    view = WindowView(window, prompt, answer, reserved)
    assert view.used + view.reserved + view.free == window
    assert min(view.used, view.reserved, view.free) >= 0
    assert 0 <= view.percent <= 100


def test_a_summary_is_asked_for_in_the_language_of_the_person() -> None:
    english = summary_request("", [PromptMessage("user", "How heavy is the tent?")])
    chinese = summary_request("", [PromptMessage("user", "双人帐篷 Trail 2 有多重？")])
    assert "Person: How heavy is the tent?" in english[1].content
    assert "用户：双人帐篷 Trail 2 有多重？" in chinese[1].content
    assert is_chinese(chinese[0].content)
    assert not is_chinese(english[0].content)
    assert not is_chinese("1.4 kg …")


def test_a_very_long_message_keeps_its_beginning_and_end() -> None:
    text = "a" + "b" * 3 * MESSAGE_CHARS + "c"
    short = shortened(text)
    assert len(short) <= MESSAGE_CHARS + 10
    assert (short[0], short[-1]) == ("a", "c")
    assert shortened("short") == "short"
