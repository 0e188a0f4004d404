"""The copy of the vectors is whole while their server writes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from chatplatform.backup import vectors
from chatplatform.backup.errors import BackupFailed
from chatplatform.backup.vectors import DATABASE, copy_vectors


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "chroma"
    (made / "segment").mkdir(parents=True)
    (made / "segment" / "data.bin").write_bytes(b"index" * 100)
    with closing(sqlite3.connect(made / DATABASE)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE queue (id INTEGER)")
        database.commit()
    return made


def _rows(folder: Path) -> int:
    with closing(sqlite3.connect(folder / DATABASE)) as database:
        found: int = database.execute("SELECT count(*) FROM queue").fetchone()[0]
        return found


def test_without_vectors_there_is_nothing_to_copy(tmp_path: Path) -> None:
    assert copy_vectors(tmp_path / "none", tmp_path / "copy") is False
    assert not (tmp_path / "copy").exists()


def test_what_only_the_log_of_an_open_database_holds_is_copied(folder: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(folder / DATABASE)) as database:
        database.execute("INSERT INTO queue VALUES (1)")
        database.commit()
        assert (folder / f"{DATABASE}-wal").stat().st_size > 0
        assert copy_vectors(folder, tmp_path / "copy")
    assert _rows(tmp_path / "copy") == 1
    assert (tmp_path / "copy" / "segment" / "data.bin").read_bytes() == b"index" * 100


def test_an_index_that_changes_meanwhile_is_copied_anew(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = iter([b"second", b"third!"])
    original = vectors._copy_database

    def disturbed(source: Path, target: Path) -> None:
        original(source, target)
        if (change := next(changes, None)) is not None:
            (folder / "segment" / "data.bin").write_bytes(change)

    monkeypatch.setattr(vectors, "_copy_database", disturbed)
    assert copy_vectors(folder, tmp_path / "copy")
    assert (tmp_path / "copy" / "segment" / "data.bin").read_bytes() == b"third!"


def test_an_index_that_never_keeps_still_is_said(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = vectors._copy_database
    sizes = iter(range(1, 100))

    def disturbed(source: Path, target: Path) -> None:
        original(source, target)
        (folder / "segment" / "data.bin").write_bytes(b"x" * next(sizes))

    monkeypatch.setattr(vectors, "_copy_database", disturbed)
    with pytest.raises(BackupFailed) as caught:
        copy_vectors(folder, tmp_path / "copy")
    assert caught.value.code == "backup_vectors_busy"
