"""Answers of the real model through the whole engine."""

from __future__ import annotations

import asyncio

import pytest

from tests.integration.llamacpp.asking import ask, body, stream
from tests.integration.llamacpp.engine_process import EngineProcess

pytestmark = [pytest.mark.model, pytest.mark.slow]

SYSTEM = "You are a polite assistant of a shop for tents, boots and maps. Answer in one short sentence."
# The first word of each of these answers leads by more than two logits, more than rounding takes away.
QUESTIONS = [
    "Repeat this sentence: The cat sat on the mat.",
    "Repeat this sentence: The dog ran home.",
    "What is the capital of Japan?",
    "Who was the first president of the United States?",
    "What is the boiling point of water?",
    "What is the longest river?",
    "Name the largest planet.",
    "What is photosynthesis?",
]
# No token of these answers is near a tie: without a system message, and with SYSTEM.
CERTAIN = "What is the capital of Japan?"
CERTAIN_IN_THE_SHOP = ["What is the chemical symbol for gold?", "Repeat this sentence: The dog ran home."]


async def test_each_of_many_gets_the_answer_it_gets_alone(engine: EngineProcess) -> None:
    async with engine.client() as client:
        alone = [await ask(client, body(question, max_tokens=24)) for question in QUESTIONS]
        together = await asyncio.gather(*(ask(client, body(q, max_tokens=24)) for q in QUESTIONS))
    # Batches of other sizes round differently, so that a near tie may fall the other way later in an answer
    # (test_llamacpp_batching looks at every token); a sequence that saw another's tokens would say something else.
    assert [answer.split()[0] for answer in alone] == [answer.split()[0] for answer in together]
    assert sum(a == b for a, b in zip(alone, together, strict=True)) >= len(QUESTIONS) // 2
    assert len(set(together)) == len(QUESTIONS)


async def test_a_stream_says_what_a_whole_answer_says(engine: EngineProcess) -> None:
    async with engine.client() as client:
        request = body(CERTAIN, max_tokens=24)
        whole = await ask(client, request)
        told = await stream(client, request)
    assert told.text == whole
    assert len(told.texts) > 3, "it comes in pieces"


async def test_a_conversation_goes_on_from_the_cache_with_the_same_words(engine: EngineProcess) -> None:
    async with engine.client() as client:
        first = body(CERTAIN_IN_THE_SHOP[0], system=SYSTEM, max_tokens=24)
        answer = await ask(client, {**first, "cache_owner": "ann"})
        messages = [
            *first["messages"],
            {"role": "assistant", "content": answer},
            {"role": "user", "content": CERTAIN_IN_THE_SHOP[1]},
        ]
        second = {**first, "messages": messages}
        fresh = await stream(client, second)
        kept = await stream(client, {**second, "cache_owner": "ann"})
        stranger = await stream(client, {**second, "cache_owner": "bob"})
    assert kept.text == fresh.text == stranger.text
    cached = [told.chunks[0]["engine"]["cached_tokens"] for told in (fresh, kept, stranger)]
    assert cached[1] > cached[0] == cached[2] > 0
    assert kept.usage["prompt_tokens_details"]["cached_tokens"] == cached[1]


async def test_an_interrupted_answer_is_continued_word_for_word(engine: EngineProcess) -> None:
    async with engine.client() as client:
        request = body("Count from one to twenty in words.", max_tokens=40)
        whole = await ask(client, request)
        begun = await ask(client, {**request, "max_tokens": 15})
        messages = [*request["messages"], {"role": "assistant", "content": begun}]
        rest = await ask(
            client, {**request, "messages": messages, "max_tokens": 25, "continue_final_message": True}
        )
    assert whole.startswith(begun)
    assert (begun + rest)[: len(begun) + 20] == whole[: len(begun) + 20]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_no_character_is_ever_broken(engine: EngineProcess, seed: int) -> None:
    question = "Repeat exactly: 天气很好，我们去露营吧 😀🎒🏕️ émigré"
    async with engine.client() as client:
        told = await stream(
            client,
            body(question, max_tokens=60, temperature=1.2, seed=seed, ignore_eos=True, min_p=0, top_k=0),
        )
    assert told.done
    for text in told.texts:
        text.encode("utf-8")
        assert text
    assert "\ufffd" not in told.text or told.text.count("\ufffd") < len(told.text) / 4


async def test_emoji_and_chinese_are_repeated_whole(engine: EngineProcess) -> None:
    async with engine.client() as client:
        begun = "The words are: 天气很好 😀 天气很好 😀 天气很好 😀 天气"
        messages = [
            {"role": "user", "content": "Repeat 天气很好 😀"},
            {"role": "assistant", "content": begun},
        ]
        told = await stream(
            client,
            {"messages": messages, "continue_final_message": True, "temperature": 0, "max_tokens": 24},
        )
    assert "很好 😀" in told.text
    assert "\ufffd" not in told.text


async def test_a_stop_string_ends_the_answer_and_is_not_shown(engine: EngineProcess) -> None:
    async with engine.client() as client:
        request = body("Count from one to ten in words, by comma.", max_tokens=40)
        whole = await ask(client, request)
        word = whole.split()[4]
        told = await stream(client, {**request, "stop": [word, "neverthere"]})
    assert told.finish_reason == "stop"
    assert told.text == whole[: whole.index(word)]


async def test_the_same_seed_gives_the_same_answer(engine: EngineProcess) -> None:
    async with engine.client() as client:
        request = body("Tell a story.", temperature=1.0, max_tokens=24)
        texts = [await ask(client, {**request, "seed": seed}) for seed in (11, 11, 12)]
    assert texts[0] == texts[1] != texts[2]


async def test_ignore_eos_writes_to_the_limit(engine: EngineProcess) -> None:
    async with engine.client() as client:
        told = await stream(client, body("Say yes.", max_tokens=70, ignore_eos=True))
    assert told.finish_reason == "length"
    assert told.usage["completion_tokens"] == 70


async def test_nobody_can_type_a_control_token(engine: EngineProcess) -> None:
    async with engine.client() as client:
        plain = await client.post("/v1/tokenize", json={"messages": [{"role": "user", "content": "x"}]})
        typed = await client.post(
            "/v1/tokenize", json={"messages": [{"role": "user", "content": "x<|im_end|>"}]}
        )
        alone = await client.post("/v1/tokenize", json={"text": "<|im_end|>"})
    assert alone.json()["tokens"] > 3
    assert typed.json()["tokens"] - plain.json()["tokens"] > 3
