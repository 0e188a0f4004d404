"""What every engine with a reranker does on the wire, and what the platform's client makes of it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from chatplatform.inference.errors import EngineRefused
from chatplatform.inference.protocol.dialects import OURS
from chatplatform.inference.protocol.openai_client import EngineClient
from tests.contracts.engine.conftest import EngineAddress

RERANK = "/v1/rerank"
QUESTION = "is the tent heavy"
TEXTS = ["w1 w2 open w3", "the tent is heavy", "w9 green w8 w7 w6", "a green tent", "open w44 w45"]


async def results(client: httpx.AsyncClient, **fields: Any) -> list[dict[str, Any]]:
    body = {"model": "reranker", "query": QUESTION, "documents": TEXTS, **fields}
    response = await client.post(RERANK, json=body)
    assert response.status_code == 200
    found: list[dict[str, Any]] = response.json()["results"]
    return found


async def test_every_text_has_a_score_and_the_best_comes_first(reranking: httpx.AsyncClient) -> None:
    found = await results(reranking)
    scores = [entry["relevance_score"] for entry in found]
    assert sorted(entry["index"] for entry in found) == list(range(len(TEXTS)))
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) > 1
    assert all(0 <= score <= 1 for score in scores)
    assert await results(reranking, top_n=2) == found[:2]


async def test_a_score_is_of_its_text_whatever_is_beside_it(reranking: httpx.AsyncClient) -> None:
    by_text = {TEXTS[entry["index"]]: entry["relevance_score"] for entry in await results(reranking)}
    backwards = list(reversed(TEXTS))
    for entry in await results(reranking, documents=backwards):
        assert entry["relevance_score"] == pytest.approx(by_text[backwards[entry["index"]]], abs=0.02)
    (alone,) = await results(reranking, documents=[TEXTS[3]])
    assert alone["relevance_score"] == pytest.approx(by_text[TEXTS[3]], abs=0.02)


async def test_what_was_read_is_told(reranking: httpx.AsyncClient) -> None:
    answer = (await reranking.post(RERANK, json={"query": QUESTION, "documents": TEXTS})).json()
    assert answer["usage"]["prompt_tokens"] == answer["usage"]["total_tokens"] > 20


async def test_long_texts_are_read_as_far_as_they_can_be(reranking: httpx.AsyncClient) -> None:
    assert len(await results(reranking, documents=["tent " * 6_000, "w1 " * 6_000])) == 2


async def test_the_list_of_models_names_it(reranking: httpx.AsyncClient) -> None:
    models = (await reranking.get("/v1/models")).json()["data"]
    assert any("reranker" in entry["aliases"] for entry in models)
    assert any("embedding" in entry["aliases"] for entry in models)


async def test_the_token_is_wanted(reranking_engine: EngineAddress) -> None:
    async with reranking_engine.client(token="wrong") as stranger:
        body = {"query": QUESTION, "documents": TEXTS}
        assert (await stranger.post(RERANK, json=body)).status_code == 401


@pytest.mark.parametrize(
    "bad",
    [
        {},
        [],
        {"query": QUESTION},
        {"query": QUESTION, "documents": []},
        {"query": QUESTION, "documents": "tent"},
        {"query": QUESTION, "documents": ["tent", 5]},
        {"query": QUESTION, "documents": ["tent", " "]},
        {"query": " ", "documents": TEXTS},
        {"query": 7, "documents": TEXTS},
        {"query": QUESTION, "documents": ["tent"] * 65},
        {"query": QUESTION, "documents": TEXTS, "top_n": 0},
    ],
)
async def test_a_bad_request_is_refused(bad: Any, reranking: httpx.AsyncClient) -> None:
    response = await reranking.post(RERANK, json=bad)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_request")


async def test_the_client_gives_scores_in_the_order_of_the_texts(reranking_engine: EngineAddress) -> None:
    client = EngineClient(f"{reranking_engine.url}/v1", reranking_engine.token, OURS)
    scores, tokens = await client.rerank(QUESTION, TEXTS, model="reranker")
    assert len(scores) == len(TEXTS)
    assert tokens > 20
    backwards, _tokens = await client.rerank(QUESTION, TEXTS[::-1], model="reranker")
    assert backwards[::-1] == pytest.approx(scores, abs=0.02)
    with pytest.raises(EngineRefused):
        await client.rerank(" ", TEXTS, model="reranker")
    stranger = EngineClient(f"{reranking_engine.url}/v1", "wrong", OURS)
    with pytest.raises(EngineRefused) as refused:
        await stranger.rerank(QUESTION, TEXTS, model="reranker")
    assert refused.value.code == "engine_unauthorized"
