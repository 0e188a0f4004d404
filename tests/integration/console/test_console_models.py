"""The page of models: what there is, what it may do, and every act on record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chatplatform.accounts.models import Role
from chatplatform.audit.models import AuditEvent
from chatplatform.console import model_cards
from chatplatform.environment.variables import Environment
from chatplatform.inference.events import EngineModel, EngineStatus
from chatplatform.inference.model_files import (
    catalogue,
    model_choice,
    model_services,
    model_store,
    model_work,
)
from chatplatform.inference.model_files.catalogue import CatalogueModel
from chatplatform.inference.model_files.fit import MachineFacts
from chatplatform.jobs.queries import newest_by_key
from tests.integration.inference.own_models import Native, gguf, native
from tests.integration.inference.test_inference_model_choice import folder, run_newest, tiny
from tests.integration.web.conftest import MakePerson, Someone
from tests.unit.llamacpp.gguf_builder import GGUFFile

__all__ = ["folder", "gguf", "native", "tiny"]

pytestmark = pytest.mark.django_db(databases=["default", "keys"])
BIG = "qwen2.5-coder-1.5b"


def card_of(someone: Someone, model_id: str) -> Any:
    cards = someone.browser.get("/console/models/").context["cards"]
    return next(card for card in cards if card.model.id == model_id)


def test_what_is_shown(owner: Someone, tiny: CatalogueModel) -> None:
    answer = owner.browser.get("/console/models/")
    assert answer.status_code == 200
    for words in ("Qwen2.5-Coder 1.5B", "Apache-2.0", "Cores", "Tiny"):
        assert words in answer.text
    assert card_of(owner, "tiny").presence == "unread"
    assert not card_of(owner, BIG).can_be_removed
    part = owner.browser.get("/console/models/", {"part": "models"}).text
    assert "<html" not in part
    assert "Tiny" in part


def test_a_licence_is_accepted_before_anything_is_fetched(owner: Someone, tiny: CatalogueModel) -> None:
    address = "/console/models/tiny/pull/"
    assert owner.browser.post(address).status_code == 400
    assert owner.browser.post(address, {"licence": "Apache-2.0"}).status_code == 400
    assert owner.browser.post(address, {"licence": "MIT"}).status_code == 302
    assert card_of(owner, "tiny").is_coming
    asked = AuditEvent.objects.get(code="inference.model.asked_for")
    assert asked.actor_id == str(owner.user.id)
    assert '"licence":"MIT"' in asked.details
    assert owner.browser.post("/console/models/tiny/cancel/").status_code == 302
    assert newest_by_key(model_services.PULL)["tiny"].state == "cancelled"


def test_choosing_takes_effect_and_is_told(owner: Someone, tiny: CatalogueModel) -> None:
    model_store.model_path("tiny")
    assert card_of(owner, "tiny").can_chat
    answer = owner.browser.post(
        "/console/models/tiny/choose/", {"role": "chat"}, headers={"HX-Request": "true"}
    )
    assert answer.status_code == 204
    assert "Tiny" in answer.headers["HX-Trigger"]
    assert model_choice.engine_wishes()[0][0] == "tiny"
    assert [str(role) for role in card_of(owner, "tiny").roles] == ["Chat"]
    assert owner.browser.post("/console/models/tiny/choose/", {"role": "king"}).status_code == 400
    assert owner.browser.post("/console/models/tiny/remove/").status_code == 409


def test_checking_and_removing(owner: Someone, tiny: CatalogueModel) -> None:
    assert owner.browser.post("/console/models/tiny/verify/").status_code == 302
    assert card_of(owner, "tiny").is_busy
    assert owner.browser.post("/console/models/tiny/remove/").status_code == 302
    assert card_of(owner, "tiny").presence == "missing"
    assert owner.browser.post("/console/models/nobody/verify/").status_code == 404


def test_the_environment_decides_and_is_named(
    owner: Someone, settings: Any, tiny: CatalogueModel, folder: Path
) -> None:
    model_store.model_path("tiny")
    settings.ENVIRONMENT = Environment(models_dir=folder, chat_model=BIG)
    assert not card_of(owner, "tiny").can_chat
    assert "set by CHATPLATFORM_CHAT_MODEL" in owner.browser.get("/console/models/").text
    assert owner.browser.post("/console/models/tiny/choose/", {"role": "chat"}).status_code == 409


@pytest.mark.parametrize("act", ["pull", "cancel", "verify", "choose", "remove"])
def test_only_who_runs_the_machine_changes_anything(
    make_person: MakePerson, tiny: CatalogueModel, act: str
) -> None:
    administrator = make_person(Role.ADMINISTRATOR).browser
    assert administrator.post(f"/console/models/tiny/{act}/", {"licence": "MIT"}).status_code == 403
    page = administrator.get("/console/models/")
    assert page.status_code == 200
    assert f"/{act}/" not in page.text
    assert make_person(Role.PROMPT_EDITOR).browser.get("/console/models/").status_code == 200
    assert make_person(Role.SUPPORT_AGENT).browser.get("/console/models/").status_code == 403


def engine(writing: float, reading: float) -> EngineStatus:
    serving = EngineModel(BIG, ("chat",), "", 8192, reading, writing)
    return EngineStatus("ready", (serving,))


def test_a_better_model_is_offered_when_the_machine_carries_it(db: None) -> None:
    strong = MachineFacts(16, 64_000_000_000, 60_000_000_000, "NVIDIA", "CUDA")
    offered = model_cards.suggestion(engine(60, 400), strong)
    assert offered is not None
    assert offered.model.id == "qwen3-4b-instruct-2507"
    assert model_cards.suggestion(engine(25, 73), strong) is None
    assert model_cards.suggestion(EngineStatus("down"), strong) is None


def test_no_offer_is_made_where_none_can_be_taken(settings: Any, db: None) -> None:
    strong = MachineFacts(16, 64_000_000_000, 60_000_000_000, "NVIDIA", "CUDA")
    settings.ENVIRONMENT = Environment(chat_model=BIG)
    assert model_cards.suggestion(engine(60, 400), strong) is None
    settings.ENVIRONMENT = Environment(llm_url="https://llm.example/v1")
    assert model_cards.suggestion(engine(60, 400), strong) is None


# ------------------------------------------------------------------ one's own files, and longer work


def test_a_file_of_the_server_becomes_a_model(owner: Someone, folder: Path, gguf: Path) -> None:
    add = {"path": str(gguf), "name": "House Model"}
    answer = owner.browser.post("/console/models/add/", add)
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/console/models/")
    page = owner.browser.get("/console/models/")
    assert [job.can_cancel for job in page.context["additions"]] == [True]
    assert run_newest(model_work.ADD, "house-model").state == "succeeded"
    card = card_of(owner, "house-model")
    assert (card.presence, card.can_chat, card.model.licence) == ("here", True, "MIT")
    assert "your own" in owner.browser.get("/console/models/").text
    added = AuditEvent.objects.get(code="inference.model.added")
    assert added.actor_id == str(owner.user.id)
    assert owner.browser.post("/console/models/add/", add).status_code == 409
    assert owner.browser.post("/console/models/house-model/remove/").status_code == 302
    assert catalogue.find("house-model") is None
    assert gguf.exists()


@pytest.mark.parametrize(
    "path", ["", "relative.gguf", "/none.gguf", "/" + 300 * "x", "/etc/passwd", "/dev/zero"]
)
def test_a_wrong_path_is_refused_at_once(owner: Someone, folder: Path, path: str) -> None:
    answer = owner.browser.post("/console/models/add/", {"path": path, "licence": "MIT"})
    assert answer.status_code == 400
    assert newest_by_key(model_work.ADD) == {}


def test_a_file_without_a_licence_wants_one(owner: Someone, folder: Path, tmp_path: Path) -> None:
    path = GGUFFile().write(tmp_path / "plain.gguf")
    assert owner.browser.post("/console/models/add/", {"path": str(path)}).status_code == 400
    assert (
        owner.browser.post("/console/models/add/", {"path": str(path), "licence": "MIT"}).status_code == 204
    )


@pytest.fixture
def house(owner: Someone, folder: Path, gguf: Path) -> str:
    owner.browser.post("/console/models/add/", {"path": str(gguf)})
    assert run_newest(model_work.ADD, "house_model").state == "succeeded"
    return "house_model"


def work(someone: Someone, model_id: str, **fields: str) -> int:
    return someone.browser.post(f"/console/models/{model_id}/work/", fields).status_code


def test_measuring_gives_speeds_and_forecasts(owner: Someone, house: str, native: Native) -> None:
    assert card_of(owner, BIG).forecast.speed is None
    assert work(owner, house, act="measure") == 302
    assert card_of(owner, house).is_worked_on
    assert work(owner, house, act="tune") == 409
    assert owner.browser.post(f"/console/models/{house}/remove/").status_code == 409
    assert run_newest(model_work.MEASURE, house).state == "succeeded"
    forecast = card_of(owner, house).forecast
    assert (forecast.is_measured, forecast.speed.reading_tokens_s) == (True, 100)
    assert card_of(owner, BIG).forecast.speed is not None
    assert not card_of(owner, BIG).forecast.is_measured
    assert "Measured here: it reads 100 and writes 10" in owner.browser.get("/console/models/").text


def test_other_weights_are_made_by_jobs(owner: Someone, house: str, native: Native) -> None:
    assert work(owner, house, act="quantize", kind="Q99") == 400
    assert work(owner, house, act="quantize", kind="Q8_0") == 302
    assert run_newest(model_work.QUANTIZE, house).state == "succeeded"
    assert card_of(owner, "house_model-q8_0").model.made_from == house
    owner.browser.post("/console/models/house_model-q8_0/remove/")
    native.speeds = {"q4_0": (900.0, 90.0)}
    assert work(owner, house, act="tune") == 302
    assert run_newest(model_work.TUNE, house).state == "succeeded"
    assert card_of(owner, "house_model-q4_0").presence == "here"
    assert card_of(owner, house).note == "A faster one was kept beside it."
    quantised = AuditEvent.objects.filter(code="inference.model.quantised").values_list("actor_id", flat=True)
    assert set(quantised) == {str(owner.user.id)}


def test_what_is_called_off_leaves_nothing(
    owner: Someone, house: str, native: Native, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert work(owner, house, act="stop") == 409
    work(owner, house, act="quantize", kind="Q8_0")
    stand_in = native.__call__

    def stopped_meanwhile(*args: Any, **more: Any) -> None:
        assert work(owner, house, act="stop") == 302
        stand_in(*args, **more)

    monkeypatch.setattr("chatplatform.inference.model_files.native_process.run_native", stopped_meanwhile)
    assert run_newest(model_work.QUANTIZE, house).state == "cancelled"
    assert catalogue.find("house_model-q8_0") is None
    assert not (folder / "house_model-q8_0").exists()


def test_encrypting_and_decrypting(owner: Someone, house: str) -> None:
    assert work(owner, house, act="encrypt") == 302
    assert run_newest(model_work.ENCRYPT, house).state == "succeeded"
    assert card_of(owner, house).is_encrypted
    assert work(owner, house, act="tune") == 409
    assert work(owner, house, act="decrypt") == 302
    assert run_newest(model_work.DECRYPT, house).state == "succeeded"
    assert not card_of(owner, house).is_encrypted
    assert work(owner, house, act="dance") == 400


def test_only_who_runs_the_machine_works_on_models(make_person: MakePerson, house: str) -> None:
    administrator = make_person(Role.ADMINISTRATOR)
    assert work(administrator, house, act="measure") == 403
    assert administrator.browser.post("/console/models/add/", {"path": "/x.gguf"}).status_code == 403
    page = administrator.browser.get("/console/models/").text
    assert "/work/" not in page
    assert "models/add/" not in page
