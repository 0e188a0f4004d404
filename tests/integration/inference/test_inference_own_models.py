"""Models of one's own: added, made anew, measured, tuned, encrypted and deleted from the command line."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from chatplatform.audit.models import AuditEvent
from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict, InvalidInput
from chatplatform.environment.variables import Environment
from chatplatform.health.checks.models import model_files_are_right
from chatplatform.inference.model_files import (
    catalogue,
    model_choice,
    model_services,
    model_store,
    own_models,
    speeds,
    tuning,
)
from chatplatform.inference.model_files.encrypted_model import ModelKeyWrong, is_encrypted, opened
from chatplatform.inference.model_files.own_files import look_into
from tests.integration.inference.own_models import Native, folder, gguf, native
from tests.unit.llamacpp.gguf_builder import STRING, U32, GGUFFile, Key, Tensor, text

__all__ = ["folder", "gguf", "native"]

pytestmark = pytest.mark.django_db(databases=["default", "keys"])
WHO = Actor.system("test")


def models(*words: str) -> str:
    """What `manage.py models …` says."""
    out = io.StringIO()
    call_command("models", *words, stdout=out)
    return out.getvalue()


def codes() -> list[str]:
    return list(AuditEvent.objects.order_by("id").values_list("code", flat=True))


@pytest.fixture
def house(folder: Path, gguf: Path) -> str:
    models("add", str(gguf), "--id", "house", "--languages", "en,zh")
    return "house"


# ------------------------------------------------------------------ adding


def test_a_file_becomes_a_model_that_can_be_chosen(house: str, folder: Path, gguf: Path) -> None:
    model = catalogue.get("house")
    assert (model.title, model.licence, model.languages, model.own) == (
        "House Model 7B",
        "MIT",
        ("en", "zh"),
        True,
    )
    path = folder / "house" / "House_Model.gguf"
    assert model_store.model_path("house") == path
    assert path.stat().st_ino == gguf.stat().st_ino, "linked: it takes no space twice"
    assert model.files[0].sha256 == hashlib.sha256(gguf.read_bytes()).hexdigest()
    assert model_store.presence("house") == "here"
    assert "right" in models("verify", "house")
    assert codes() == ["inference.model.added"]
    models("choose", "house")
    assert model_choice.engine_wishes()[0][0] == "house"
    with pytest.raises(CommandError, match="models choose ANOTHER --role chat"):
        models("remove", "house")
    model_choice.ModelChoice.objects.all().delete()
    models("remove", "house")
    assert catalogue.find("house") is None
    assert gguf.exists()
    assert not path.exists()


def test_a_copy_when_asked_for_and_across_file_systems(
    folder: Path, gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models("add", str(gguf), "--id", "copied", "--copy")

    def no_link(source: object, target: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("os.link", no_link)
    models("add", str(gguf), "--id", "other")
    for model_id in ("copied", "other"):
        path = model_store.model_path(model_id)
        assert path is not None
        assert path.stat().st_ino != gguf.stat().st_ino
        assert path.read_bytes() == gguf.read_bytes()


def encoder() -> GGUFFile:
    file = GGUFFile()
    file.change("general.architecture", STRING, text("bert"))
    names = ("block_count", "context_length", "embedding_length")
    file.keys += [Key(f"bert.{name}", U32, (128).to_bytes(4, "little")) for name in names]
    return file


def part() -> GGUFFile:
    file = GGUFFile()
    file.change("split.count", U32, (3).to_bytes(4, "little"))
    return file


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"#!/bin/sh\n", "not a GGUF file"),
        (b"", "truncated"),
        (GGUFFile().packed()[:-40], "truncated"),
        (GGUFFile(version=9).packed(), "version 9"),
        (GGUFFile(tensors=[Tensor(shape=(1 << 62, 4))]).packed(), "not possible"),
        (encoder().packed(), "makes embeddings"),
        (part().packed(), "several parts"),
    ],
)
def test_junk_is_refused_and_leaves_nothing(folder: Path, tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "junk.gguf"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=words):
        models("add", str(path), "--licence", "MIT")
    assert own_models.own_models() == ()
    assert not (folder / "junk").exists()
    assert codes() == []


def test_what_is_no_file_is_refused(folder: Path, tmp_path: Path) -> None:
    for path in (tmp_path / "none.gguf", tmp_path):
        with pytest.raises(InvalidInput, match="own_file_missing"):
            look_into(path)


def test_a_licence_has_to_be_named(folder: Path, tmp_path: Path) -> None:
    path = GGUFFile().write(tmp_path / "plain.gguf")
    with pytest.raises(CommandError, match="--licence"):
        models("add", str(path))
    models("add", str(path), "--licence", "LicenseRef-own", "--name", "Mine")
    assert catalogue.get("plain").licence == "LicenseRef-own"


def test_a_name_that_is_taken_is_refused(house: str, gguf: Path) -> None:
    for taken in ("house", "smollm2-135m"):
        with pytest.raises(CommandError, match="Choose another name"):
            models("add", str(gguf), "--id", taken)


def test_what_a_killed_process_left_is_no_obstacle(folder: Path, gguf: Path) -> None:
    (folder / "house").mkdir(parents=True)
    (folder / "house" / gguf.name).write_bytes(b"half of")
    models("add", str(gguf), "--id", "house")
    assert model_store.presence("house") == "here"
    (folder / "by-hand").mkdir()
    (folder / "by-hand" / "other.gguf").write_bytes(b"somebody's")
    with pytest.raises(CommandError, match="Choose another name"):
        models("add", str(gguf), "--id", "by-hand")


def test_a_file_that_changed_is_no_longer_the_model(house: str, gguf: Path) -> None:
    with gguf.open("r+b") as file:  # the same file by another name
        file.seek(-1, 2)
        file.write(b"X")
    assert model_store.model_path("house") is None
    with pytest.raises(CommandError, match="not right"):
        models("verify", "house")


def test_an_entry_that_cannot_be_read_harms_nobody(house: str, folder: Path) -> None:
    (folder / ".own" / "broken.json").write_text("{")
    other = json.loads((folder / ".own" / "house.json").read_text())
    (folder / ".own" / "escape.json").write_text(json.dumps({**other, "id": "../x"}))
    (folder / ".own" / "smollm2-135m.json").write_text(json.dumps({**other, "id": "smollm2-135m"}))
    assert [model.id for model in catalogue.catalogue() if model.own] == ["house"]
    assert catalogue.get("smollm2-135m").publisher == "HuggingFaceTB"


# ------------------------------------------------------------------ the list, and forecasts


def test_the_list_says_everything(house: str, native: Native) -> None:
    native.speeds["House"] = (500.0, 50.0)
    models("bench", "house")
    row = next(row for row in json.loads(models("list", "--json")) if row["id"] == "house")
    assert row["licence"] == "MIT"
    assert row["languages"] == ["en", "zh"]
    assert (row["reading_tokens_s"], row["writing_tokens_s"]) == (500, 50)
    assert row["measured_on"]
    assert row["disk_bytes"] >= row["download_bytes"] > 0
    assert row["presence"] == "here"
    big = next(row for row in json.loads(models("list", "--json")) if row["id"] == "qwen2.5-14b-instruct")
    assert big["measured_on"] == ""
    assert big["writing_tokens_s"] is not None
    assert big["writing_tokens_s"] < 50, "reckoned from the bytes"
    table = models("list")
    for words in ("house", "MIT", "own", "en, zh", "licence", "memory", "qwen2.5-coder-1.5b", "chat"):
        assert words in table


def test_a_forecast_before_anything_is_fetched(house: str, native: Native, gguf: Path) -> None:
    native.speeds["House"] = (700.0, 70.0)
    said = models("fit", "qwen2.5-7b-instruct", str(gguf))
    assert native.ran == ["measure_speed"], "one short probe, of what is here"
    assert "qwen2.5-7b-instruct: needs 5.9 GB of memory with 8,192 tokens of context" in said
    assert "reckoned from the size of one that was measured" in said
    assert "House_Model".lower() in said
    models("fit", "qwen2.5-7b-instruct")
    assert native.ran == ["measure_speed"]
    with pytest.raises(CommandError, match="neither a model of the catalogue nor a file"):
        models("fit", "gpt-9")


def test_speeds_of_another_machine_do_not_count(
    house: str, native: Native, monkeypatch: pytest.MonkeyPatch
) -> None:
    models("bench", "house")
    sha256 = catalogue.get("house").files[0].sha256
    assert speeds.measured(sha256) is not None
    monkeypatch.setattr(speeds, "machine_name", lambda: "another")
    assert speeds.measured(sha256) is None
    assert speeds.expected(sha256, 1000) is None


# ------------------------------------------------------------------ the licence


@pytest.fixture
def asking(folder: Path, gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model of the catalogue whose licence somebody has to accept, and a fetch that brings it at once."""
    content = gguf.read_bytes()
    file = {"name": "a.gguf", "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    model = catalogue.CatalogueModel.model_validate(
        {
            "id": "asking",
            "kind": "chat",
            "title": "Asking",
            "publisher": "Them",
            "licence": "Their-Own-1.0",
            "page": "https://example.org",
            "languages": ["en"],
            "memory_bytes": 1,
            "context_tokens": 128,
            "file": [{**file, "hub": "https://huggingface.co/a.gguf"}],
        }
    )
    monkeypatch.setattr(catalogue, "catalogue", lambda: (model,))

    def fetch(fetch: Any) -> None:
        (folder / "asking").mkdir(parents=True, exist_ok=True)
        (folder / "asking" / "a.gguf").write_bytes(content)

    monkeypatch.setattr("chatplatform.inference.model_files.model_fetch.Fetch.run", fetch)


