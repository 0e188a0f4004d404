"""Native work in a process of its own: its lines arrive, its failures have words, and it can be stopped."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from chatplatform.inference.model_files.native_process import NativeFailed, run_native


@pytest.fixture
def module(tmp_path: Path) -> Any:
    """Make a module of this source; its name, and the environment in which it is found."""

    def write(source: str) -> tuple[str, dict[str, str]]:
        (tmp_path / "stand_in.py").write_text(source)
        return "stand_in", {"PYTHONPATH": str(tmp_path)}

    return write


def test_lines_arrive_as_objects(module: Any) -> None:
    name, environment = module(
        "import json, sys\nfor word in sys.argv[1:]: print(json.dumps({'word': word}))"
    )
    lines: list[dict[str, Any]] = []
    run_native(name, ["a", "b"], on_line=lines.append, environment=environment)
    assert lines == [{"word": "a"}, {"word": "b"}]


def test_last_words_are_told(module: Any) -> None:
    name, environment = module("raise SystemExit('no such tensor')")
    with pytest.raises(NativeFailed) as caught:
        run_native(name, [], on_line=lambda line: None, environment=environment)
    assert "no such tensor" in str(caught.value.message)


def test_a_crash_is_an_error_and_no_crash_of_ours(module: Any) -> None:
    name, environment = module("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(NativeFailed) as caught:
        run_native(name, [], on_line=lambda line: None, environment=environment)
    assert "-11" in str(caught.value.message)


def test_it_ends_when_it_is_called_off(module: Any) -> None:
    name, environment = module(
        "import os, time\nprint('{\"pid\": %d}' % os.getpid(), flush=True)\ntime.sleep(600)"
    )
    pids: list[int] = []

    class CalledOff(Exception):
        pass

    def tick() -> None:
        if pids:
            raise CalledOff

    with pytest.raises(CalledOff):
        run_native(
            name, [], on_line=lambda line: pids.append(line["pid"]), on_tick=tick, environment=environment
        )
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)
