"""Nothing is read twice, with a real model: platform prefixes outlive the process, conversations the cache."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.llamacpp.engine_process import EngineProcess, start_engine

pytestmark = [pytest.mark.model, pytest.mark.slow]

SYSTEM = (
    "You are the assistant of a small shop that sells tents, boots, maps and lamps for long walks outdoors. "
)
SHOTS = [
    {"role": "system", "content": SYSTEM},
    {
        "role": "user",
        "content": "Do you have tents for two people who walk far and carry everything themselves?",
    },
    {
        "role": "assistant",
        "content": "Yes: the light one weighs less than two kilograms and stands without pegs.",
    },
]
LONG = "I walked from the harbour to the hills and back, and this is what I saw on the way. " * 12


def start(folder: Path, model: Path) -> EngineProcess:
    engine = start_engine(folder, models=str(model), context_tokens=512)
    engine.until("ready")
    return engine


def post(engine: EngineProcess, path: str, body: dict[str, Any]) -> Any:
    answer = httpx.post(engine.url + path, json=body, headers=engine.headers, timeout=60, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ask(engine: EngineProcess, messages: list[dict[str, str]], owner: str, **fields: Any) -> tuple[str, int]:
    """The answer, and how many tokens of the prompt had been read before."""
    body = {"messages": messages, "cache_owner": owner, "max_tokens": 8, "temperature": 0, **fields}
    told = post(engine, "/v1/chat/completions", body)
    cached: int = told["usage"]["prompt_tokens_details"]["cached_tokens"]
    return told["choices"][0]["message"]["content"], cached


@pytest.fixture(scope="module")
def small(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    engine = start(tmp_path_factory.mktemp("small"), smollm2)
    yield engine
    engine.stop()


def test_what_was_warmed_is_there_for_the_first_who_asks_and_after_a_restart(
    smollm2: Path, tmp_path: Path
) -> None:
    engine = start(tmp_path, smollm2)
    try:
        first = post(engine, "/v1/warm", {"messages": SHOTS})
        assert first["tokens"] > 60
        assert not first["cached"]
        assert post(engine, "/v1/warm", {"messages": SHOTS}) == first | {"cached": True}
        messages = [*SHOTS, {"role": "user", "content": "And lamps?"}]
        answer, cached = ask(engine, messages, "alice", platform_messages=3)
        assert cached == first["tokens"]
    finally:
        engine.stop()
    engine = start(tmp_path, smollm2)
    try:
        assert ask(engine, messages, "bob", platform_messages=3) == (answer, cached)
    finally:
        engine.stop()


def test_only_what_is_the_platforms_own_is_shared(small: EngineProcess) -> None:
    messages = [*SHOTS, {"role": "user", "content": "And boots?"}]
    _answer, alone = ask(small, messages, "alice")
    _answer, others = ask(small, messages, "bob")
    assert alone == 0
    assert 0 < others < 40, "the system message, and not a person's question"
    ask(small, messages, "carol", platform_messages=3)
    _answer, shared = ask(small, messages, "dave", platform_messages=3)
    assert shared > 60


def test_a_conversation_comes_back_with_the_same_answer(small: EngineProcess) -> None:
    talk = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": LONG}]
    said, _cached = ask(small, talk, "walker")
    talk += [{"role": "assistant", "content": said}, {"role": "user", "content": "Where was I?"}]
    fresh, _cached = ask(small, talk, "", seed=1)
    for number in range(4):
        others = [{"role": "user", "content": f"{number} {LONG}"}]
        ask(small, others, f"other {number}")
    answer, cached = ask(small, talk, "walker")
    assert cached > 200
    assert answer == fresh
    post(small, "/v1/forget", {"cache_owner": "walker"})
    _answer, cached = ask(small, talk, "walker")
    assert cached < 100
