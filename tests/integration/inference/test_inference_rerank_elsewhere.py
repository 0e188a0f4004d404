"""A reranker at a server of another make: asked for the model that the operator named, and not trusted to behave."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from chatplatform.common.scope import workspace_scope
from chatplatform.inference import gateway
from chatplatform.inference.errors import EngineRefused
from chatplatform.inference.gateway import Reranked
from chatplatform.inference.models import ModelCall
from chatplatform.privacy.subjects import Subject
from tests.integration.knowledge.at_work import Team, acting, team

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])

TEXTS = ["one", "two", "three"]


@contextmanager
def server(answer: Any) -> Iterator[tuple[str, list[Any]]]:
    """The address of a server that lists one model and answers every reranking so, and what it was asked."""
    asked: list[Any] = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send({"object": "list", "data": [{"id": "embeds", "owned_by": "somebody"}]})

        def do_POST(self) -> None:
            asked.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self._send(answer)

        def _send(self, content: Any) -> None:
            body = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as serving:
        threading.Thread(target=serving.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{serving.server_port}/v1", asked
        finally:
            serving.shutdown()


@pytest.fixture
def people(db: None) -> Iterator[Team]:
    found = team()
    with workspace_scope(found.workspace.id):
        yield found


def reranked(people: Team) -> Reranked:
    return asyncio.run(
        gateway.rerank(
            "which?",
            TEXTS,
            subject=Subject.person(people.member.id),
            workspace_id=people.workspace.id,
            actor=acting(people.member),
            purpose="test.rerank",
        )
    )


def results(*scores: Any) -> list[dict[str, Any]]:
    return [{"index": place, "relevance_score": score} for place, score in enumerate(scores)]


def test_it_is_asked_for_the_named_model_in_the_usual_shape(people: Team, settings: Settings) -> None:
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"reranker": "somebody/sorts"})
    told = {"results": list(reversed(results(-3.5, 7, 0.25))), "usage": {"total_tokens": 42}}
    with server(told) as (url, asked):
        settings.ENCODER_URL = url
        found = reranked(people)
    assert (found.scores, found.tokens) == ([-3.5, 7.0, 0.25], 42)
    body = {"model": "somebody/sorts", "query": "which?", "documents": TEXTS, "top_n": 3}
    assert asked == [("/v1/rerank", body)]
    assert ModelCall.objects.get().state == "completed"


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        {"results": None},
        {"results": results(0.1, 0.2)},
        {"results": results(0.1, 0.2, 0.3, 0.4)},
        {"results": results(0.1, 0.2, 0.3)[:2] + results(0.9)},
        {"results": results(0.1, "much", 0.3)},
        {"results": results(0.1, None, 0.3)},
        {"results": results(0.1, float("nan"), 0.3)},
        {"results": [1, 2, 3]},
    ],
)
def test_an_answer_that_is_none_is_refused(people: Team, settings: Settings, answer: Any) -> None:
    with server(answer) as (url, _asked):
        settings.ENCODER_URL = url
        with pytest.raises(EngineRefused) as caught:
            reranked(people)
    assert caught.value.code == "engine_not_understood"
    assert ModelCall.objects.get().state == "failed"
