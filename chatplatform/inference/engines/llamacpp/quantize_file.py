"""`python -m … SOURCE TARGET TYPE THREADS`: write a model file anew with weights of another type.

A process of its own: the library ends the process it is in when something is amiss. Prints a JSON object with
`fraction` for each tensor. The source has been checked by gguf.py before.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from chatplatform.inference.engines.llamacpp.native import llama

_ERROR = 4
_TENSOR = re.compile(r"\[\s*(\d+)/\s*(\d+)\]")


def quantize(source: str, target: str, kind: int, threads: int) -> str:
    """Write `source` to `target` with weights of the llama_ftype `kind`; empty, or what went wrong."""
    api = llama()
    said: list[str] = []

    def on_log(level: int, text: bytes, _data: object) -> None:
        line = text.decode("utf-8", errors="replace").strip()
        if found := _TENSOR.search(line):
            print(json.dumps({"fraction": int(found[1]) / max(1, int(found[2]))}), flush=True)  # noqa: T201
        elif level == _ERROR and line:
            said.append(line)

    callback: Any = api.llama_log_callback(on_log)
    api.llama_log_set(callback, None)
    params = api.llama_model_quantize_default_params()
    params.ftype, params.nthread = kind, threads
    params.allow_requantize = True
    if api.llama_model_quantize(source.encode(), target.encode(), params):
        return said[-1] if said else "no reason was given"
    return ""


def main() -> None:
    source, target, kind, threads = sys.argv[1:]
    if reason := quantize(source, target, int(kind), int(threads)):
        raise SystemExit(reason)


if __name__ == "__main__":
    main()
