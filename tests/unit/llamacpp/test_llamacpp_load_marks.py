"""A file that ends the process is not loaded for ever."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chatplatform.inference.engines.llamacpp.load_marks import FIRST_PAUSE_S, LoadMarks, pause_s
from chatplatform.inference.engines.llamacpp.model import LoadFailed

DIE = """
import os, sys
from pathlib import Path
from chatplatform.inference.engines.llamacpp.load_marks import LoadMarks
with LoadMarks(Path(sys.argv[1])).loading(Path(sys.argv[2])):
    os.abort()
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF")
    return path


def die(folder: Path, model: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", DIE, str(folder), str(model)], capture_output=True)
    assert ended.returncode < 0, ended.stderr


def test_after_the_second_death_it_is_left_alone(tmp_path: Path, model: Path) -> None:
    folder = tmp_path / "marks"
    die(folder, model)
    die(folder, model)
    with pytest.raises(LoadFailed, match="twice"), LoadMarks(folder).loading(model):
        pytest.fail("it was loaded")
    (mark,) = folder.iterdir()
    os.utime(mark, (0, mark.stat().st_mtime - FIRST_PAUSE_S - 1))
    with LoadMarks(folder).loading(model):
        pass
    assert list(folder.iterdir()) == []


def test_it_is_left_alone_longer_each_time(tmp_path: Path, model: Path) -> None:
    folder = tmp_path / "marks"
    for deaths in (2, 3, 4):
        while not (marks := list(folder.glob("*"))) or int(marks[0].read_text()) < deaths:
            if marks:
                os.utime(marks[0], (0, 0))
            die(folder, model)
        os.utime(marks[0], (0, time.time() - pause_s(deaths) + 30))
        with pytest.raises(LoadFailed), LoadMarks(folder).loading(model):
            pytest.fail("it was loaded")
    assert pause_s(2) < pause_s(3) < pause_s(9) == pause_s(99)


def test_another_file_in_its_place_is_tried(tmp_path: Path, model: Path) -> None:
    folder = tmp_path / "marks"
    die(folder, model)
    die(folder, model)
    model.write_bytes(b"GGUF, mended")
    with LoadMarks(folder).loading(model):
        pass


def test_one_death_may_have_had_another_cause(tmp_path: Path, model: Path) -> None:
    folder = tmp_path / "marks"
    die(folder, model)
    with LoadMarks(folder).loading(model):
        pass
    die(folder, model)
    with LoadMarks(folder).loading(model):
        pass


def test_a_load_that_fails_leaves_no_mark(tmp_path: Path, model: Path) -> None:
    folder = tmp_path / "marks"
    with pytest.raises(OSError, match="broken"), LoadMarks(folder).loading(model):
        raise OSError("broken")
    assert list(folder.iterdir()) == []


def test_without_a_folder_nothing_is_noted(model: Path) -> None:
    with LoadMarks(None).loading(model):
        pass
