"""Web and workers reach models without loading any library that runs them."""

from __future__ import annotations

import subprocess
import sys

NATIVE = ("llama_cpp", "torch", "numpy", "sentence_transformers", "transformers", "tokenizers", "safetensors")
CODE = """
import django, sys
django.setup()
import chatplatform.inference.{module}
print([name for name in {native} if name in sys.modules])
"""


def loaded_by(module: str) -> str:
    code = CODE.format(module=module, native=NATIVE)
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_gateway_loads_no_model_library() -> None:
    assert loaded_by("gateway") == "[]"
    assert loaded_by("management.commands.engine_encoder") == "[]"


def test_a_module_that_does_would_be_noticed() -> None:
    assert "numpy" in loaded_by("engines.encoder.convert_e5")
