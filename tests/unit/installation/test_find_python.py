"""The shell script that looks for a Python that the platform runs on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from chatplatform import installation

SCRIPT = Path(installation.__file__).with_name("find_python.sh")


def find(python: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(SCRIPT)],
        env={"PYTHON": python, "PATH": "/usr/bin:/bin"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def fake(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_the_named_python_is_taken(tmp_path: Path) -> None:
    found = find(sys.executable, tmp_path)
    assert found.returncode == 0
    assert Path(found.stdout.strip()).resolve() == Path(sys.executable).resolve()


def test_a_wrong_version_is_named_with_a_cure(tmp_path: Path) -> None:
    old = fake(tmp_path / "python", 'case "$2" in *ensurepip*) exit 3;; *) echo 3.9.2;; esac')
    found = find(old, tmp_path)
    assert found.returncode == 1
    assert found.stdout == ""
    assert "is 3.9.2" in found.stderr
    assert "Cure:" in found.stderr


def test_a_python_without_venv_is_told_apart(tmp_path: Path) -> None:
    found = find(fake(tmp_path / "python", "exit 1"), tmp_path)
    assert found.returncode == 1
    assert "python3-venv" in found.stderr


@pytest.mark.parametrize("python", ["/nowhere/python", "no-such-python"])
def test_no_python_at_all(python: str, tmp_path: Path) -> None:
    found = find(python, tmp_path)
    assert found.returncode == 1
    assert "3.11, 3.12 or 3.13" in found.stderr
