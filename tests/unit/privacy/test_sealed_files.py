"""Sealed files on a disk that has no room: nothing of them stays, not even an empty file."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chatplatform.privacy.sealed_files import CHUNK_BYTES, SealingWriter, write_sealed


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file may grow beyond so many bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [0, 2, CHUNK_BYTES])
def test_what_does_not_fit_leaves_nothing(tmp_path: Path, size: int) -> None:
    path, opened = tmp_path / "ab" / "file", len(os.listdir("/proc/self/fd"))
    with room_for(size), pytest.raises(OSError, match="File too large"):
        write_sealed(path, [b"x" * CHUNK_BYTES] * 3)
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == []
    assert len(os.listdir("/proc/self/fd")) == opened


def test_a_writer_that_cannot_begin_leaves_no_empty_file(tmp_path: Path) -> None:
    with room_for(0), pytest.raises(OSError, match="File too large"):
        SealingWriter(tmp_path / "file")
    assert list(tmp_path.iterdir()) == []
