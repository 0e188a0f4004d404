"""status.json: replaced whole, and by nobody's failure the end of the supervision."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

from chatplatform.supervisor.status import (
    ModelStatus,
    Phase,
    ProcessStatus,
    Status,
    StatusWriter,
    StepStatus,
    write_status,
)


def status(detail: str = "") -> Status:
    return Status(
        phase=Phase.INSTALLING,
        steps=(StepStatus("llm", "Build", "running", 0.5, detail, ""),),
        processes=(ProcessStatus("web", 7, "ready", 0, ""),),
        model=ModelStatus(None, "chosen"),
    )


def test_the_file_has_the_agreed_shape(tmp_path: Path) -> None:
    write_status(tmp_path / "status.json", status("12 of 40"))
    found = json.loads((tmp_path / "status.json").read_text())
    assert found.pop("updated_at")
    assert found == {
        "phase": "installing",
        "steps": [
            {
                "id": "llm",
                "title": "Build",
                "state": "running",
                "fraction": 0.5,
                "detail": "12 of 40",
                "cure": "",
            }
        ],
        "processes": [{"name": "web", "pid": 7, "state": "ready", "restarts": 0, "last_error": ""}],
        "model": {"serving": None, "preferred": "chosen"},
    }


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    write_status(path, status())
    stop = threading.Event()
    broken: list[str] = []

    def read() -> None:
        while not stop.is_set():
            text = path.read_text()
            try:
                json.loads(text)
            except ValueError:
                broken.append(text)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(300):
        write_status(path, status("x" * (number % 7) * 1000))
    stop.set()
    reader.join()
    assert broken == []
    assert [file.name for file in tmp_path.iterdir()] == ["status.json"]


async def test_changes_are_gathered(tmp_path: Path) -> None:
    asked = 0

    def current() -> Status:
        nonlocal asked
        asked += 1
        return status()

    writer = StatusWriter(tmp_path / "status.json", current)
    running = asyncio.create_task(writer.run())
    for _ in range(100):
        writer.changed()
        await asyncio.sleep(0.001)
    running.cancel()
    assert 1 <= asked <= 2


async def test_a_folder_that_vanished_is_survived(tmp_path: Path) -> None:
    StatusWriter(tmp_path / "gone" / "status.json", status).write()
    assert not (tmp_path / "gone").exists()
