"""Native model code in a short-lived process of its own: what it tells, and what it left behind when it failed.

Worker and command line load no such library, and a crash in it is one failed command.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from django.utils.translation import gettext_lazy as _

from chatplatform.common.errors import Unavailable

TICK_S = 1.0
_READ_BYTES = 64 * 1024
_SHOWN_CHARS = 200


class NativeFailed(Unavailable):
    """The process ended badly; the message has its last words."""

    def __init__(self, reason: str) -> None:
        super().__init__("native_failed", _("llama.cpp could not do this: %(reason)s") % {"reason": reason})


def run_native(
    module: str,
    arguments: Sequence[str],
    *,
    on_line: Callable[[dict[str, Any]], None],
    on_tick: Callable[[], None] = lambda: None,
    pass_fds: Sequence[int] = (),
    environment: dict[str, str] | None = None,
) -> None:
    """Run `python -m module`; each line of its output is a JSON object for `on_line`.

    `on_tick` is called at least about once a second; what it or `on_line` raises ends the process. Raises
    NativeFailed.
    """
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[3],
        pass_fds=tuple(pass_fds),
        env={**os.environ, **(environment or {})},
    ) as process:
        try:
            errors = _follow(process, on_line, on_tick)
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        last = (errors.strip().splitlines() or [f"exit status {process.returncode}"])[-1]
        raise NativeFailed(last[-_SHOWN_CHARS:])


def _follow(
    process: subprocess.Popen[bytes], on_line: Callable[[dict[str, Any]], None], on_tick: Callable[[], None]
) -> str:
    assert process.stdout is not None
    assert process.stderr is not None
    begun, errors = b"", b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        selector.register(process.stderr, selectors.EVENT_READ)
        while selector.get_map():
            for key, _events in selector.select(TICK_S):
                data = os.read(key.fd, _READ_BYTES)
                if not data:
                    selector.unregister(key.fileobj)
                elif key.fileobj is process.stderr:
                    errors = (errors + data)[-_READ_BYTES:]
                else:
                    *lines, begun = (begun + data).split(b"\n")
                    for line in lines:
                        on_line(json.loads(line))
            on_tick()
    return errors.decode("utf-8", errors="replace")
