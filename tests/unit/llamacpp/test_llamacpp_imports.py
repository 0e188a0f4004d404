"""Importing does nothing: llama.cpp loads when a model is served, in the engine's process, and never before."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import importlib, pkgutil, sys
import django
django.setup()
import chatplatform.inference.engines.llamacpp as package
for module in pkgutil.iter_modules(package.__path__):
    if module.name != "template_worker":
        importlib.import_module(f"{package.__name__}.{module.name}")
importlib.import_module("chatplatform.inference.management.commands.engine_llm")
print(sorted({name.partition(".")[0] for name in sys.modules} & {"llama_cpp", "numpy", "torch"}))
"""


def test_no_module_of_the_engine_loads_the_library_on_import() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
