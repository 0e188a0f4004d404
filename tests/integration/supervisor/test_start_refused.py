"""A start that cannot be: cause and cure in words, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def manage(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "check"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"CHATPLATFORM_LANGAUGE": "en"}, "There is no setting CHATPLATFORM_LANGAUGE"),
        ({"CHATPLATFORM_PORT": "many"}, "CHATPLATFORM_PORT: Input should be a valid integer"),
        ({"CHATPLATFORM_DATA_DIR": "/proc/nowhere"}, "The data folder cannot be written"),
    ],
)
def test_the_cause_is_named(environment: dict[str, str], words: str) -> None:
    done = manage(**environment)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
