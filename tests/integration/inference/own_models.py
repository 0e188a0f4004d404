"""A folder of models for tests, a small right GGUF file, and native processes that only pretend."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from chatplatform.environment.variables import Environment
from chatplatform.inference.model_files import benchmarking, native_process, quantizing
from tests.unit.llamacpp.gguf_builder import STRING, GGUFFile, text


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    path = tmp_path / "models"
    settings.ENVIRONMENT = Environment(models_dir=path)
    return path


@pytest.fixture
def gguf(tmp_path: Path) -> Path:
    """A person's own file: a header in order, a name and a licence."""
    file = GGUFFile()
    file.change("general.name", STRING, text("House Model 7B"))
    file.change("general.license", STRING, text("MIT"))
    return file.write(tmp_path / "House_Model.gguf")


class Native:
    """Stands for llama.cpp's processes: copies instead of quantising, and measures what it was told."""

    def __init__(self) -> None:
        self.speeds: dict[str, tuple[float, float]] = {}
        self.ran: list[str] = []

    def __call__(
        self,
        module: str,
        arguments: Sequence[str],
        *,
        on_line: Callable[[dict[str, Any]], None],
        on_tick: Callable[[], None] = lambda: None,
        pass_fds: Sequence[int] = (),
        environment: dict[str, str] | None = None,
    ) -> None:
        self.ran.append(module.rpartition(".")[2])
        if module == quantizing.MODULE:
            source, target, kind, _threads = arguments
            shutil.copy(source, target)
            with Path(target).open("ab") as out:
                out.write(bytes(int(kind)))  # so that hashes differ
            on_line({"fraction": 1.0})
        else:
            assert module == benchmarking.MODULE
            _threads, rounds, *files = arguments
            for number in range(int(rounds)):
                for place, file in enumerate(files):
                    reading, writing = next(
                        (found for part, found in self.speeds.items() if part in file), (100.0, 10.0)
                    )
                    speeds = {
                        "reading_tokens_s": reading - number,
                        "writing_tokens_s": writing - number / 100,
                    }
                    on_line({"file": place, **speeds})
        on_tick()


@pytest.fixture
def native(monkeypatch: pytest.MonkeyPatch) -> Native:
    stand_in = Native()
    monkeypatch.setattr(native_process, "run_native", stand_in)
    return stand_in