def test_a_licence_is_accepted_once_and_on_record(asking: None) -> None:
    with pytest.raises(CommandError, match="models pull asking --accept-licence"):
        models("pull", "asking")
    with pytest.raises(CommandError, match="has to be accepted"):
        models("pull", "asking", "--json-progress")
    assert model_store.presence("asking") == "missing"
    assert "Their-Own-1.0" in models("pull", "asking", "--accept-licence")
    assert codes() == ["inference.model.asked_for"]
    model_services.remove("asking", actor=WHO)
    models("pull", "asking")
    assert model_store.presence("asking") == "here"
    assert codes() == ["inference.model.asked_for", "inference.model.removed"]


def test_on_a_terminal_the_licence_is_asked_for(asking: None, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["n", "y"])
    monkeypatch.setattr("sys.stdin", type("Terminal", (), {"isatty": lambda self: True})())
    monkeypatch.setattr("builtins.input", lambda question: next(answers))
    with pytest.raises(CommandError):
        models("pull", "asking")
    models("pull", "asking")
    assert model_store.presence("asking") == "here"


def test_the_platforms_own_supply_asks_nobody() -> None:
    asks = {model.id for model in catalogue.catalogue() if model.wants_licence_accepted}
    assert asks == {"qwen3-4b-instruct-2507", "qwen2.5-7b-instruct", "qwen2.5-14b-instruct"}


