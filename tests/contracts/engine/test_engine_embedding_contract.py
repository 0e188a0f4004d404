"""What every engine for embeddings does on the wire."""

from __future__ import annotations

import math
from typing import Any

import httpx
import pytest

from tests.contracts.engine.conftest import EngineAddress

EMBED = "/v1/embeddings"


async def vectors(
    client: httpx.AsyncClient, texts: list[str] | str, kind: str = "passage"
) -> list[list[float]]:
    response = await client.post(EMBED, json={"model": "embedding", "input": texts, "input_type": kind})
    assert response.status_code == 200
    return [entry["embedding"] for entry in response.json()["data"]]


def likeness(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


async def test_the_token_is_wanted(embedding_engine: EngineAddress) -> None:
    async with embedding_engine.client(token="wrong") as stranger:
        assert (await stranger.get("/health")).json()["status"] == "ready"
        for method, path in (("GET", "/v1/models"), ("POST", EMBED), ("GET", "/metrics")):
            assert (await stranger.request(method, path)).status_code == 401


async def test_vectors_have_length_one_and_the_order_of_the_texts(embedding: httpx.AsyncClient) -> None:
    texts = [f"Tent number {number} is green." for number in range(20)]
    together = await vectors(embedding, texts)
    assert {len(vector) for vector in together} == {384}
    assert all(math.isclose(likeness(vector, vector), 1.0, abs_tol=1e-3) for vector in together)
    (alone,) = await vectors(embedding, texts[7])
    assert likeness(alone, together[7]) > 0.999


async def test_likeness_follows_the_words(embedding: httpx.AsyncClient) -> None:
    (question,) = await vectors(embedding, "How heavy is the tent?", "query")
    near, far = await vectors(embedding, ["The tent is 2 kg heavy.", "We open on Monday at nine."])
    assert likeness(question, near) > likeness(question, far)


async def test_usage_and_models(embedding: httpx.AsyncClient) -> None:
    answer = (await embedding.post(EMBED, json={"input": "a green tent"})).json()
    assert answer["usage"]["prompt_tokens"] >= 3
    entry = (await embedding.get("/v1/models")).json()["data"][0]
    assert "embedding" in entry["aliases"]
    assert len(entry["sha256"]) == 64


async def test_a_text_that_is_too_long_is_refused_or_cut_and_told(embedding: httpx.AsyncClient) -> None:
    limit = (await embedding.get("/v1/models")).json()["data"][0]["context_tokens"]
    request = {"input": ["a green tent", "tent " * (limit + 20)], "input_type": "query"}
    refused = await embedding.post(EMBED, json=request)
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (400, "context_length_exceeded")
    assert error["prompt_tokens"] > error["context_tokens"] == limit

    cut = (await embedding.post(EMBED, json={**request, "truncate": True})).json()
    short, long = (entry["cut_tokens"] for entry in cut["data"])
    assert (short, long) == (0, error["prompt_tokens"] - limit)
    assert cut["usage"]["cut_tokens"] == long
    assert cut["usage"]["prompt_tokens"] < limit + 20


@pytest.mark.parametrize("bad", [{}, {"input": []}, {"input": 5}, {"input": [1, 2]}, []])
async def test_a_bad_request_is_refused(bad: Any, embedding: httpx.AsyncClient) -> None:
    response = await embedding.post(EMBED, json=bad)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_request")
