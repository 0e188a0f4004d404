"""Calls in a model's text: found whatever the pieces, and text stays text."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatplatform.inference.engines.llamacpp.tool_text import ToolOutput, told, written_call

ANSWER = (
    "Let me look.\n" + written_call("weather", '{"city": "北京"}') + "\n" + written_call("time", "{}") + "\n"
)


def _read(text: str, cuts: list[int]) -> tuple[str, list[tuple[str, str]]]:
    output = ToolOutput({"weather", "time"})
    shown = ""
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    for start, end in itertools.pairwise(places):
        shown += output.feed(text[start:end])
    rest, calls = output.finish()
    return shown + rest, [(call.name, call.arguments) for call in calls]


@given(st.lists(st.integers(min_value=0, max_value=1000), max_size=30))
def test_calls_are_found_whatever_the_pieces(cuts: list[int]) -> None:
    shown, calls = _read(ANSWER, cuts)
    assert shown == "Let me look.\n"
    assert [(name, json.loads(arguments)) for name, arguments in calls] == [
        ("weather", {"city": "北京"}),
        ("time", {}),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "No call at all <tool",
        "<tool_call>",
        "<tool_call>{",
        '<tool_call>\n{"name": "unknown", "arguments": {}}\n</tool_call>',
        '<tool_call>\n{"name": "time", "arguments": 7}\n</tool_call>',
        "<tool_call>" + "[" * 100_000,
        '<tool_call>{"name": "time", "arguments": {}}</tool_call> and then some words',
    ],
)
def test_what_is_no_call_is_text(text: str) -> None:
    assert _read(text, [5, 11]) == (text, [])


@given(st.lists(st.integers(min_value=0, max_value=1000), max_size=30))
def test_a_fence_before_a_call_is_not_shown(cuts: list[int]) -> None:
    call = written_call("time", "{}")
    assert _read(f"```json\n{call}", cuts) == ("", [("time", "{}")])
    assert _read("```json\n{}\n```", cuts) == ("```json\n{}\n```", [])
    assert _read(f"Well.\n```json\n{call}", cuts)[0] == "Well.\n```json\n"


def test_a_call_that_the_model_did_not_close_counts() -> None:
    assert _read('<tool_call>{"name": "time", "arguments": {}}', [])[1] == [("time", "{}")]


def test_a_call_that_is_cut_off_leaves_those_before_it_whole() -> None:
    text = written_call("time", "{}") + '\n<tool_call>\n{"name": "weather", "argu'
    assert _read(text, []) == ("", [("time", "{}")])


def test_the_same_call_counts_once() -> None:
    assert _read(f"{written_call('time', '{}')}\n{written_call('time', '{}')}", [])[1] == [("time", "{}")]


def test_the_model_is_told_what_it_must_use() -> None:
    tools = [{"type": "function", "function": {"name": "weather"}}]
    assert "weather" in told(tools, must=None)
    assert "must use the tool weather" in told(tools, must="weather")
    assert "must use one of them" in told(tools, must="")
