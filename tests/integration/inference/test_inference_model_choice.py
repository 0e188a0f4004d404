"""Which model answers: the environment's word, the console's, the defaults; fetching, reading and deleting files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from chatplatform.audit.models import AuditEvent
from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict, InvalidInput, NotFound
from chatplatform.environment.variables import Environment
from chatplatform.inference.model_files import catalogue, model_choice, model_services, model_store
from chatplatform.inference.model_files.catalogue import CatalogueModel
from chatplatform.inference.model_files.fit import MachineFacts, better_model, machine_facts
from chatplatform.jobs.heartbeat import Heartbeat
from chatplatform.jobs.queries import newest_by_key
from chatplatform.jobs.runner import Runner

pytestmark = pytest.mark.django_db(databases=["default", "keys"])
WHO = Actor.system("test")
SMALL, BIG = "smollm2-135m", "qwen2.5-coder-1.5b"


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.ENVIRONMENT = Environment(models_dir=tmp_path)
    return tmp_path


@pytest.fixture
def tiny(folder: Path, monkeypatch: pytest.MonkeyPatch) -> CatalogueModel:
    """A catalogue with a model of a few bytes, which is here and was read."""
    content = b"a model of a few bytes"
    model = CatalogueModel.model_validate(
        {
            "id": "tiny",
            "kind": "chat",
            "title": "Tiny",
            "publisher": "P",
            "licence": "MIT",
            "page": "https://example.org",
            "languages": ["en"],
            "memory_bytes": 1,
            "context_tokens": 1,
            "file": [
                {
                    "name": "tiny.gguf",
                    "size": len(content),
                    "sha256": hashlib.sha256(content).hexdigest(),
                }
            ],
        }
    )
    known = (*catalogue.catalogue(), model)
    monkeypatch.setattr(catalogue, "catalogue", lambda: known)
    (folder / "tiny").mkdir()
    (folder / "tiny" / "tiny.gguf").write_bytes(content)
    return model


def codes() -> list[str]:
    return list(AuditEvent.objects.order_by("id").values_list("code", flat=True))


def run_newest(kind: str, model_id: str) -> Any:
    Runner(Heartbeat(lambda: None)).run(newest_by_key(kind)[model_id].id)
    return newest_by_key(kind)[model_id]


def test_without_a_word_the_defaults_answer(folder: Path) -> None:
    chosen = model_choice.chosen_models()
    assert (chosen["chat"].reference, chosen["chat"].source) == (BIG, "default")
    assert model_choice.engine_wishes() == ([BIG, "qwen2.5-coder-0.5b"], "qwen2.5-coder-0.5b")


def test_a_choice_is_kept_told_and_on_record(tiny: CatalogueModel) -> None:
    assert model_store.presence("tiny") == "unread"
    assert model_store.model_path("tiny") is not None
    assert model_store.presence("tiny") == "here"
    model_choice.choose("chat", "tiny", actor=WHO)
    assert model_choice.chosen_models()["chat"] == model_choice.Chosen("tiny", "console")
    assert model_choice.engine_wishes()[0][:2] == ["tiny", BIG]
    assert codes()[-1] == "inference.model.chosen"
    model_choice.choose("quick", "tiny", actor=WHO)
    assert model_choice.engine_wishes()[1] == "tiny"


def test_the_environment_has_the_last_word(tiny: CatalogueModel, settings: Any, folder: Path) -> None:
    model_store.model_path("tiny")
    model_choice.choose("chat", "tiny", actor=WHO)
    settings.ENVIRONMENT = Environment(models_dir=folder, chat_model="/srv/own.gguf")
    assert model_choice.chosen_models()["chat"] == model_choice.Chosen("/srv/own.gguf", "environment")
    with pytest.raises(Conflict) as caught:
        model_choice.choose("chat", "tiny", actor=WHO)
    assert caught.value.code == "model_set_by_environment"


def test_what_cannot_answer_is_not_chosen(tiny: CatalogueModel, settings: Any, folder: Path) -> None:
    with pytest.raises(NotFound):
        model_choice.choose("chat", "gpt-9", actor=WHO)
    with pytest.raises(InvalidInput):
        model_choice.choose("chat", "multilingual-e5-small", actor=WHO)
    with pytest.raises(Conflict, match="model_not_here"):
        model_choice.choose("chat", "qwen2.5-14b-instruct", actor=WHO)
    settings.ENVIRONMENT = Environment(models_dir=folder, llm_url="https://llm.example/v1")
    with pytest.raises(Conflict, match="model_engine_elsewhere"):
        model_choice.choose("chat", "tiny", actor=WHO)
    assert codes() == []


def test_a_fetch_wants_the_licence_accepted_and_runs_as_a_job(tiny: CatalogueModel) -> None:
    for licence in ("", "Apache-2.0"):
        with pytest.raises(InvalidInput):
            model_services.pull("tiny", accepted_licence=licence, actor=WHO)
    job_id = model_services.pull("tiny", accepted_licence="MIT", actor=WHO)
    assert model_services.pull("tiny", accepted_licence="MIT", actor=WHO) == job_id, "one fetch is enough"
    with pytest.raises(Conflict, match="model_coming"):
        model_services.remove("tiny", actor=WHO)
    assert run_newest(model_services.PULL, "tiny").state == "succeeded"
    assert model_store.presence("tiny") == "here"
    assert {"inference.model.asked_for", "inference.model.fetched"} <= set(codes())
    with pytest.raises(Conflict, match="model_here"):
        model_services.pull("tiny", accepted_licence="MIT", actor=WHO)


def test_a_fetch_can_be_called_off(tiny: CatalogueModel) -> None:
    with pytest.raises(Conflict):
        model_services.cancel_pull("tiny", actor=WHO)
    model_services.pull("tiny", accepted_licence="MIT", actor=WHO)
    model_services.cancel_pull("tiny", actor=WHO)
    assert newest_by_key(model_services.PULL)["tiny"].state == "cancelled"


def test_reading_a_damaged_file_says_so(tiny: CatalogueModel, folder: Path) -> None:
    model_services.verify("tiny", actor=WHO)
    assert run_newest(model_services.VERIFY, "tiny").state == "succeeded"
    (folder / "tiny" / "tiny.gguf").write_bytes(b"b model of a few bytes")
    model_services.verify("tiny", actor=WHO)
    job = run_newest(model_services.VERIFY, "tiny")
    assert (job.state, job.error_code) == ("dead", "model_damaged")
    assert "Fetch it again" in job.error_message
    assert model_store.presence("tiny") == "unread"
    verified = AuditEvent.objects.filter(code="inference.model.verified").values_list("outcome", flat=True)
    assert sorted(verified) == ["failed", "ok"]


def test_removing_frees_the_disk_unless_the_model_is_used(tiny: CatalogueModel, folder: Path) -> None:
    model_store.model_path("tiny")
    model_choice.choose("quick", "tiny", actor=WHO)
    with pytest.raises(Conflict, match="model_in_use"):
        model_services.remove("tiny", actor=WHO)
    model_choice.ModelChoice.objects.all().delete()
    assert model_services.remove("tiny", actor=WHO) >= tiny.download_bytes
    assert model_store.presence("tiny") == "missing"
    assert not (folder / "tiny").exists()
    assert codes()[-1] == "inference.model.removed"
    with pytest.raises(Conflict):
        model_services.remove(BIG, actor=WHO)


def facts(memory_gb: float) -> MachineFacts:
    return MachineFacts(8, int(memory_gb * 1e9), int(memory_gb * 1e9), "", "")


def suggested(memory_gb: float, writing: float | None, reading: float | None, present: str = BIG) -> str:
    found = better_model(
        catalogue.catalogue(),
        present=catalogue.find(present),
        writing_tokens_s=writing,
        reading_tokens_s=reading,
        facts=facts(memory_gb),
    )
    return found.model.id if found else ""


@pytest.mark.parametrize(
    ("memory_gb", "writing", "reading", "wanted"),
    [
        (64, 25, 73, ""),  # memory enough, but two old cores would read too slowly
        (64, 60, 400, "qwen3-4b-instruct-2507"),
        (64, 200, 3000, "qwen2.5-14b-instruct"),
        (16, 200, 3000, "qwen3-4b-instruct-2507"),
        (4, 200, 3000, ""),
        (64, None, None, ""),
    ],
)
def test_what_is_suggested_fits_memory_and_speed(
    memory_gb: float, writing: float | None, reading: float | None, wanted: str
) -> None:
    assert suggested(memory_gb, writing, reading) == wanted


def test_nothing_is_suggested_beside_the_best() -> None:
    assert suggested(64, 200, 3000, present="qwen2.5-14b-instruct") == ""


def test_the_machine_is_known() -> None:
    here = machine_facts()
    assert here.cores >= 1
    assert 0 < here.available_bytes <= here.memory_bytes
