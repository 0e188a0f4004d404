"""The API against its own description: whatever is sent, no 5xx and nothing that the description does not name."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from uuid import uuid4

import hypothesis
import pytest
import schemathesis
import uvicorn
from pytest_django.fixtures import Settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from chatplatform.api.description import description
from chatplatform.testing.fixtures import ScriptedEngineProcess
from tests.integration.api.conftest import Program, _make

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.django_db(transaction=True, databases=["default", "keys"]),
]

EXAMPLES = 12


class _Server(threading.Thread):
    """uvicorn in a thread: schemathesis calls from this one."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        from chatplatform.asgi import application

        config = uvicorn.Config(
            application,  # type: ignore[arg-type]
            port=0,
            lifespan="on",
            log_level="warning",
            ws="none",
            timeout_graceful_shutdown=2,
        )
        self.server = uvicorn.Server(config)

    def run(self) -> None:
        asyncio.run(self.server.serve())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}"


@pytest.fixture
def server(
    transactional_db: None, scripted_engine: ScriptedEngineProcess, settings: Settings
) -> Iterator[tuple[str, Program]]:
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"api_requests_a_minute": 1_000_000})
    thread = _Server()
    thread.start()
    while not thread.server.started:
        assert thread.is_alive(), "the server did not start"
    yield thread.url, _make()
    thread.server.should_exit = True
    thread.join(timeout=30)


def test_no_route_breaks_and_none_answers_what_it_does_not_describe(server: tuple[str, Program]) -> None:
    url, owner = server
    schema = schemathesis.openapi.from_dict(description())
    schema.config.update(base_url=url)
    told: list[str] = []
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) > 50
    for operation in operations:

        @hypothesis.given(case=operation.as_strategy())
        @hypothesis.settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        def one(case: schemathesis.Case) -> None:
            response = case.call(headers={**owner.headers, "Idempotency-Key": str(uuid4())}, timeout=20)
            told.append(f"{case.method} {case.path} {response.status_code}")
            case.validate_response(
                response,
                checks=[
                    not_a_server_error,
                    status_code_conformance,
                    content_type_conformance,
                    response_schema_conformance,
                ],
            )

        one()
    assert len(told) > 300
