"""Model files over the API: the same services as the console's page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chatplatform.inference.model_files import catalogue, model_work
from tests.integration.api.conftest import ApiClient, MakeProgram
from tests.integration.inference.own_models import Native, folder, gguf, native
from tests.integration.inference.test_inference_model_choice import run_newest

__all__ = ["folder", "gguf", "native"]

pytestmark = pytest.mark.django_db(databases=["default", "keys"])


@pytest.fixture
def owner(make_program: MakeProgram) -> ApiClient:
    return ApiClient(make_program().secret)


def model(owner: ApiClient, model_id: str) -> Any:
    answer = owner.get("/api/model-files")
    assert answer.status_code == 200, answer.content
    return next(item for item in answer.json()["items"] if item["id"] == model_id)


def test_a_model_from_adding_to_deleting(owner: ApiClient, folder: Path, gguf: Path, native: Native) -> None:
    added = owner.send("post", "/api/model-files", {"path": str(gguf), "name": "House"})
    assert (added.status_code, added.json()) == (202, {"id": "house"})
    assert run_newest(model_work.ADD, "house").state == "succeeded"
    found = model(owner, "house")
    assert (found["presence"], found["licence"], found["own"], found["work"]) == ("here", "MIT", True, None)
    assert owner.send("post", "/api/model-files/house/work", {"act": "measure"}).status_code == 202
    assert model(owner, "house")["work"]["state"] == "waiting"
    assert owner.send("post", "/api/model-files/house/work", {"act": "tune"}).status_code == 409
    assert owner.send("delete", "/api/model-files/house", {}).status_code == 409
    assert (
        owner.send("post", "/api/model-files/house/work", {"act": "stop"}).json()["work"]["state"]
        == "cancelled"
    )
    chosen = owner.send("post", "/api/model-files/house/choose", {"role": "quick"})
    assert chosen.json()["chosen_for"] == ["quick"]
    assert owner.send("post", "/api/model-files/house/choose", {"role": "king"}).status_code == 422
    assert owner.send("delete", "/api/model-files/house", {}).status_code == 409
    owner.send("post", "/api/model-files/house/work", {"act": "quantize", "kind": "Q4_0"})
    assert run_newest(model_work.QUANTIZE, "house").state == "succeeded"
    assert model(owner, "house-q4_0")["made_from"] == "house"
    assert owner.send("delete", "/api/model-files/house-q4_0", {}).status_code == 204
    assert catalogue.find("house-q4_0") is None


def test_a_fetch_wants_the_right_licence(owner: ApiClient, folder: Path) -> None:
    address = "/api/model-files/smollm2-135m/pull"
    assert owner.send("post", address, {"licence": "MIT"}).json()["code"] == "licence_not_accepted"
    fetching = owner.send("post", address, {"licence": "Apache-2.0"})
    assert fetching.status_code == 202
    assert fetching.json()["work"]["kind"] == "inference.pull_model"
    stopped = owner.send("post", "/api/model-files/smollm2-135m/cancel", {})
    assert stopped.json()["work"]["state"] == "cancelled"
    assert owner.send("post", "/api/model-files/nobody/pull", {"licence": "MIT"}).status_code == 404
