"""Thinking and probabilities of a streamed answer, and how they are asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chatplatform.inference.errors import EngineRefused
from chatplatform.inference.events import ModelEvent, ReasoningDelta, Sampling, TextDelta
from chatplatform.inference.protocol.chat_request import ChatRequest, chat_body
from chatplatform.inference.protocol.chat_stream import ChatStream
from chatplatform.inference.protocol.dialects import DIALECTS, OPENAI, Kind
from chatplatform.inference.protocol.server_sent_events import ServerSentEvent
from chatplatform.privacy.prompt import Prompt, PromptMessage


def _chunk(delta: dict[str, Any], *, reason: str | None = None, logprobs: Any = None) -> ServerSentEvent:
    choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": logprobs}
    return ServerSentEvent(name="", data=json.dumps({"model": "m", "choices": [choice]}).encode())


def _told(*events: ServerSentEvent) -> tuple[ChatStream, list[ModelEvent]]:
    stream = ChatStream(fallback_model="m")
    return stream, [event for one in events for event in stream.take([one])]


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_thinking_is_no_part_of_the_answer(name: str) -> None:
    usage = {"completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 3}}
    stream, told = _told(
        _chunk({name: "Hm. "}),
        _chunk({name: "Yes?", "content": "Yes"}),
        _chunk({"content": "."}, reason="stop"),
        ServerSentEvent(name="", data=json.dumps({"choices": [], "usage": usage}).encode()),
    )
    assert "".join(event.text for event in told if isinstance(event, ReasoningDelta)) == "Hm. Yes?"
    assert "".join(event.text for event in told if isinstance(event, TextDelta)) == "Yes."
    assert stream.completed(started_at=0, ended_at=1).reasoning_tokens == 3


def test_thinking_that_begins_anew_begins_a_paragraph() -> None:
    stream = ChatStream(fallback_model="m", thinks_anew=True)
    told = list(stream.take([_chunk({"reasoning_content": "Hm."})]))
    told += stream.take([_chunk({"reasoning_content": " Yes."}), _chunk({"content": "Yes."})])
    assert [event.text for event in told if isinstance(event, ReasoningDelta)] == ["\n\nHm.", " Yes."]


@pytest.mark.parametrize("kind", ["ours", "llama_server", "vllm", "ollama", "openai"])
@pytest.mark.parametrize("said", ["", "It is"])
def test_thinking_is_sent_back_to_engines_of_ours_alone(kind: Kind, said: str) -> None:
    begun = PromptMessage("assistant", said, thinking="Hm")
    prompt = Prompt((PromptMessage("user", "Why?"), begun), continue_final=True)
    body = chat_body(ChatRequest("r", "m", prompt, Sampling(), "interactive", ""), DIALECTS[kind])
    if kind == "ours":
        assert body["messages"][-1] == {"role": "assistant", "content": said, "reasoning_content": "Hm"}
        assert body["continue_final_message"]
        return
    assert not any("reasoning_content" in message for message in body["messages"])
    if not said:  # it is asked once more
        assert [message["role"] for message in body["messages"]] == ["user"]
        assert "continue_final_message" not in body


def test_probabilities_come_with_the_text() -> None:
    top = {"token": "No", "logprob": -1.0}
    one = {"token": "é", "logprob": -0.5, "bytes": [195, 169], "top_logprobs": [top]}
    never = {"token": "x", "logprob": float("-inf"), "bytes": None}
    _stream, told = _told(
        _chunk({"content": "é"}, logprobs={"content": [one]}),
        _chunk({}, reason="tool_calls", logprobs={"content": [never]}),
    )
    texts = [event for event in told if isinstance(event, TextDelta)]
    assert [(token.token, token.data, token.logprob) for token in texts[0].logprobs] == [
        ("é", "é".encode(), -0.5)
    ]
    assert texts[0].logprobs[0].top[0].data == b"No"
    assert (texts[1].text, texts[1].logprobs[0].logprob) == ("", -9999.0)


@pytest.mark.parametrize("content", [7, [7], [{"token": 1, "logprob": 0}], [{"token": "a"}]])
def test_probabilities_that_are_none_are_an_engine_not_understood(content: Any) -> None:
    with pytest.raises(EngineRefused):
        _told(_chunk({"content": "a"}, logprobs={"content": content}))


def test_what_was_asked_for_is_put_to_the_engine_and_nothing_else() -> None:
    prompt = Prompt((PromptMessage("user", "Hi"),))
    plain = chat_body(ChatRequest("r", "m", prompt, Sampling(), "interactive", ""), OPENAI)
    assert not {"logit_bias", "logprobs", "top_logprobs", "parallel_tool_calls"} & plain.keys()
    asked = Sampling(logit_bias=((7, -100.0),), logprobs=0)
    several = Prompt((PromptMessage("user", "Hi"),), tools='[{"type": "function"}]', parallel_tool_calls=True)
    full = chat_body(ChatRequest("r", "m", several, asked, "interactive", ""), OPENAI)
    assert full["logit_bias"] == {"7": -100.0}
    assert (full["logprobs"], full["top_logprobs"]) == (True, 0)
    assert full["parallel_tool_calls"] is True
