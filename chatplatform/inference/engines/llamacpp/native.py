"""The one door to llama.cpp: loads the library on first use, with the process prepared for it."""

from __future__ import annotations

import logging
import os
from collections import deque
from functools import cache
from typing import Any

log = logging.getLogger(__name__)

# What the library last complained about; the reason for a failed load is only said there.
_complaints: deque[str] = deque(maxlen=20)
_keep: list[Any] = []

_WARNING, _ERROR = 3, 4


def prepare_environment() -> None:
    """Settings of the C runtime that must stand before the library is loaded. What the operator set, stays.

    Threads that wait in a spin ruin each other beside any other busy process, and threads that sleep at once
    cost two thirds of the speed alone: a short spin, then sleep, keeps both (measured in docs/engine.md).

    The policy is called active all the same: every thread that decodes has a team of its own, and once all teams
    together have more threads than the machine, libgomp spins 1000 times under it, and not at all under passive.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "active")
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    os.environ.setdefault("GGML_NO_BACKTRACE", "1")


@cache
def llama() -> Any:
    """The low-level module of llama_cpp, initialised once in this process."""
    prepare_environment()
    import llama_cpp

    def on_log(level: int, text: bytes, _data: object) -> None:
        if level in (_WARNING, _ERROR) and (line := text.decode("utf-8", errors="replace").strip()):
            _complaints.append(line)
            if level == _ERROR:
                log.warning("llama.cpp: %s", line)

    callback = llama_cpp.llama_log_callback(on_log)
    _keep.append(callback)  # the library holds a bare pointer to it
    llama_cpp.llama_log_set(callback, None)
    llama_cpp.llama_backend_init()
    return llama_cpp


def last_complaint() -> str:
    """The library's latest warning or error, or an empty string."""
    return _complaints[-1] if _complaints else ""


def amx_is_compiled_in() -> bool:
    """True when the library would use Intel's matrix tiles.

    Some versions of GCC, 12 among them, let ggml load the tile configuration before it is written, and the
    process dies of SIGSEGV. Which compiler was used cannot be seen, so such builds run without tiles.
    """
    return b"AMX_INT8 = 1" in llama().llama_print_system_info()
