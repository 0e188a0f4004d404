"""What is set up and run on this machine, by the settings."""

from __future__ import annotations

from typing import Any

import pytest

from chatplatform.inference.models import ModelChoice
from chatplatform.supervisor.plan import plan
from chatplatform.supervisor.roster import loopback_of, roster

pytestmark = pytest.mark.django_db


@pytest.fixture
def set_environment(settings: Any) -> Any:
    def change(**values: Any) -> None:
        settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update=values)

    return change


def step_ids() -> list[str]:
    return [step.id for step in plan()]


def names() -> list[str]:
    return [spec.name for spec in roster()]


def test_one_machine_runs_everything() -> None:
    assert step_ids() == [
        "database",
        "llm",
        "quick_model",
        "chat_model",
        "torch",
        "encoder",
        "embedding_model",
        "chroma",
    ]
    assert sorted(names()) == ["chroma", "encoder", "llm", "web", "worker"]


def test_the_model_that_was_chosen_in_the_console_is_fetched() -> None:
    ModelChoice.objects.create(role="chat", model_id="smollm2-135m")
    step = next(step for step in plan() if step.id == "chat_model")
    assert "smollm2-135m" in step.commands[0]


def test_what_runs_elsewhere_is_neither_set_up_nor_run(set_environment: Any) -> None:
    set_environment(
        llm_url="https://llm.example/v1", encoder_url="https://e.example/v1", chroma_url="http://c"
    )
    assert step_ids() == ["database"]
    assert names() == ["web", "worker"]


def test_every_need_is_a_step_that_there_is() -> None:
    steps = set(step_ids())
    for spec in roster():
        assert all(name in steps for group in spec.needs for name in group), spec.name
    for step in plan():
        assert set(step.needs) <= steps, step.id


def test_chat_needs_neither_encoder_nor_vectors() -> None:
    required = {spec.name for spec in roster() if spec.required}
    assert required == {"web", "worker", "llm"}
    assert {step.id for step in plan() if step.required} == {"database", "llm", "quick_model", "chat_model"}


def test_web_and_the_chat_engine_are_not_nice_and_the_others_are() -> None:
    niceness = {spec.name: spec.niceness for spec in roster()}
    assert niceness["web"] == niceness["llm"] == 0
    assert all(niceness[name] > 0 for name in ("worker", "encoder", "chroma"))


def test_engines_ask_no_hub_and_only_the_chat_engine_chooses_how_to_wait() -> None:
    environments = {spec.name: spec.environment for spec in roster()}
    assert environments["encoder"]["OMP_WAIT_POLICY"] == "passive"
    assert "OMP_WAIT_POLICY" not in environments["llm"]
    assert all(environments[name]["HF_HUB_OFFLINE"] == "1" for name in ("llm", "encoder"))


@pytest.mark.parametrize(
    ("host", "reached"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("192.0.2.7", "192.0.2.7")],
)
def test_the_supervisor_finds_the_web_process_wherever_it_listens(host: str, reached: str) -> None:
    assert loopback_of(host) == reached