# ------------------------------------------------------------------ other weights


def test_requantising_makes_a_model_beside_the_other(house: str, native: Native, folder: Path) -> None:
    models("quantize", "house", "--to", "Q8_0")
    made = catalogue.get("house-q8_0")
    assert (made.made_from, made.licence, made.title) == ("house", "MIT", "House Model 7B (Q8_0)")
    assert model_store.presence("house-q8_0") == "here"
    assert not list((folder / ".downloads").iterdir())
    assert codes()[-1] == "inference.model.quantised"
    with pytest.raises(CommandError, match="Choose another name"):
        models("quantize", "house", "--to", "Q8_0")
    with pytest.raises(CommandError, match="Q4_K_M"):
        models("quantize", "house", "--to", "Q99")
    with pytest.raises(CommandError, match="embeddings"):
        models("quantize", "multilingual-e5-small", "--to", "Q8_0")


def test_no_room_is_said_before_anything_is_written(
    house: str, native: Native, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 9, 1))
    with pytest.raises(CommandError, match="Make room first"):
        models("quantize", "house", "--to", "Q8_0")
    assert native.ran == []


def test_tuning_keeps_the_fastest_and_only_that(house: str, native: Native, folder: Path) -> None:
    native.speeds = {"q4_0": (900.0, 20.0), "q8_0": (400.0, 12.0)}
    said = models("tune", "house", "--no-questions")
    assert [model.id for model in own_models.own_models()] == ["house", "house-q4_0"]
    assert not (folder / "house-q8_0").exists()
    for words in ("reads/s", "house-q8_0", "house-q4_0 is kept"):
        assert words in said
    with pytest.raises(CommandError, match="here already"):
        models("tune", "house", "--no-questions")


