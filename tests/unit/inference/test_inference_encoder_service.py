"""The encoder's service: who is read first, what is refused, and what is told, with a model that waits to be let go."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from chatplatform.inference.engines.encoder import service as service_module
from chatplatform.inference.engines.encoder.app import EncoderApp
from chatplatform.inference.engines.encoder.model_loading import WrongVectors
from chatplatform.inference.engines.encoder.service import MAX_WAITING, EncoderService
from chatplatform.inference.engines.encoder.wire import EmbeddingRequest, Embeddings, Refused

CONTEXT = 512


class HeldModel:
    """A word is a token; the vector tells the text's number. While it is held, the thread waits inside a batch."""

    context_tokens = CONTEXT
    dimensions = 2
    precision = "float32"

    def __init__(self) -> None:
        self.read: list[list[str]] = []
        self.may_read = threading.Event()
        self.may_read.set()

    def prepared(self, texts: Sequence[str], _input_type: str | None) -> list[str]:
        return list(texts)

    def token_counts(self, prepared: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in prepared]

    def encode(self, prepared: Sequence[str]) -> list[list[float]]:
        self.read.append(list(prepared))
        assert self.may_read.wait(20)
        return [[1.0, float(text.split()[0])] for text in prepared]


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> HeldModel:
    held = HeldModel()
    monkeypatch.setattr(service_module, "find_folder", lambda _reference: Path("/models/held"))
    monkeypatch.setattr(service_module.model_store, "model_sha256", lambda _reference: "a" * 64)
    monkeypatch.setattr(service_module, "load_model", lambda *_given: held)
    return held


@pytest.fixture
async def service(model: HeldModel) -> AsyncIterator[EncoderService]:
    ready = EncoderService("/models/held")
    await ready.load()
    assert ready.state == "ready"
    yield ready
    model.may_read.set()


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not happened():  # noqa: ASYNC110 - it happens in a thread, too
            await asyncio.sleep(0.005)


def documents(*numbers: int, words: int = 400, **fields: Any) -> EmbeddingRequest:
    texts = [f"{number} " + "word " * (words - 1) for number in numbers]
    return EmbeddingRequest.model_validate({"input": texts, "input_type": "passage", **fields})


def question(number: int) -> EmbeddingRequest:
    return EmbeddingRequest.model_validate({"input": f"{number} where", "input_type": "query"})


def numbers_of(found: Embeddings) -> list[int]:
    return [int(vector[1]) for vector in found.vectors]


async def test_vectors_come_in_the_order_of_the_texts_whatever_their_lengths(service: EncoderService) -> None:
    texts = [f"{number} " + "word " * (number * 37 % 300) for number in range(40)]
    found = await service.embed(EmbeddingRequest.model_validate({"input": texts}))
    assert numbers_of(found) == list(range(40))
    assert found.tokens == sum(len(text.split()) for text in texts)
    assert found.cut == [0] * 40


async def test_a_question_is_read_before_what_is_left_of_documents(
    service: EncoderService, model: HeldModel
) -> None:
    model.may_read.clear()
    indexing = [asyncio.create_task(service.embed(documents(1, 2, 3, 4))) for _ in range(3)]
    await until(lambda: len(model.read) == 1)
    asked = asyncio.create_task(service.embed(question(9)))
    await until(lambda: service.figures.waiting_questions == 1)
    model.may_read.set()
    assert numbers_of(await asked) == [9]
    assert numbers_of(await indexing[0]) == [1, 2, 3, 4]
    assert model.read[1] == ["9 where"]
    await asyncio.gather(*indexing)


async def test_many_questions_at_once_are_a_job_and_wait_their_turn(
    service: EncoderService, model: HeldModel
) -> None:
    model.may_read.clear()
    indexing = asyncio.create_task(service.embed(documents(1)))
    await until(lambda: len(model.read) == 1)
    many = EmbeddingRequest.model_validate(
        {"input": [f"{n} where" for n in range(100)], "input_type": "query"}
    )
    asked = asyncio.create_task(service.embed(many))
    await until(lambda: service.figures.waiting_documents == 2)
    assert service.figures.waiting_questions == 0
    model.may_read.set()
    assert numbers_of(await asked) == list(range(100))
    await indexing


async def test_a_full_queue_refuses_documents_and_still_takes_questions(
    service: EncoderService, model: HeldModel
) -> None:
    model.may_read.clear()
    indexing = [asyncio.create_task(service.embed(documents(n, words=5))) for n in range(MAX_WAITING)]
    await until(lambda: service.figures.waiting_documents == MAX_WAITING)
    with pytest.raises(Refused) as caught:
        await service.embed(documents(1))
    assert (caught.value.status, caught.value.body["error"]["code"]) == (429, "queue_full")
    asked = asyncio.create_task(service.embed(question(7)))
    await until(lambda: service.figures.waiting_questions == 1)
    model.may_read.set()
    assert numbers_of(await asked) == [7]
    await asyncio.gather(*indexing)
    assert service.figures.waiting_documents == service.figures.waiting_tokens == 0


