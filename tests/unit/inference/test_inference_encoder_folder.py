"""Where the encoder finds a model that is not the catalogue's: at a path, or by name in the cache of a hub's client."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CODE = """
import django
django.setup()
from chatplatform.inference.engines.encoder.model_loading import find_folder
print(find_folder({reference!r}))
"""


def found(reference: str, cache: Path) -> str:
    environment = os.environ | {"HF_HUB_CACHE": str(cache), "HF_HUB_OFFLINE": "1"}
    result = subprocess.run(
        [sys.executable, "-c", CODE.format(reference=reference)],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    return result.stdout.strip().splitlines()[-1]


def test_a_model_that_a_hubs_client_fetched_is_found_by_its_name(tmp_path: Path) -> None:
    home = tmp_path / "models--somebody--small-v1.5"
    folder = home / "snapshots" / ("a" * 40)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text("a" * 40)
    assert found("somebody/small-v1.5", tmp_path) == str(folder)
    assert found("somebody/large", tmp_path) == "None"


def test_a_folder_is_found_by_its_path(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    assert found(str(folder), tmp_path) == str(folder)
    assert found(str(tmp_path / "nothing" / "here"), tmp_path) == "None"
