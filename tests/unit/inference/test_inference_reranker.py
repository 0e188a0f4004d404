"""The encoder's reranker: whose turn it is beside questions and documents, what is refused, and how it says that it is
not there; with models that wait to be let go."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from chatplatform.inference.engines.encoder import reranking as reranking_module
from chatplatform.inference.engines.encoder import service as service_module
from chatplatform.inference.engines.encoder.app import EncoderApp
from chatplatform.inference.engines.encoder.precision_choice import PrecisionChoice
from chatplatform.inference.engines.encoder.reranking import MAX_WAITING, READ_CHARS, Reranker
from chatplatform.inference.engines.encoder.reranking_model import NoReranker
from chatplatform.inference.engines.encoder.service import EncoderService
from chatplatform.inference.engines.encoder.turns import IN_A_ROW
from chatplatform.inference.engines.encoder.wire import (
    EmbeddingRequest,
    Ranking,
    Refused,
    RerankRequest,
    parse_rerank_request,
)
from chatplatform.inference.model_files import model_store


class Held:
    """Two models of one thread; a word is a token. While they are held, the thread waits inside a batch."""

    context_tokens = 512
    dimensions = 2
    precision = "float32"

    def __init__(self) -> None:
        self.read: list[list[str]] = []
        self.may_read = threading.Event()
        self.may_read.set()

    def prepared(self, texts: Sequence[str], _input_type: str | None) -> list[str]:
        return list(texts)

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def encode(self, prepared: Sequence[str]) -> list[list[float]]:
        self._read(prepared)
        return [[1.0, 0.0] for _ in prepared]

    def scores(self, _question: str, texts: Sequence[str]) -> list[float]:
        self._read(texts)
        return [float(text.split()[1]) for text in texts]

    def _read(self, texts: Sequence[str]) -> None:
        self.read.append([" ".join(text.split()[:2]) for text in texts])
        assert self.may_read.wait(20)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Held:
    held = Held()
    for module in (service_module, reranking_module):
        monkeypatch.setattr(module, "find_folder", lambda _reference: Path("/models/held"))
        # one text at a time, however quick the model
        monkeypatch.setattr(module, "batch_tokens", lambda _tokens_s: 1)
    monkeypatch.setattr(model_store, "model_sha256", lambda _reference: "a" * 64)
    monkeypatch.setattr(service_module, "load_model", lambda *_given: held)
    monkeypatch.setattr(reranking_module, "load_reranker", lambda *_given: held)
    return held


@pytest.fixture
async def service(model: Held) -> AsyncIterator[EncoderService]:
    ready = EncoderService("/models/held", reranker="/models/sorts")
    await ready.load()
    yield ready
    model.may_read.set()


def reranker_of(service: EncoderService) -> Reranker:
    assert service.reranker is not None
    return service.reranker


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not happened():  # noqa: ASYNC110 - it happens in a thread, too
            await asyncio.sleep(0.005)


def wanted(*scores: float, words: int = 400) -> RerankRequest:
    texts = [f"text {score} " + "word " * (words - 2) for score in scores]
    return RerankRequest(query="where is it", documents=texts)


def question() -> EmbeddingRequest:
    return EmbeddingRequest.model_validate({"input": "question 1", "input_type": "query"})


def documents(count: int) -> EmbeddingRequest:
    texts = [f"document {number} " + "word " * 400 for number in range(count)]
    return EmbeddingRequest.model_validate({"input": texts, "input_type": "passage"})


async def test_scores_come_in_the_order_of_the_texts_and_results_by_their_score(
    service: EncoderService,
) -> None:
    ranking = await reranker_of(service).rank(wanted(0.2, 0.9, 0.4, 0.9))
    assert ranking.scores == [0.2, 0.9, 0.4, 0.9]
    told: Any = ranking.to_json(3)
    assert [entry["index"] for entry in told["results"]] == [1, 3, 2]
    assert told["model"] == "sorts"


async def test_a_question_goes_before_what_is_left_of_a_reranking_and_that_before_documents(
    service: EncoderService, model: Held
) -> None:
    model.may_read.clear()
    indexing = asyncio.create_task(service.embed(documents(2)))
    await until(lambda: len(model.read) == 1)
    sorting = asyncio.create_task(reranker_of(service).rank(wanted(0.1, 0.2)))
    await until(lambda: waiting_reranks(service) == 1)
    asked = asyncio.create_task(service.embed(question()))
    await until(lambda: service.figures.waiting_questions == 1)
    model.may_read.set()
    await asyncio.gather(indexing, sorting, asked)
    kinds = [texts[0].split()[0] for texts in model.read]
    assert kinds == ["document", "question", "text", "text", "document"]


async def test_rerankings_without_end_leave_documents_their_share(
    service: EncoderService, model: Held
) -> None:
    model.may_read.clear()
    indexing = asyncio.create_task(service.embed(documents(4)))
    await until(lambda: len(model.read) == 1)
    sorting = [asyncio.create_task(reranker_of(service).rank(wanted(0.1, 0.2, 0.3, 0.4))) for _ in range(6)]
    await until(lambda: waiting_reranks(service) == 6)
    model.may_read.set()
    await asyncio.gather(indexing, *sorting)
    kinds = "".join(texts[0][0] for texts in model.read)
    begun = kinds[: kinds.rindex("d") + 1]
    assert begun.count("d") == 4
    # counting the texts of a reranking is a piece of its work as well
    assert max(map(len, begun.split("d"))) <= IN_A_ROW
    assert kinds.count("t") == 24


async def test_those_who_wait_are_served_one_after_the_other(service: EncoderService, model: Held) -> None:
    sorting = [reranker_of(service).rank(wanted(number / 10, number / 10)) for number in range(3)]
    await asyncio.gather(*sorting)
    assert [texts[0] for texts in model.read] == ["text 0.0"] * 2 + ["text 0.1"] * 2 + ["text 0.2"] * 2


async def test_too_many_at_once_are_sent_away(service: EncoderService, model: Held) -> None:
    model.may_read.clear()
    sorting = [asyncio.create_task(reranker_of(service).rank(wanted(0.1))) for _ in range(MAX_WAITING)]
    await until(lambda: waiting_reranks(service) == MAX_WAITING)
    with pytest.raises(Refused) as caught:
        await reranker_of(service).rank(wanted(0.2))
    assert (caught.value.status, caught.value.body["error"]["code"]) == (429, "queue_full")
    asked = asyncio.create_task(service.embed(question()))
    await until(lambda: service.figures.waiting_questions == 1)
    model.may_read.set()
    await asyncio.gather(*sorting, asked)


async def test_what_is_given_up_is_read_no_further(service: EncoderService, model: Held) -> None:
    model.may_read.clear()
    sorting = asyncio.create_task(reranker_of(service).rank(wanted(*[0.5] * 20)))
    await until(lambda: len(model.read) == 1)
    sorting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sorting
    model.may_read.set()
    await reranker_of(service).rank(wanted(0.7))
    assert [texts[0] for texts in model.read] == ["text 0.5", "text 0.7"]
    assert waiting_reranks(service) == 0


async def test_no_more_of_a_text_is_looked_at_than_could_be_read(
    service: EncoderService, model: Held
) -> None:
    counted: list[str] = []
    count = model.token_counts
    model.token_counts = lambda texts: counted.extend(texts) or count(texts)  # type: ignore[method-assign,func-returns-value]
    ranking = await reranker_of(service).rank(wanted(0.5, words=6_000))
    assert max(map(len, counted)) == READ_CHARS
    assert ranking.tokens == model.context_tokens


async def test_a_score_that_is_no_number_is_an_error(service: EncoderService) -> None:
    with pytest.raises(Refused) as caught:
        await reranker_of(service).rank(wanted(float("nan")))
    assert caught.value.status == 500


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"documents": ["x" * 32_001]}, "Text 0 has 32001"),
        ({"query": "x" * 8_001}, "The query has 8001"),
        ({"documents": ["x"] * 65}, "1 to 64"),
        ({"top_n": 0}, "top_n"),
        ({"top_n": "3"}, "top_n"),
    ],
)
def test_a_request_beyond_the_bounds_is_refused_without_its_texts(fields: dict[str, Any], named: str) -> None:
    body = {"query": "secret", "documents": ["secret"]} | fields
    with pytest.raises(Refused) as caught:
        parse_rerank_request(json.dumps(body).encode())
    assert named in str(caught.value.body["error"]["message"])
    assert "secret" not in str(caught.value.body)


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(Refused) as caught:
        parse_rerank_request(body)
    assert caught.value.status == 400


async def test_health_and_models_tell_of_it(service: EncoderService) -> None:
    assert service.health()["reranker"] == {"status": "ready", "detail": ""}
    entries: Any = service.models()["data"]
    assert [entry["aliases"] for entry in entries] == [["embedding"], ["reranker"]]
    assert entries[1]["id"] == "sorts"


async def test_without_a_name_there_is_none(model: Held) -> None:
    service = EncoderService("/models/held")
    await service.load()
    assert "reranker" not in service.health()
    status, _body = await sent(EncoderApp(service, token="t"), wanted(0.5))
    assert status == 404
    assert len(model.read) == 0


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (NoReranker("3 classes"), "sorts is no reranker: it has 3 classes, not one score."),
        (OSError("a path"), "The reranker sorts cannot be loaded: OSError"),
    ],
)
async def test_a_broken_one_is_told_and_embeddings_go_on(
    model: Held, monkeypatch: pytest.MonkeyPatch, problem: Exception, said: str
) -> None:
    def broken(*_given: object) -> None:
        raise problem

    monkeypatch.setattr(reranking_module, "load_reranker", broken)
    service = EncoderService("/models/held", reranker="/models/sorts")
    await service.load()
    assert service.health() == {
        "status": "ready",
        "detail": "",
        "reranker": {"status": "error", "detail": said},
    }
    status, body = await sent(EncoderApp(service, token="t"), wanted(0.5))
    assert (status, body["error"]["code"]) == (503, "model_loading")
    assert len((await service.embed(question())).vectors) == 1
    assert len(service.models()["data"]) == 1  # type: ignore[arg-type]


async def test_one_that_is_not_on_this_machine_is_waited_for(
    model: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reranking_module, "LOOK_EVERY_S", 0.01)
    here = threading.Event()
    monkeypatch.setattr(reranking_module, "find_folder", lambda _name: Path("/x") if here.is_set() else None)
    service = EncoderService("/models/held", PrecisionChoice(None), reranker="somebody/sorts")
    loading = asyncio.create_task(service.load())
    await until(lambda: bool(reranker_of(service).detail))
    assert reranker_of(service).detail == "The reranker sorts is not on this machine."
    assert service.state == "ready"
    here.set()
    await loading
    assert reranker_of(service).state == "ready"


def waiting_reranks(service: EncoderService) -> int:
    line = next(
        line for line in reranker_of(service).metrics() if line.startswith("encoder_waiting_reranks ")
    )
    return int(line.split()[1])


async def sent(app: EncoderApp, request: RerankRequest) -> tuple[int, Any]:
    """The status and the body of a request to the application."""
    given: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    given.put_nowait({"type": "http.request", "body": request.model_dump_json().encode(), "more_body": False})
    answers: list[Any] = []

    async def send(message: Any) -> None:
        answers.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/rerank"}
    scope["headers"] = [(b"authorization", b"Bearer t")]  # type: ignore[assignment]
    await app(scope, given.get, send)  # type: ignore[arg-type]
    return answers[0]["status"], json.loads(answers[1]["body"])


async def test_the_answer_on_the_wire(service: EncoderService) -> None:
    status, body = await sent(EncoderApp(service, token="t"), wanted(0.2, 0.9, words=10))
    assert status == 200
    assert body == Ranking("sorts", [0.2, 0.9], body["usage"]["prompt_tokens"]).to_json()
    assert body["results"][0] == {"index": 1, "relevance_score": 0.9}
