"""Files of other platforms become trees of messages; what is no tree, or too much, is refused with a reason."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chatplatform.chat.protocol import MAX_MESSAGE_CHARS
from chatplatform.sharing.formats.json_format import FORMAT
from chatplatform.sharing.importing import chatgpt, open_webui, own_format
from chatplatform.sharing.importing.parsed import in_order, loaded, shown_ids, time_in
from chatplatform.sharing.importing.problems import WORDS, Problem, Refused

Json = dict[str, Any]


def node(node_id: str, parent: str | None, role: str = "", text: object = "", **more: Any) -> Json:
    message = None
    if role:
        message = {
            "id": node_id,
            "author": {"role": role},
            "create_time": 1700000000.5,
            "content": {"content_type": "text", "parts": [text]},
            "recipient": "all",
            "metadata": {"model_slug": "gpt-4o"},
        } | more
    return {"id": node_id, "message": message, "parent": parent, "children": []}


def chat(*nodes: Json, end: str | None = None) -> Json:
    return {
        "conversation_id": "c1",
        "title": "Tents",
        "create_time": 1700000000.0,
        "update_time": 1700000100.0,
        "mapping": {each["id"]: each for each in nodes},
        "current_node": end,
    }


def own(*messages: Json, **more: Any) -> Json:
    return {"format": FORMAT, "version": 1, "id": "c1", "title": "T", "messages": list(messages)} | more


def said(message_id: str, parent: str | None, role: str = "user", text: str = "x", **more: Any) -> Json:
    return {"id": message_id, "parent_id": parent, "role": role, "text": text} | more


def test_chatgpt_with_branches_tools_and_instructions() -> None:
    parsed = chatgpt.parsed(
        chat(
            node("root", None),
            node("sys", "root", "system", "Be brief."),
            node("q", "sys", "user", "How heavy?"),
            node("old", "q", "assistant", "Light."),
            node("call", "q", "assistant", "search()", recipient="browser"),
            node("tool", "call", "tool", "2 kg"),
            node("a1", "tool", "assistant", "It weighs"),
            node("a2", "a1", "assistant", "two kilograms."),
            node("q2", "a2", "user", "Thanks"),
            end="q2",
        )
    )
    ordered = in_order(parsed)
    assert [(one.id, one.parent, one.role) for one in ordered] == [
        ("q", None, "user"),
        ("old", "q", "assistant"),
        ("a1", "q", "assistant"),
        ("q2", "a1", "user"),
    ]
    assert ordered[2].text == "It weighs\n\ntwo kilograms."
    assert ordered[2].numbers.model == "gpt-4o"
    assert shown_ids(parsed, ordered) == {"q", "a1", "q2"}
    assert parsed.created_at is not None
    assert parsed.created_at.year == 2023


def test_open_webui_with_a_tree_and_without() -> None:
    tree = {
        "m1": {"id": "m1", "parentId": None, "role": "user", "content": "Hi", "timestamp": 1700000000},
        "m2": {"id": "m2", "parentId": "m1", "role": "assistant", "content": "A", "model": "qwen"},
        "m3": {"id": "m3", "parentId": "m1", "role": "assistant", "content": "B", "model": "qwen"},
    }
    document = {"id": "w1", "title": "T", "chat": {"history": {"messages": tree, "currentId": "m2"}}}
    assert open_webui.is_open_webui(document)
    parsed = open_webui.parsed(document)
    ordered = in_order(parsed)
    assert shown_ids(parsed, ordered) == {"m1", "m2"}
    assert ordered[1].numbers.model == "qwen"

    plain = {"chat": {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "A"}]}}
    ordered = in_order(open_webui.parsed(plain))
    assert [(one.role, one.text) for one in ordered] == [("user", "Hi"), ("assistant", "A")]


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (own(), "no_messages"),
        (own(said("a", None), said("a", None)), "id_twice"),
        (own(said("a", "b"), said("b", "a")), "goes_in_circles"),
        (own(said("a", "a")), "goes_in_circles"),
        (own(said("a", "nowhere")), "parent_missing"),
        (own(said("a", None, role="system")), "role_unknown"),
        (own(said("a", None, text="x" * (MAX_MESSAGE_CHARS + 1))), "message_too_long"),
        (own(said("a", None), version=2), "version_unknown"),
        (own(said("a", None), version=True), "wrong_type"),
        (own(said("a", None), messages={}), "wrong_type"),
        (own(said("a", None, text=7)), "wrong_type"),  # type: ignore[arg-type]
        (own(said("a", None), title=["x"]), "wrong_type"),
        (own(said("x" * 300, None)), "wrong_type"),
        (own(said("a", None, role="assistant", answer=[1])), "wrong_type"),
    ],
)
def test_what_is_no_conversation_says_why(document: Json, code: str) -> None:
    with pytest.raises(Refused) as refused:
        in_order(own_format.parsed(loaded(json.dumps(document).encode())))
    assert refused.value.code == code
    assert "%" not in Problem(1, code, refused.value.limit).words


@pytest.mark.parametrize(
    ("mapping", "code"),
    [
        ({"a": node("a", "b", "user", "x"), "b": node("b", "a", "user", "y")}, "goes_in_circles"),
        ({"a": node("a", "b"), "b": node("b", "a")}, "goes_in_circles"),
        ({"a": node("a", "gone", "user", "x")}, "parent_missing"),
        ({"a": 7}, "wrong_type"),
        (
            {"a": node("a", None, "user", 7, content={"content_type": "text", "parts": 7, "text": 7})},
            "wrong_type",
        ),
        ({"a": node("a", None, "system", "x")}, "no_messages"),
    ],
)
def test_damaged_exports_of_others_say_why(mapping: Json, code: str) -> None:
    with pytest.raises(Refused) as refused:
        in_order(chatgpt.parsed({"mapping": mapping, "title": None}))
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"{" * 5000, "too_deep"),
        (b'{"a":' * 100_000, "too_deep"),
        (b"{'a': 1}", "not_json"),
        (b'{"a": NaN}', "not_json"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not_json"),
        (b'{"a": "\xff"}', "not_text"),
        (b'{"a": [' + b"[]," * 500_000 + b"[]]}", "too_many_parts"),
        (b"x" * (25 * 1024**2), "too_large"),
    ],
)
def test_hostile_json_is_refused_before_it_costs_much(data: bytes, code: str) -> None:
    with pytest.raises(Refused) as refused:
        loaded(data)
    assert refused.value.code == code


def test_brackets_in_words_are_no_structure() -> None:
    text = "[{" * 5000 + '\\" ] }'
    assert loaded(json.dumps({"text": text}).encode()) == {"text": text}


def test_a_very_long_thread_needs_no_recursion() -> None:
    messages = [said(str(at), str(at - 1) if at else None) for at in range(19_000)]
    parsed = own_format.parsed(own(*messages))
    assert len(shown_ids(parsed, in_order(parsed))) == 19_000
    nodes = [node(str(at), str(at - 1) if at else None, "assistant", "x") for at in range(5_000)]
    (joined,) = in_order(chatgpt.parsed(chat(*nodes)))
    assert joined.text.count("x") == 5_000


def test_times_that_cannot_be_are_none() -> None:
    for value in (
        "",
        "yesterday",
        float("inf"),
        float("nan"),
        1e300,
        -5,
        True,
        None,
        [],
        "9999-01-01T00:00:00Z",
    ):
        assert time_in(value) is None
    assert time_in(1700000000) == time_in(1700000000_000) == time_in(1700000000_000_000_000)
    assert time_in("2024-01-01T00:00:00Z") is not None


def test_texts_lose_what_no_page_can_show() -> None:
    parsed = own_format.parsed(own(said("a", None, text="a\x00b\ud800c\U0001f600")))
    assert parsed.messages[0].text == "ab\ufffdc\U0001f600"


def test_every_reason_has_words() -> None:
    for code in WORDS:
        assert Problem(1, code, 3).words