async def test_more_than_can_be_read_in_time_is_refused_while_something_waits(
    service: EncoderService, model: HeldModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "MAX_WAIT_S", 0.0)
    model.may_read.clear()
    first = asyncio.create_task(service.embed(documents(*range(10))))  # alone it is taken, whatever its size
    await until(lambda: service.figures.waiting_tokens == 4000)
    second = asyncio.create_task(service.embed(documents(1)))
    await until(lambda: service.figures.waiting_documents == 2)
    model.may_read.set()
    assert numbers_of(await first) == list(range(10))
    with pytest.raises(Refused) as caught:
        await second
    assert caught.value.status == 429


async def test_what_is_cancelled_is_read_no_further(service: EncoderService, model: HeldModel) -> None:
    model.may_read.clear()
    indexing = asyncio.create_task(service.embed(documents(*range(20))))
    await until(lambda: len(model.read) == 1)
    indexing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await indexing
    assert service.figures.waiting_documents == service.figures.waiting_tokens == 0
    model.may_read.set()
    assert numbers_of(await service.embed(question(3))) == [3]
    assert [texts[0].split()[0] for texts in model.read[1:]] == ["3"]


async def test_what_is_cancelled_while_it_waits_loses_nobody_a_turn(
    service: EncoderService, model: HeldModel
) -> None:
    model.may_read.clear()
    first = asyncio.create_task(service.embed(documents(1)))
    await until(lambda: len(model.read) == 1)
    given_up = asyncio.create_task(service.embed(question(2)))
    patient = asyncio.create_task(service.embed(question(3)))
    await until(lambda: service.figures.waiting_questions == 2)
    given_up.cancel()
    model.may_read.set()
    assert numbers_of(await patient) == [3]
    assert numbers_of(await first) == [1]
    assert ["2 where"] not in model.read


async def test_a_long_text_is_refused_or_cut_and_told(service: EncoderService) -> None:
    with pytest.raises(Refused) as caught:
        await service.embed(documents(1, words=CONTEXT + 30))
    assert caught.value.body["error"]["code"] == "context_length_exceeded"
    found = await service.embed(documents(1, 2, words=CONTEXT + 30, truncate=True))
    assert found.cut == [30, 30]
    assert found.tokens == 2 * CONTEXT
    told = found.to_json()
    assert [entry["cut_tokens"] for entry in told["data"]] == [30, 30]  # type: ignore[attr-defined]
    assert service.figures.cut_tokens == 60


async def test_a_model_with_other_vectors_serves_nothing(
    monkeypatch: pytest.MonkeyPatch, model: HeldModel
) -> None:
    def wrong(*_given: object) -> None:
        raise WrongVectors("cosine 0.4")

    monkeypatch.setattr(service_module, "load_model", wrong)
    service = EncoderService("/models/held")
    await service.load()
    assert service.state == "error"
    assert "other vectors" in service.detail
    with pytest.raises(Refused) as caught:
        await service.embed(question(1))
    assert caught.value.status == 503


class Connection:
    """One request to the application, as a server gives it: the body, and later the end of the connection."""

    def __init__(self, app: EncoderApp, path: str, body: bytes = b"") -> None:
        self._given: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._given.put_nowait({"type": "http.request", "body": body, "more_body": False})
        self.sent: list[dict[str, Any]] = []
        scope = {
            "type": "http",
            "method": "POST" if body else "GET",
            "path": path,
            "headers": [(b"authorization", b"Bearer token")],
        }
        self.running = asyncio.create_task(app(scope, self._given.get, self._send))  # type: ignore[arg-type]

    async def _send(self, message: Any) -> None:
        self.sent.append(message)

    def close(self) -> None:
        self._given.put_nowait({"type": "http.disconnect"})

    async def answer(self) -> tuple[int, dict[bytes, bytes], bytes]:
        await self.running
        return self.sent[0]["status"], dict(self.sent[0]["headers"]), self.sent[1]["body"]


def body_of(request: EmbeddingRequest) -> bytes:
    return request.model_dump_json(exclude_none=True).encode()


async def test_closing_the_connection_cancels(service: EncoderService, model: HeldModel) -> None:
    app = EncoderApp(service, token="token")
    model.may_read.clear()
    asked = Connection(app, "/v1/embeddings", body_of(documents(*range(20))))
    await until(lambda: len(model.read) == 1)
    asked.close()
    await asked.running
    assert asked.sent == []
    model.may_read.set()
    _status, _headers, metrics = await Connection(app, "/metrics").answer()
    assert b"encoder_cancelled_total 1" in metrics
    await service.embed(question(3))
    assert len(model.read) == 2


async def test_a_refusal_for_want_of_room_says_when_to_come_again(
    service: EncoderService, model: HeldModel
) -> None:
    app = EncoderApp(service, token="token")
    model.may_read.clear()
    indexing = [asyncio.create_task(service.embed(documents(n, words=5))) for n in range(MAX_WAITING)]
    await until(lambda: service.figures.waiting_documents == MAX_WAITING)
    status, headers, body = await Connection(app, "/v1/embeddings", body_of(documents(1))).answer()
    assert (status, json.loads(body)["error"]["code"]) == (429, "queue_full")
    assert int(headers[b"retry-after"]) > 0
    model.may_read.set()
    await asyncio.gather(*indexing)
