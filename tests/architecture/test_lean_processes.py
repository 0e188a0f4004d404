"""Web and worker load no native model code: a crash of a model never takes a page down."""

from __future__ import annotations

import subprocess
import sys

import pytest

NATIVE = {"llama_cpp", "torch", "sentence_transformers", "transformers", "chromadb", "numpy", "onnxruntime"}
LOADED = "import sys, {module}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"


@pytest.mark.parametrize(
    "module", ["chatplatform.asgi", "chatplatform.jobs.worker", "chatplatform.supervisor.supervision"]
)
def test_no_native_model_code_is_loaded(module: str) -> None:
    source = "import django; django.setup(); " + LOADED.format(module=module)
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "chatplatform" in loaded
    assert loaded & NATIVE == set()


def test_the_test_would_notice() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(module="numpy")], capture_output=True, text=True, check=True
    )
    assert "numpy" in done.stdout.split()