def test_tuning_keeps_nothing_that_is_hardly_faster(house: str, native: Native, folder: Path) -> None:
    native.speeds = {"q4_0": (101.0, 10.1), "q8_0": (50.0, 5.0)}
    assert "nothing was kept" in models("tune", "house", "--no-questions")
    assert [model.id for model in own_models.own_models()] == ["house"]
    assert sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) == ["house"]


def test_tuning_that_fails_leaves_nothing(house: str, native: Native, folder: Path) -> None:
    def stop(fraction: float, what: str) -> None:
        if what == "measure":
            raise Conflict("stopped", "stopped")

    with pytest.raises(Conflict):
        tuning.tune("house", tuning.KINDS, stop)
    assert sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) == ["house"]


# ------------------------------------------------------------------ encryption


def test_an_encrypted_model_is_here_and_opens_in_memory(
    house: str, folder: Path, gguf: Path, native: Native
) -> None:
    content = gguf.read_bytes()
    assert "another name" in models("encrypt", "house")
    path = model_store.model_path("house")
    assert path is not None
    assert is_encrypted(path)
    assert not (folder / "house" / "House_Model.gguf").exists()
    with opened(path) as plain:
        assert plain.read_bytes() == content
        assert str(plain).startswith("/proc/self/fd/")
    assert model_store.presence("house") == "here"
    assert "right" in models("verify", "house")
    models("bench", "house")
    for act in ("encrypt", "quantize"):
        with pytest.raises(CommandError, match="encrypted"):
            models(act, "house", *(["--to", "Q8_0"] if act == "quantize" else []))
    models("decrypt", "house")
    assert (folder / "house" / "House_Model.gguf").read_bytes() == content
    assert codes() == ["inference.model.added", "inference.model.encrypted", "inference.model.decrypted"]
    with pytest.raises(CommandError, match="not encrypted"):
        models("decrypt", "house")


def test_a_damaged_or_foreign_encrypted_model_is_named(house: str, settings: Any, folder: Path) -> None:
    models("encrypt", "house")
    path = model_store.model_path("house")
    assert path is not None
    right = settings.MASTER_KEY
    settings.MASTER_KEY = base64.b64encode(bytes(32)).decode()
    with pytest.raises(ModelKeyWrong), opened(path):
        pass
    with pytest.raises(CommandError, match="another master key"):
        models("verify", "house")
    model_choice.ModelChoice.objects.create(role="chat", model_id="house")
    finding = model_files_are_right()
    assert "another master key" in str(finding.cure)
    settings.MASTER_KEY = right
    path.write_bytes(path.read_bytes()[:-1])
    assert model_store.presence("house") == "unread"
    assert model_store.model_path("house") == path, "so that the engine finds it and says what is wrong"
    with pytest.raises(CommandError):
        models("verify", "house")


def test_only_models_of_one_file_are_encrypted(folder: Path, settings: Any) -> None:
    settings.ENVIRONMENT = Environment(models_dir=folder)
    with pytest.raises(CommandError, match="which are one file"):
        models("encrypt", "multilingual-e5-small")


# ------------------------------------------------------------------ for real


@pytest.mark.model
@pytest.mark.slow
def test_a_real_model_is_requantised(settings: Any, tmp_path: Path) -> None:
    source = model_store.model_path("smollm2-135m")
    if source is None:
        pytest.skip("needs a model: manage.py models pull smollm2-135m")
    settings.ENVIRONMENT = Environment(models_dir=tmp_path)
    (tmp_path / "smollm2-135m").mkdir()
    (tmp_path / "smollm2-135m" / source.name).symlink_to(source)
    models("quantize", "smollm2-135m", "--to", "Q4_0")
    path = model_store.model_path("smollm2-135m-q4_0")
    assert path is not None
    kinds = {look_into(path).weights, look_into(source).weights}
    assert len(kinds) == 1, "as many weights as before"
    assert path.stat().st_size < source.stat().st_size
